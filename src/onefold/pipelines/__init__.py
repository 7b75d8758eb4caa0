"""The orders of work, each readable as one list."""
