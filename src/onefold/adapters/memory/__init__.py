"""Stores in memory: product code for tests, what-if and small jobs."""
