"""Which records of a table are the same person: normalise, block, compare, learn, cluster. Needs the extra `matching`."""
