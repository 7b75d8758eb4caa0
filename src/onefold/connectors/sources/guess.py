"""A proposed mapping, from the names of a file's columns and what stands in them, for a person to read and correct."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from onefold.connectors.sources import facts, recognition
from onefold.connectors.sources.casts import NO_COLUMN, DateColumn
from onefold.connectors.sources.cells import like_values
from onefold.connectors.sources.consent_columns import consents
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.language import Field, Fields, Mapping
from onefold.connectors.sources.occurrences import Occurrences
from onefold.connectors.sources.people import fields_of, identifiers_of, role_of_main, second_people
from onefold.connectors.sources.plan import Plan
from onefold.connectors.sources.sheet import Sheet, share

_SHARE_LOST = 0.05
_ROWS_LOST = 3
_SHARE_NAMELESS = 0.8


class Guess(msgspec.Struct, frozen=True):
    """A proposal.

    Attributes:
        mapping: What is proposed.
        notes: What speaks for it, by column.
        doubts: Why it should be read before it is used; none when it fits the rows that were looked at.
    """

    mapping: Mapping
    notes: dict[str, str] = {}
    doubts: tuple[str, ...] = ()


def guess(header: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> Guess:
    """Propose a mapping: a preset where the header is that of a system we know, else what names and cells say.

    Args:
        header: The names of the columns, each once.
        rows: The cells of the first rows, as text.
    """
    sheet = Sheet(header, rows)
    preset = recognition.preset_of(sheet)
    mapping = recognition.fitted(preset, sheet) if preset is not None else _guessed(sheet)
    return Guess(mapping, sheet.notes, (*sheet.doubts, *_doubts(mapping, sheet)))


def _guessed(sheet: Sheet) -> Mapping:
    main = role_of_main(sheet)
    fact = facts.find(sheet)
    identifiers = identifiers_of(sheet, main, of_facts=fact is not None)
    traits = fields_of(sheet, main)
    consent = tuple(consents(sheet.free(), of_contacts=fact is None))
    for _, field in consent:
        _note_consent(sheet, field)
    others = second_people(sheet, main)
    if fact is not None:
        return facts.mapping(fact, sheet, identifiers, traits, consent, others)
    timestamp = next((when for name in sheet.find("modified") if (when := sheet.date(name, cast="datetime"))), None)
    record = Mapping(
        identifiers=identifiers,
        traits=(*traits, *_refused(sheet)),
        consent=consent,
        timestamp=timestamp,
        others="traits",
        optional=bool(others),
    )
    return Mapping(statements=(record, *others), optional=True) if others else record


def _refused(sheet: Sheet) -> Fields:
    """Columns whose names promise what their cells do not hold, under names that promise nothing."""
    promised = {"first_name", "last_name", "name", "birthday", "state", "phone", "email", "gender"}
    return tuple(
        (f"{heading.concept}_text", Field((sheet.take(name),)))
        for name, heading in sheet.headings.items()
        if name not in sheet.taken and heading.concept in promised and not heading.role and heading.slot == 1
    )


def _note_consent(sheet: Sheet, field: Field) -> None:
    name = field.columns[0]
    sheet.take(name, "says no by being filled in or true" if field.reads == "opt_out" else "says yes or no")


class _NoDates:
    """Knows no order of day and month: a guess states it."""

    def column(self, name: str, line: int) -> DateColumn:  # noqa: ARG002  as `plan.Dates` asks
        return NO_COLUMN


def _tell_nobody(code: str, line: int, column: str) -> None:
    """Findings on rows that are only looked at."""


def _doubts(mapping: Mapping, sheet: Sheet) -> list[str]:
    """What would go wrong with the rows that were looked at."""
    if like_values(sheet.header):
        return [
            "its first line seems to hold values, not names; if it has no header, write a mapping with `header: none`"
        ]
    if not any(statement.identifiers for statement in mapping.stated):
        return ["no column looks like an identifier: an id, an e-mail address or a phone number"]
    plan = Plan(mapping, sheet.header, "", occurrences=Occurrences(), dates=_NoDates(), find=_tell_nobody)
    lost: dict[str, int] = {}
    nameless = unread = total = 0
    for row in sheet.rows:
        for body in plan.build(row, 0):
            if isinstance(body, bytes):
                event = msgspec.json.decode(body)
                total += 1
                nameless += not event["identifiers"]
                unread += any(finding["code"] == "consent_unreadable" for finding in event.get("findings", ()))
            elif isinstance(body, Broken):
                total += 1
                lost[body.detail] = lost.get(body.detail, 0) + 1
    doubts = [f"{why} in {count:,} of {total:,} rows" for why, count in lost.items() if _many(count, total)]
    if total >= _ROWS_LOST and nameless > total * _SHARE_NAMELESS:
        doubts.append(f"{nameless:,} of {total:,} rows have no identifier")
    if _many(unread, total):
        doubts.append(f"the words of a consent column are not known in {share(unread / total)} of the rows")
    return doubts


def _many(count: int, total: int) -> bool:
    return count >= _ROWS_LOST and count > total * _SHARE_LOST
