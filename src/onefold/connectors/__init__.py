"""Sources and destinations, one module a system."""
