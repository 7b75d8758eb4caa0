"""Computed traits: aggregates of a person's events, kept per identity node and combined per person."""
