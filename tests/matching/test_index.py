"""An index gives a record the pairs that matching all records at once gives it; a model file says nothing of anybody."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.matching.people import rows, table

from onefold import bootstrap
from onefold.errors import UsageError
from onefold.matching import blocking, entries, index, matcher, outcome, screening, trained
from onefold.matching.settings import MatchSettings

KEY = b"k" * 32
PEOPLE = 50


@pytest.fixture(scope="module")
def learned():
    """Records, and a model that was learned of others like them."""
    data = table(rows(people=PEOPLE, seed=3))
    matched = bootstrap.match_table(data, MatchSettings(), ignored=("cluster",))
    model = trained.of_match(matched, KEY)
    # Small blocks and some evidence, as in large tables: else a few rules find all there is.
    rules = tuple(blocking.Rule(rule.keys, min(rule.largest, 5)) for rule in matched.scheme.rules)
    rules += (blocking.Rule((0, 2), 4), blocking.Rule((2, 4, 6), 6))
    scheme = msgspec.structs.replace(model.scheme, rules=rules, least=5 * screening.UNITS, chance=3.0)
    return rows(people=PEOPLE, seed=4), trained.Known(msgspec.structs.replace(model, scheme=scheme), KEY)


def in_one_pass(records, known):
    """Scored pairs of all records, by their two ids."""
    matched = matcher.match(table(records), known.trained.fields, MatchSettings(), known=known)
    return {frozenset((row["record_a"], row["record_b"])): row["score"] for row in outcome.scored(matched).to_pylist()}


def pairs_of(record, found):
    return {frozenset((record["id"], pair.record)): pair.score for pair in found}


def values(record):
    return {name: value for name, value in record.items() if name not in ("id", "cluster")}


@settings(max_examples=5)
@given(st.integers(0, 2**32), st.integers(0, 2 * PEOPLE))
def test_one_by_one_is_all_at_once(learned, seed, before):
    """Whatever is loaded before and whatever comes singly, in whatever order."""
    records, known = learned
    records = random.Random(seed).sample(records, len(records))
    expected = in_one_pass(records, known)
    assert len(expected) > 20
    held = index.Index(known, table(records[:before]) if before else None)
    found = {}
    for record in records[before:]:
        found |= pairs_of(record, held.add(record["id"], values(record)))
    # A block may have grown too large since a pair was found by it: then one pass has fewer pairs, never more.
    loaded = {record["id"] for record in records[:before]}
    late = {pair: score for pair, score in expected.items() if not pair <= loaded}
    assert {pair: found[pair] for pair in late} == pytest.approx(late)
    for record in [*records[:10], *records[-10:]]:
        held.remove(record["id"])
        of_record = {pair: score for pair, score in expected.items() if record["id"] in pair}
        assert pairs_of(record, held.match(values(record))) == pytest.approx(of_record)
        held.add(record["id"], values(record))


def test_a_rule_that_is_forgotten_is_noticed(learned, monkeypatch):
    """Control: an index that looks into the blocks of one rule only gives fewer pairs."""
    records, known = learned
    whole = entries.Blocks.of_record
    monkeypatch.setattr(entries.Blocks, "of_record", lambda *given: tuple(each[:1] for each in whole(*given)))
    held = index.Index(known)
    found = [pair for record in records for pair in held.add(record["id"], values(record))]
    assert len(found) < len(in_one_pass(records, known))


def test_a_model_survives_its_file(learned):
    """What is read is what was written, and its version is that of its content."""
    _, known = learned
    model = known.trained
    again = trained.decode(trained.encode(model), "m.json")
    assert again == model
    assert again.version() == model.version()
    assert msgspec.structs.replace(model, stop=1.0).version() != model.version()


def test_a_model_has_no_values_and_needs_its_key(learned):
    """Names cannot be read from the file, nor tried against it without the key."""
    _, known = learned
    text = trained.encode(known.trained).decode().casefold()
    names = {record[name].casefold() for record in rows(people=PEOPLE, seed=3) for name in ("first_name", "city")}
    assert not [name for name in names if name in text]
    with pytest.raises(UsageError, match="key"):
        trained.Known(known.trained, b"x" * 32)
    matched = bootstrap.match_table(table(rows(people=PEOPLE, seed=3)), MatchSettings(), ignored=("cluster",))
    other = trained.of_match(matched, b"y" * 32)
    assert other.counts != known.trained.counts
    with pytest.raises(UsageError, match="at least"):
        trained.of_match(matched, b"short")


@pytest.mark.parametrize(
    ("text", "told"), [(b"{}", "not a model"), (b"nonsense", "not a model"), (b'{"format": 9}', "format 9")]
)
def test_other_files_are_refused(text, told):
    """With a word about what to do."""
    with pytest.raises(UsageError, match=told):
        trained.decode(text, "m.json")


def test_ids_are_given_once(learned):
    """A second record of an id is refused, as is the removal of one that is not there."""
    records, known = learned
    held = index.Index(known)
    held.add("a", values(records[0]))
    with pytest.raises(UsageError, match="already"):
        held.add("a", values(records[0]))
    with pytest.raises(UsageError, match="no record"):
        held.remove("b")
