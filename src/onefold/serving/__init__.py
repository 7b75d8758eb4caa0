"""HTTP: collect, profiles, health."""
