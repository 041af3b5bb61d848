"""The demo: a fake Resend, a worker and this site, put through everything a mirror must do."""
