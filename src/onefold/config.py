"""The project directory, read and checked."""
