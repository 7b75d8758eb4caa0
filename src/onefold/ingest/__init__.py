"""Gate 1: accept, validate, normalise, score. Turns log entries into events or reasons."""
