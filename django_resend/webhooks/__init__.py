"""Webhooks: receive, verify, store, apply."""
