"""Resend's objects, one file each."""
