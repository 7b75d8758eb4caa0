"""Wires adapters to stages; the only module that knows both."""
