"""The memory of stored edges: bounded, true, and of those met latest."""

from onefold.identity.known import KnownEdges
from onefold.model import Edge


def edge(n, at_us=5, event=b"e" * 16):
    return Edge(n.to_bytes(16, "big"), b"b" * 16, "event", 80, at_us, event, "web", "seen_together/1", None, 1)


def key(n):
    return (n.to_bytes(16, "big"), b"b" * 16, "event")


def test_evidence_as_early_is_covered_and_no_other():
    known = KnownEdges()
    known.committed([edge(1, 5)])
    assert known.covers(key(1), 5, b"e" * 16)
    assert known.covers(key(1), 6, b"a" * 16)
    assert not known.covers(key(1), 5, b"d" * 16)
    assert not known.covers(key(1), 4, b"z" * 16)
    assert not known.covers(key(2), 9, b"e" * 16)


def test_later_evidence_does_not_push_earlier_out():
    """In the young half, in the old one, and in one call."""
    known = KnownEdges(capacity=4)
    known.committed([edge(1, 3), edge(1, 8)])
    known.committed([edge(2), edge(3)])
    known.committed([edge(1, 9)])
    assert known.covers(key(1), 3, b"e" * 16)


def test_it_is_bounded_and_keeps_what_is_met():
    known = KnownEdges(capacity=10)
    for n in range(1_000):
        known.committed([edge(n)])
        assert known.covers(key(0), 5, b"e" * 16), "met in every round, so kept"
        assert len(known._young) + len(known._old) <= 10
    assert not known.covers(key(500), 9, b"e" * 16)
