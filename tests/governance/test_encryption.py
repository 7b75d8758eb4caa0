"""Encryption at rest: what is sealed opens as itself, in its own place, under its own key, and nowhere else."""

from __future__ import annotations

import os
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.errors import IntegrityError
from onefold.governance.encryption import Draws, EntrySealer, NodeSealer, WorkspaceKeys, create_keys, open_keys
from onefold.model import LogEntry, Member
from onefold.ports import KeyManager, NodeRow

KEYS = WorkspaceKeys("shop", b"h" * 32, b"w" * 32, b"l" * 32)
OTHER_WORKSPACE = WorkspaceKeys("school", b"h" * 32, b"w" * 32, b"l" * 32)
OTHER_KEYS = WorkspaceKeys("shop", b"h" * 32, b"W" * 32, b"L" * 32)
NODE, OTHER_NODE = b"n" * 16, b"o" * 16
ENTRY = LogEntry("segment", "web", 5, 0, b'{"email":"ann@example.org"}', "2026-01-01", b"{}", "req", 4)


class PlainKeys(KeyManager):
    """Hands keys through, with the name beside them."""

    def wrap(self, key, *, name):
        """Name and key."""
        return name.encode() + b"|" + key

    def unwrap(self, wrapped, *, name):
        """The key."""
        return wrapped.removeprefix(name.encode() + b"|")


def sealed_row(sealer: NodeSealer, state: bytes = b"ann@example.org", version: int = 3) -> NodeRow:
    wrapped, key = sealer.new_key(NODE)
    return NodeRow(Member(NODE, "email", 1, NODE, NODE), wrapped, version, sealer.seal(NODE, version, key, state))


@given(st.binary(max_size=500), st.integers(0, 2**63))
def test_a_sealed_state_opens_as_it_was(state, version):
    """Any state, any version."""
    sealer = NodeSealer(KEYS, os.urandom)
    assert sealer.open(sealed_row(sealer, state, version)) == state
    assert NodeSealer(KEYS, os.urandom).open(sealed_row(sealer, state, version)) == state


def test_a_state_is_sealed_again_under_its_stored_key():
    """The wrapped key does as well as the ready one."""
    sealer = NodeSealer(KEYS, os.urandom)
    row = sealed_row(sealer)
    again = msgspec.structs.replace(row, version=4, sealed=sealer.seal(NODE, 4, row.key, b"new"))
    assert sealer.open(again) == b"new"


def test_nothing_readable_is_stored():
    """Neither a state nor a log entry shows its content, and equal contents look different."""
    sealer, entries = NodeSealer(KEYS, os.urandom), EntrySealer(KEYS, os.urandom)
    first, second = sealed_row(sealer), sealed_row(sealer)
    assert b"example" not in first.sealed + entries.seal(ENTRY)
    assert first.sealed != second.sealed
    assert entries.seal(ENTRY) != entries.seal(ENTRY)


def test_a_state_opens_only_in_its_own_place():
    """Another node, version, workspace or workspace key: each is refused."""
    sealer = NodeSealer(KEYS, os.urandom)
    row = sealed_row(sealer)
    moved = msgspec.structs.replace(row, member=Member(OTHER_NODE, "email", 1, OTHER_NODE, OTHER_NODE))
    old = msgspec.structs.replace(row, version=2)
    swapped_key = msgspec.structs.replace(row, key=sealer.new_key(NODE)[0])
    for opener, wrong in (
        (sealer, moved),
        (sealer, old),
        (sealer, swapped_key),
        (NodeSealer(OTHER_WORKSPACE, os.urandom), row),
        (NodeSealer(OTHER_KEYS, os.urandom), row),
    ):
        with pytest.raises(IntegrityError) as refused:
            opener.open(wrong)
        assert "example" not in str(refused.value)


def test_every_flipped_bit_is_noticed():
    """In the state, in the wrapped key and in a log entry; and so is every truncation."""
    sealer, entries = NodeSealer(KEYS, os.urandom), EntrySealer(KEYS, os.urandom)
    row, entry = sealed_row(sealer), entries.seal(ENTRY)
    for sealed, opened in (
        (row.sealed, lambda altered: sealer.open(msgspec.structs.replace(row, sealed=altered))),
        (row.key, lambda altered: sealer.open(msgspec.structs.replace(row, key=altered))),
        (entry, entries.open),
        (entries.seal_all([ENTRY, ENTRY]), entries.open_all),
        (entries.seal_all([ENTRY, ENTRY]), lambda altered: entries.open_some(altered, [0])),
    ):
        for bit in range(len(sealed) * 8):
            altered = bytearray(sealed)
            altered[bit // 8] ^= 1 << bit % 8
            with pytest.raises(IntegrityError):
                opened(bytes(altered))
        for length in range(len(sealed)):
            with pytest.raises(IntegrityError):
                opened(sealed[:length])


def test_a_log_entry_opens_as_it_was():
    """Every field, the absent ones too."""
    entries = EntrySealer(KEYS, os.urandom)
    for entry in (ENTRY, LogEntry("unreadable", "web", 5, 0, b"\xff\x00")):
        assert entries.open(entries.seal(entry)) == entry


def test_a_chunk_of_log_entries_opens_as_it_was():
    """Whole and in part, in order; a single entry opens as a chunk of one, and a chunk does not open as an entry."""
    sealer = EntrySealer(KEYS, os.urandom)
    entries = [LogEntry("segment", "web", 5, index, b"{}") for index in range(40)]
    sealed = sealer.seal_all(entries)
    assert sealer.open_all(sealed) == entries
    assert sealer.open_some(sealed, [0, 39, 3, 40, -1]) == {0: entries[39], 39: entries[0], 3: entries[36]}
    alone = sealer.seal(entries[7])
    assert sealer.open_all(alone) == [entries[7]]
    assert sealer.open_some(alone, [0, 1]) == {0: entries[7]}
    with pytest.raises(IntegrityError):
        sealer.open(sealer.seal_all(entries[:1]))


def test_log_entries_open_only_in_their_workspace():
    """Another workspace's sealer refuses them, with equal key bytes too."""
    sealer = EntrySealer(KEYS, os.urandom)
    for keys in (OTHER_WORKSPACE, OTHER_KEYS):
        with pytest.raises(IntegrityError):
            EntrySealer(keys, os.urandom).open(sealer.seal(ENTRY))
        with pytest.raises(IntegrityError):
            EntrySealer(keys, os.urandom).open_all(sealer.seal_all([ENTRY]))


def test_a_destroyed_key_is_out_of_memory_too():
    """After `forget`, a state whose key was destroyed does not open from a cache."""
    sealer = NodeSealer(KEYS, os.urandom)
    row = sealed_row(sealer)
    sealer.open(row)
    sealer.forget()
    with pytest.raises(IntegrityError):
        sealer.open(msgspec.structs.replace(row, key=b""))


def test_ready_keys_are_bounded_and_forgotten_ones_open_again():
    """However many nodes there are, memory holds some of their keys, and every state opens."""
    sealer = NodeSealer(KEYS, os.urandom, cached_keys=10)
    rows = []
    for number in range(100):
        node = number.to_bytes(16, "big")
        wrapped, key = sealer.new_key(node)
        sealed = sealer.seal(node, 1, key, b"state %d" % number)
        rows.append(NodeRow(Member(node, "email", 1, node, node), wrapped, 1, sealed))
    for number, row in enumerate(rows + rows[::-1]):
        assert sealer.open(row) == b"state %d" % (number if number < 100 else 199 - number)
        assert len(sealer._young) + len(sealer._old) <= 10


def test_workspace_keys_come_back_as_they_were_made():
    """Three different keys, bound to their workspace, and never shown."""
    keys, blob = create_keys(PlainKeys(), "shop", random.Random(1).randbytes)
    assert open_keys(PlainKeys(), "shop", blob) == keys
    assert len({keys.hashing, keys.wrapping, keys.log}) == 3
    assert {len(keys.hashing), len(keys.wrapping), len(keys.log)} == {32}
    assert repr(keys) == "<WorkspaceKeys shop>"
    with pytest.raises(IntegrityError):
        open_keys(PlainKeys(), "shop", blob[:-1])


def test_no_nonce_comes_twice():
    """Not over many refills, and not in a forked child."""
    nonces = Draws(os.urandom, 12)
    taken = [nonces.take() for _ in range(5_000)]
    assert len(set(taken)) == 5_000
    assert {len(nonce) for nonce in taken} == {12}
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, nonces.take())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 12) not in {nonces.take() for _ in range(2_000)}
    os.close(reading)
    os.close(writing)
