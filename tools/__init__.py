"""What maintainers run: the command reference, the search for secrets, releases."""
