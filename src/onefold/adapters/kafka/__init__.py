"""The event log on Kafka; needs the extra `kafka`."""
