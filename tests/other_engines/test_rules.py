"""Rules about people in the customer's engines: they say of everybody what the stream says, as in the law of rules."""

from __future__ import annotations

import pyarrow as pa
import pytest
from tests.other_engines import servers
from tests.rules import engines
from tests.rules.asking import Asker
from tests.rules.engines import assert_alike
from tests.rules.people import TABLES, People, rows

from onefold.adapters.sql_engines.rows import plain, shaped
from onefold.errors import UsageError
from onefold.model import Column, Relation
from onefold.rules import parse
from onefold.warehouse import people as compiled
from onefold.warehouse.dialects import translation
from onefold.warehouse.views import RELATIONS

RULES, TOGETHER, PEOPLE, ROUNDS = 50, 10, 30, 4
EXACTLY = pytest.mark.parametrize("make_engine", servers.EXACT_IN_JSON, indirect=True)
_TYPES = {
    "UUID": ("uuid", pa.uuid()),
    "VARCHAR": ("text", pa.string()),
    "BIGINT": ("bigint", pa.int64()),
    "DECIMAL(38, 9)": ("decimal", pa.decimal128(38, 9)),
    "TIMESTAMP": ("timestamp", pa.timestamp("us")),
}
"""By DuckDB's word in `TABLES`, ours and Arrow's."""


class Other(engines.Duck):
    """One of the engines that are no part of the suite."""

    def __init__(self, made):
        self._kind, self._session, self._prefix = made.kind, made.session, "rules_"
        self._session.execute(self._kind.schema(self._kind.name("rules_golden")))

    def _load(self, people):
        for table, columns in TABLES.items():
            schema, _, name = table.partition(".")
            relation = Relation(schema, name, tuple(_column(stated) for stated in columns))
            there = self._kind.name(self._prefix + schema, name)
            self._session.execute(f"DROP TABLE IF EXISTS {there}")
            typed = ", ".join(
                f"{self._kind.name(each.name)} {self._kind.types[each.type]}" for each in relation.columns
            )
            self._session.execute(self._kind.table(there, typed, ()))
            self._session.insert(there, plain(_arrow(columns, rows(people)[table])))

    def answers(self, rules, tree=None):
        """By person, what each rule says; a statement of ClickHouse may have 256 KB, so some rules at a time."""
        names, found = list(rules), {}
        for start in range(0, len(names), TOGETHER):
            some = {name: rules[name] for name in names[start : start + TOGETHER]}
            for person, said in super().answers(some).items():
                found.setdefault(person, {}).update(said)
        return found

    def run(self, tree, rules):
        there = translation.translate(tree, self._kind.dialect, RELATIONS, self._prefix)
        found = self._session.fetch(translation.sql(there, self._kind.dialect) + self._kind.settings)
        schema = pa.schema([("person", pa.uuid()), *((name, pa.bool_()) for name in rules)])
        told = shaped(schema, found).to_pylist()
        return {row.pop("person"): row for row in told}


def _column(stated):
    name, _, kind = stated.partition(" ")
    return Column(name, _TYPES[kind][0])


def _arrow(columns, found):
    names = [stated.partition(" ")[0] for stated in columns]
    types = [_TYPES[stated.partition(" ")[2]][1] for stated in columns]
    lists = list(zip(*found, strict=True)) if found else [()] * len(names)
    arrays = [
        pa.array([value if value is None else value.bytes for value in values], pa.binary(16)).cast(kind)
        if kind == pa.uuid()
        else pa.array(values, kind)
        for values, kind in zip(lists, types, strict=True)
    ]
    return pa.table(dict(zip(names, arrays, strict=True)))


@pytest.fixture
def asked(make_engine, monkeypatch):
    """The engine, by the name that the law of rules calls it."""
    other = Other(make_engine)
    monkeypatch.setattr(engines, "engine", lambda _: other)
    return make_engine.name


def drawn(asker, dialect):
    """Rules that an engine can be asked, by a name each; and how many it refused, with the part that it has not."""
    rules, refused = {}, 0
    while len(rules) < RULES:
        rule = asker.rule()
        try:
            translation.translate(compiled.asked({"r": rule}, engines.AS_OF_US), dialect, RELATIONS)
        except UsageError as error:
            assert "no tried equivalent" in str(error)  # noqa: PT017  the rule is drawn again
            refused += 1
        else:
            rules[f"r{len(rules)}"] = rule
    return rules, refused


@EXACTLY
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_an_engine_says_what_the_stream_says(asked, make_engine, seed):
    """Fifty rules and thirty people, four times over: 6,000 answers of each engine.

    Nine rules in ten can be asked there; those that compare values of any type as JSON, or averages, are refused by name.
    """
    rules, refused = drawn(Asker(seed), make_engine.kind.dialect)
    assert refused < RULES // 4
    assert_alike(rules, People(seed, PEOPLE, ahead=seed % 2 * 2), asked)


@EXACTLY
def test_an_engine_whose_windows_are_long_is_noticed(asked, monkeypatch):
    """Negative control."""
    rules, people = {"r": parse("count('Gift' within 3 days) > 0")}, People(7, 60, ahead=0)
    longer = {"r": parse("count('Gift' within 5 days) > 0")}
    assert people.answers(rules["r"]) != people.answers(longer["r"]), "somebody tells the two apart"
    assert_alike(rules, people, asked)
    monkeypatch.setattr(Other, "answers", lambda other, *_: other.run(compiled.asked(longer, engines.AS_OF_US), longer))
    with pytest.raises(AssertionError):
        assert_alike(rules, people, asked)
