"""Maintenance: rebuild, preview, dead letters."""
