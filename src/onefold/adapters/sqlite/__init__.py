"""Embedded stores on SQLite."""
