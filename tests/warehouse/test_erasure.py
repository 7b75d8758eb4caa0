"""Erased from the warehouse means unfindable, and nothing else changes."""

from __future__ import annotations

import pytest
from tests import workbench
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.erasure import Eraser
from onefold.adapters.duckdb.sealed_file import SealedFile
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.governance.encryption import EntrySealer
from onefold.model import Identifier
from onefold.pipelines import judgements

PEOPLE = 20
OFTEN = 3


def secret(person: int, number: int) -> str:
    return f"secret-{person:03d}-{number}-z"


def populated(context, directory, queries) -> Yard:
    """Twenty people, each with planted values in every place an event has for them; some loaded, some in the feed."""
    yard = Yard(context, directory, queries, rows=40)
    for number in range(OFTEN):
        for person in range(PEOPLE):
            yard.receive(
                {
                    "type": "identify",
                    "userId": f"user-{secret(person, 5)}",
                    "anonymousId": f"cookie-{person}",
                    "messageId": f"m-{secret(person, number)}",
                    "traits": {"email": f"{secret(person, 7)}@mail.example", "city": secret(person, number)},
                    "properties": {"story": secret(person, number)},
                    "context": {"page": {"title": secret(person, number)}},
                }
            )
        if number < OFTEN - 1:
            yard.load()
    return yard


def eraser(yard: Yard) -> Eraser:
    return Eraser(yard.context.store, yard.context.feed, yard.files, yard.loader)


def nodes_of(yard: Yard, person: int) -> list[bytes]:
    node = judgements.subject(
        Identifier("anonymous_id", f"cookie-{person}"), yard.context.identity, yard.context.hasher
    )
    with yard.context.store.snapshot() as snapshot:
        row = snapshot.nodes([node])[node]
        return [member.id for member in snapshot.members([row.member.component])]


def plaintext(yard: Yard) -> bytes:
    """All that the segment files hold, unsealed and uncompressed, and all of the feed."""
    found = []
    with yard.context.store.snapshot() as snapshot:
        for segment in snapshot.segments():
            with SealedFile(yard.files.open(segment), yard.files.key(segment)) as file:
                found.append(file.read())  # footers and statistics
            found.append(repr(yard.files.read(segment).to_pylist()).encode())
        found += [repr(yard.context.feed.rows(chunk).events).encode() for chunk in snapshot.feed(after=0)]
    return b"".join(found)


def left(yard: Yard, person: int) -> int:
    return plaintext(yard).count(secret(person, 0)[:-3].encode())


def test_an_erased_person_is_in_no_file_and_others_are_as_they_were(tmp_path, queries):
    """Nothing of an erased person is left in segments or feed; every other row is what it was, to the bit."""
    yard = populated(workbench.context(), tmp_path, queries)
    everybody = "SELECT * FROM staging.event ORDER BY sequence"
    before = yard.rows(everybody)
    profiles = {row["person"]: row for row in yard.rows("SELECT * EXCLUDE (sequence, known_at) FROM golden.profile")}
    nodes = nodes_of(yard, 3)
    gone = {str(row["person"]) for row in yard.rows("SELECT person FROM golden.identity WHERE value = 'cookie-3'")}
    assert left(yard, 3)
    assert eraser(yard).count(nodes)
    files = _segments(yard)
    assert eraser(yard).erase(nodes) > OFTEN
    assert left(yard, 3) == eraser(yard).count(nodes) == 0
    assert all(left(yard, person) for person in range(PEOPLE) if person != 3)
    hexes = [node.hex() for node in nodes]
    assert yard.rows(everybody) == [row for row in before if row["node"].replace("-", "") not in hexes]
    after = {row["person"]: row for row in yard.rows("SELECT * EXCLUDE (sequence, known_at) FROM golden.profile")}
    assert after == {person: row for person, row in profiles.items() if person not in gone}
    assert set(files) - set(_segments(yard)), "no file was written anew"
    assert {path.name for path in yard.files.directory.iterdir()} == {segment.name for segment in _segments(yard)}


def _segments(yard: Yard):
    with yard.context.store.snapshot() as snapshot:
        return snapshot.segments()


def test_a_sweep_finds_what_was_not_erased(tmp_path, queries):
    """The negative control: the sweep does see values where they are."""
    yard = populated(workbench.context(), tmp_path, queries)
    assert all(left(yard, person) for person in range(PEOPLE))


def test_keys_of_removed_files_are_in_no_file_of_the_store(tmp_path, queries):
    """After a scrub neither the pages nor the write-ahead log of the store hold the wrapped keys of removed files."""
    store = SqliteProfileStore(tmp_path / "profiles.db", EntrySealer(workbench.KEYS, bytes))
    try:
        yard = populated(workbench.context(store=store), tmp_path, queries)
        yard.load()
        keys = {segment.key for segment in _segments(yard)}
        eraser(yard).erase(nodes_of(yard, 3))
        removed = keys - {segment.key for segment in _segments(yard)}
        assert removed
        store.scrub()
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("profiles.db*"))
        assert not [key for key in removed if key in stored]
        assert [key for key in keys - removed if key in stored] or not keys - removed
    finally:
        store.close()


@pytest.mark.parametrize("person", [0, PEOPLE - 1])
def test_erasing_twice_removes_nothing_more(tmp_path, queries, person):
    """An erasure that was cut short can be done again."""
    yard = populated(workbench.context(), tmp_path, queries)
    nodes = nodes_of(yard, person)
    assert eraser(yard).erase(nodes)
    before = _segments(yard)
    assert eraser(yard).erase(nodes) == 0
    assert _segments(yard) == before
