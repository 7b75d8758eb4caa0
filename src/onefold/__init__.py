"""Onefold: many records, one person. A customer data platform an organisation runs itself."""

__version__ = "0.1.0"
