"""Erased from the warehouse means unfindable, and nothing else changes."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest
from tests import workbench
from tests.warehouse import statements
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.erasure import Eraser
from onefold.adapters.duckdb.sealed_file import SealedFile
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.errors import ConflictError, UsageError
from onefold.governance.encryption import EntrySealer
from onefold.model import Column, Identifier, Relation
from onefold.pipelines import judgements
from onefold.pipelines.batch import models as batch
from onefold.pipelines.batch.checks import RESULT
from onefold.warehouse import views
from onefold.warehouse.models import increment
from onefold.warehouse.models.binding import bind

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
    return Eraser(yard.context.store, yard.context.feed, yard.files, yard.loader, yard.context.clock_us)


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


MART = Relation("marts", "story", (Column("story", "text", "personal"), Column("who", "text", "identifier")), "table")


def mart(yard: Yard) -> pa.Table:
    """What a model would make of everybody."""
    rows = yard.rows("SELECT properties AS story, message_id AS who FROM staging.event")
    return pa.Table.from_pylist(rows, pa.schema({"story": pa.string(), "who": pa.string()}))


def test_what_models_and_checks_made_of_a_person_goes_with_them(tmp_path, queries):
    """Tables that were computed are not there any more; results of checks are, without the values that they showed."""
    yard = populated(workbench.context(), tmp_path, queries)
    yard.warehouse.replace(MART, mart(yard))
    shown = {c.name: ["x"] for c in RESULT.columns if c.type in {"text", "json"}}
    bins = msgspec.json.encode({secret(3, 0): 1.0}).decode()
    shown |= {"ran_at": [datetime(2026, 6, 1)], "rows_checked": [1], "sample": [f'["{secret(3, 0)}"]'], "bins": [bins]}  # noqa: DTZ001  as the warehouse has times
    shown |= {name: [None] for name in ("gate", "rows_failing", "observed")}
    yard.warehouse.merge(RESULT, pa.table(shown))
    assert eraser(yard).erase(nodes_of(yard, 3))
    assert left(yard, 3) == 0
    with pytest.raises(UsageError):
        yard.rows("SELECT * FROM marts.story")
    assert yard.rows("SELECT sample, bins FROM quality.check_result") == [{"sample": "[]", "bins": "{}"}]
    (told,) = yard.rows("SELECT rows, tables FROM quality.erasure")
    assert (told["rows"] > OFTEN, told["tables"]) == (True, '["marts.story"]')
    assert {path.name for path in yard.files.directory.iterdir()} == {segment.name for segment in _segments(yard)}


def test_what_was_read_before_an_erasure_is_not_written_after_it(tmp_path, queries):
    """Who is in the midst of a model then is refused, and can begin again."""
    yard = populated(workbench.context(), tmp_path, queries)
    assert yard.warehouse.fence()
    rows = mart(yard)
    yard.warehouse.append(MART, rows)  # its first, of which an erasure that has begun does not know
    eraser(yard).erase(nodes_of(yard, 3))
    for write in (yard.warehouse.append, yard.warehouse.replace):
        with pytest.raises(ConflictError):
            write(MART, rows)
    assert left(yard, 3) == 0
    assert not yard.warehouse.fence()
    yard.warehouse.replace(MART, mart(yard))
    assert yard.rows("SELECT count(*) AS n FROM marts.story")[0]["n"]
    assert left(yard, 3) == 0


def test_models_that_are_being_built_are_built_anew(tmp_path, queries):
    """When somebody is erased between two models of a run, what comes of the run is without them."""
    yard = populated(workbench.context(), tmp_path, queries)
    some = [
        statements.model("a", "SELECT e.message_id AS who FROM staging.event AS e", materialized="table", key=("who",)),
        statements.model("b", "SELECT a.who FROM marts.a AS a", materialized="table", key=("who",)),
    ]
    begun: list[str] = []

    def starting(name: str) -> None:
        begun.append(name)
        if begun == ["marts.a", "marts.b"]:
            eraser(yard).erase(nodes_of(yard, 3))

    bound = bind(some, views.RELATIONS.values())
    done = list(
        batch.run(yard.warehouse, bound, [], tracked=increment.TRACKED, moment=datetime.now(UTC), starting=starting)
    )
    assert begun == ["marts.a", "marts.b"] * 2
    assert [run.model for run in done][-2:] == ["marts.a", "marts.b"]
    assert yard.rows("SELECT count(*) AS n FROM marts.b") == [{"n": (PEOPLE - 1) * OFTEN}]
    assert left(yard, 3) == 0


def test_without_the_fence_an_erased_person_comes_back(tmp_path, queries):
    """The negative control: the sweep finds what a model that was not fenced writes."""
    yard = populated(workbench.context(), tmp_path, queries)
    rows = mart(yard)
    eraser(yard).erase(nodes_of(yard, 3))
    yard.warehouse.replace(MART, rows)
    assert left(yard, 3)


def test_a_table_that_is_made_while_somebody_is_erased_goes_too(tmp_path, queries, monkeypatch):
    """Between the erasure's look and its commit."""
    yard = populated(workbench.context(), tmp_path, queries)
    commit = Eraser._commit

    def late(self, *stated):
        yard.warehouse.replace(MART, mart(yard))
        commit(self, *stated)

    monkeypatch.setattr(Eraser, "_commit", late)
    eraser(yard).erase(nodes_of(yard, 3))
    assert left(yard, 3) == 0


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
