"""The REST API over the mirror. It reads and writes the local rows only."""
