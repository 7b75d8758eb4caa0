"""Structured logs and metrics that never carry personal data."""
