"""Files that the rows of a query are written to."""
