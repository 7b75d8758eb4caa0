"""Partitions: a person's entries stay together, the rest is spread, and the key tells a broker nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from onefold.ingest.partition import partition_key, partition_of
from onefold.model import LogEntry

SECRET = b"s" * 32


def key(body: bytes, secret: bytes = SECRET) -> bytes:
    return partition_key(LogEntry("segment", "web", 1, 0, body), secret)


def test_a_users_entries_share_a_key_whatever_else_they_say():
    first = key(b'{"userId":"u1","anonymousId":"a","type":"track"}')
    assert first == key(b'{"type":"identify","traits":{"userId":"x"},"userId":"u1"}')
    assert first != key(b'{"userId":"u2","anonymousId":"a"}')


def test_without_a_user_a_browsers_entries_share_a_key():
    assert key(b'{"anonymousId":"a","n":1}') == key(b'{"userId":null,"anonymousId":"a"}') == key(b'{"distinct_id":"a"}')


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"userId":{"a":[1]}}', b'{"userId":1}'])
def test_anything_has_a_key(body):
    assert len(key(body)) == 8


def test_the_key_depends_on_the_secret():
    assert key(b'{"userId":"u1"}') != key(b'{"userId":"u1"}', b"t" * 32)


def test_people_and_nobodies_are_spread_evenly():
    for bodies in ([b'{"userId":"%d"}' % n for n in range(4000)], [b'{"n":%d}' % n for n in range(4000)]):
        counts = Counter(partition_of(key(body), 4) for body in bodies)
        assert set(counts) == {0, 1, 2, 3}
        assert min(counts.values()) > 850
