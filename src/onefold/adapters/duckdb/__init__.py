"""The embedded warehouse: sealed Parquet segment files, their manifest in the profile store, DuckDB to read them."""
