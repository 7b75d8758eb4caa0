"""A glance at the warehouse: what changed since a moment, and who is found by a text."""

from __future__ import annotations

from datetime import datetime

from sqlglot import exp

from onefold.warehouse.query import parse

WORDS_MAX = 6
"""Words of a search that are looked at."""


def day(since: datetime) -> exp.Query:
    """One row: the latest receipt; events, people first seen, merges and splits since then."""
    at = exp.Literal.string(since.replace(tzinfo=None).isoformat(sep=" ")).sql("duckdb")
    moment = f"{at}::TIMESTAMP"
    return parse(
        f"""SELECT
        (SELECT max(received_at) FROM staging.event) AS latest,
        (SELECT count(*) FROM staging.event WHERE received_at >= {moment}) AS events,
        (SELECT count(*) FROM golden.profile WHERE first_seen_at >= {moment}) AS people,
        (SELECT count(DISTINCT before) FROM golden.identity_change WHERE kind = 'merged' AND known_at >= {moment}) AS merges,
        (SELECT count(DISTINCT person) FROM golden.identity_change WHERE kind = 'split' AND known_at >= {moment}) AS splits
        """  # noqa: S608  a moment of ours
    )


def moves(since: datetime, most: int) -> exp.Query:
    """Segments that somebody entered or left since then, with how many did, those first in which most changed."""
    at = exp.Literal.string(since.replace(tzinfo=None).isoformat(sep=" ")).sql("duckdb")
    return parse(
        f"""SELECT audience, count(*) FILTER (WHERE entered) AS entered, count(*) FILTER (WHERE NOT entered) AS gone
        FROM golden.membership_change
        WHERE known_at >= {at}::TIMESTAMP AND NOT starts_with(audience, 'stage.')
        GROUP BY audience ORDER BY count(*) DESC, audience LIMIT {most:d}"""  # noqa: S608  a moment of ours
    )


def people(text: str, skip: int) -> exp.Select:
    """The people in whose attributes or identifiers each word of a text is, in whichever case, who was seen last first.

    Under a role's mask, words are looked for in what the role sees.
    """
    query = exp.select("person").from_("golden.profile")
    # Values alone: the name of an attribute is in everybody who has it.
    held = parse(
        "SELECT lower(concat(array_to_string(json_extract_string(attributes, '$.*'), ' '), ' ', "
        "array_to_string(json_extract_string(identifiers, '$[*].value'), ' ')))"
    ).selects[0]
    for word in text.lower().split()[:WORDS_MAX]:
        found = exp.StrPosition(this=held.copy(), substr=exp.Literal.string(word))
        query = query.where(exp.GT(this=found, expression=exp.Literal.number(0)))
    latest = exp.Ordered(this=exp.column("last_seen_at"), desc=True, nulls_first=False)
    return query.order_by(latest, exp.Ordered(this=exp.column("person"), nulls_first=False)).offset(skip)
