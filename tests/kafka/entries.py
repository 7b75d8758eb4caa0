"""Entries for the tests of the log on Kafka."""

from onefold.model import LogEntry


def entry(index, source="web", body=b"{}"):
    return LogEntry("segment", source, 1_000 + index, index, body, "2026-01-01", b"{}", "req")


def entries(count, start=0, source="web"):
    return [entry(start + number, source) for number in range(count)]
