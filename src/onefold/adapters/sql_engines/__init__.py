"""Engines of the customer that have no transactions over several statements: ClickHouse, Spark, Snowflake and BigQuery."""
