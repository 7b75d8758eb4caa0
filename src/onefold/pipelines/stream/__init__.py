"""The stream: from entries of the log to committed profiles. `process` holds the order of work."""
