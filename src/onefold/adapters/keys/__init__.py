"""Key managers."""
