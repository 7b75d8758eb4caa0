"""The order of work in batches: what is worked out from the warehouse, and written back to it."""
