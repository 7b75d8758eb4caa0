"""The warehouse: what its relations are, how events and changes become their rows, the models built on them. Pure."""
