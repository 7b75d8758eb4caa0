"""SQL models: a SELECT statement each, read through an allow-list, bound to the relations they name, in order."""
