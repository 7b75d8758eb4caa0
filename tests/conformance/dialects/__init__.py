"""The cases of the tables of support, by vendor."""
