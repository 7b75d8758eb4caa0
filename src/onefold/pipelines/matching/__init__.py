"""Matching inside a project: records of the profile store, scored, and the scores on their way into the log."""
