"""Dialects: a query of the warehouse, written for DuckDB, in another engine's words. Pure."""
