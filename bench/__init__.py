"""Measurements: each figure beside its physical limit or a peer, as a ratio of the same run."""
