"""The tables one would write for a script: no base, no raw JSON, no outbox."""
