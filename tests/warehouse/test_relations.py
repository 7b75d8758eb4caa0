"""Relations of one's own beside those of the stream: appended, replaced, merged, dropped; all or none."""

import pyarrow as pa
import pytest

from onefold.errors import UsageError
from onefold.model import Column, Relation
from onefold.warehouse.relations import EVENT

GIFTS = Relation(
    "marts", "gifts", (Column("donor", "text", required=True), Column("amount", "decimal")), key=("donor",)
)


def gifts(**by_donor):
    return pa.table({"donor": list(by_donor), "amount": pa.array(by_donor.values(), pa.int64())})


def stored(yard):
    return {row["donor"]: int(row["amount"]) for row in yard.rows("SELECT * FROM marts.gifts")}


def test_rows_are_appended_replaced_merged_and_dropped(yard):
    """Each does what it says, while the stream's own loads go on."""
    yard.warehouse.append(GIFTS, gifts(ann=1))
    yard.receive({"type": "track", "event": "X", "anonymousId": "a", "messageId": "1"})
    yard.warehouse.append(GIFTS, gifts(bob=2))
    assert stored(yard) == {"ann": 1, "bob": 2}
    yard.load()
    yard.warehouse.merge(GIFTS, gifts(bob=3, cid=4))
    assert stored(yard) == {"ann": 1, "bob": 3, "cid": 4}
    yard.warehouse.replace(GIFTS, gifts(dan=5))
    assert stored(yard) == {"dan": 5}
    assert "marts.gifts" in [relation.full_name for relation in yard.warehouse.relations()]
    yard.warehouse.drop(GIFTS)
    with pytest.raises(UsageError, match="There is no relation"):
        stored(yard)
    named = {path.name for path in yard.files.directory.iterdir()}
    with yard.context.store.snapshot() as snapshot:
        assert named == {segment.name for segment in snapshot.segments()}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (pa.table({"donor": ["ann"], "amuont": [1]}), "no column amuont"),
        (pa.table({"donor": [None], "amount": [1]}), "required"),
        (pa.table({"donor": ["ann"], "amount": ["much"]}), "no decimal"),
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(yard, rows, told):
    """A column too many, a value missing or of another type: the message names it, and nothing is stored."""
    with pytest.raises(UsageError, match=told):
        yard.warehouse.append(GIFTS, rows)
    assert not yard.files.directory.exists()


def test_what_the_stream_makes_is_its_own(yard):
    """Nobody else writes the relations of the stream."""
    with pytest.raises(UsageError, match="made by the stream"):
        yard.warehouse.append(EVENT, pa.table({}))


def test_a_name_that_is_not_there_brings_the_nearest(yard):
    """Relations are told by name, and a slip is answered with the word that was meant."""
    with pytest.raises(UsageError, match=r"did you mean `golden\.profile`"):
        yard.rows("SELECT * FROM golden.profil")


def test_rows_that_are_gone_leave_with_the_merge(yard):
    """Rows that agree with a removed key go, whether or not rows come for it."""
    yard.warehouse.replace(GIFTS, gifts(ann=1, bob=2, cid=3))
    yard.warehouse.merge(GIFTS, gifts(bob=5), gone=gifts(ann=0, bob=0).select(["donor"]))
    assert {row["donor"]: row["amount"] for row in yard.rows("SELECT donor, amount FROM gifts")} == {"bob": 5, "cid": 3}
