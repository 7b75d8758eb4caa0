"""Vendors' own test suites, as their packages carry them, run against an Onefold server: `python -m tests.sdks`."""
