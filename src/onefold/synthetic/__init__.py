"""People with known truth, for tests, benches and the demo."""
