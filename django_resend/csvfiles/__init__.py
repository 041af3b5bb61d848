"""Contacts from CSV files, and to them. Files are streamed: their size doesn't matter."""
