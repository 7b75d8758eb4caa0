"""A plan: a mapping bound to the columns of one file, ready to turn each row into the native JSON of its events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from onefold.connectors.sources.casts import NO_COLUMN, Cast, DateColumn, cast_of
from onefold.connectors.sources.cells import Columns, Fetch, Holds, Values, bare, change_of, id_of, key, text_of
from onefold.connectors.sources.consent_words import Answer, reading
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.language import Field, Fields, Mapping
from onefold.connectors.sources.occurrences import Occurrences
from onefold.errors import ConfigurationError
from onefold.model import Identifier

_ID_LENGTH_MAX = 200
UNMATCHED = "no statement of the mapping holds"
"""Why a row is skipped that no entry of `skip` names."""

RESERVED = frozenset({"email", "phone", "consent", "amount", "revenue", "total", "value", "currency"})
"""Names of traits and properties that are read as identifiers, consent and money: no unmapped column may have one."""


Find = Callable[[str, int, str], None]
"""Takes a finding's code, line and column."""


class Dates(Protocol):
    """Knows the date columns of a file."""

    def column(self, name: str, line: int) -> DateColumn:
        """What a cast asks and tells of one of them; `line` is the mapping's."""
        ...


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A row that states nothing, and why."""

    because: str


class _Slot(NamedTuple):
    """One value of an event: a tuple, for it is taken apart for every value of every row.

    Attributes:
        name: Its name in the event.
        place: Of its column.
        cast: How to read it.
        fault: What the row is when it cannot be read; None to leave the value out.
        column: The column's name, for findings.
        fetch: How to get at it where looking into its column is not enough.
    """

    name: str
    place: int
    cast: Cast | None
    fault: Broken | None
    column: str
    fetch: Fetch | None


class Plan:
    """Builds the events of the rows of one file; columns were found once, so a row costs no look-up by name."""

    def __init__(
        self,
        mapping: Mapping,
        header: Sequence[str],
        file: str,
        *,
        occurrences: Occurrences,
        dates: Dates,
        find: Find,
        strict: bool = True,
    ) -> None:
        """Find each of the mapping's columns in `header`.

        Args:
            mapping: What the columns state.
            header: As `columns` gave it.
            file: The data file's name; goes into each event's context.
            occurrences: Shared by all plans of one file.
            dates: Of the file: they decide by whole columns whether the day or the month comes first.
            find: Takes each finding's code, line and column.
            strict: Whether a column that is missing and not optional is an error (JSON objects may leave keys out).

        Raises:
            ConfigurationError: A column is missing or ambiguous; names the mapping's line and the nearest column.
        """
        found = Columns(header, file=mapping.file, strict=strict and not mapping.optional)
        self._skips = [(found.conditions(skip.when), Skipped(skip.because)) for skip in mapping.skip]
        self._statements = [
            _Statement(statement, found, file, occurrences, number if mapping.statements else 0, dates, find)
            for number, statement in enumerate(mapping.stated)
        ]

    def build(self, values: Values, line: int, noticed: tuple[str, ...] = ()) -> Sequence[bytes | Broken | Skipped]:
        """The JSON of each event the row states, or why there is none; never empty.

        Args:
            values: In the order of the header; text, or what JSON or Parquet had.
            line: The row's number, for the context.
            noticed: Codes of findings on the row as a whole.
        """
        for holds, skipped in self._skips:
            if holds is None or holds(values):
                return (skipped,)
        if len(self._statements) == 1 and self._statements[0].holds is None:
            return (self._statements[0].build(values, line, noticed),)
        built = tuple(s.build(values, line, noticed) for s in self._statements if s.holds is None or s.holds(values))
        return built or (Skipped(UNMATCHED),)


class _Statement:
    """One statement of a mapping, bound to the columns."""

    def __init__(
        self,
        mapping: Mapping,
        found: Columns,
        file: str,
        occurrences: Occurrences,
        number: int,
        dates: Dates,
        find: Find,
    ) -> None:
        self.holds: Holds | None = found.conditions(mapping.when)
        self._file = file
        self._occurrences = occurrences
        self._encode = msgspec.json.Encoder(decimal_format="number").encode
        self._kind = mapping.event or mapping.type
        # Header and version are part of a row's hash: the same values under other names are another statement.
        self._salt = "\x1e".join((mapping.type, mapping.event, mapping.version, *map(key, found.header)))
        if number:
            self._salt += f"\x1e{number}"
        self._head = {"type": mapping.type} | ({"event": mapping.event} if mapping.event else {})
        self._find = find
        binder = _Binder(mapping, found, dates)
        ids = [slot.place for slot in binder.slots(mapping.id)]
        # A part of an id is no id: a ticket's order alone would make its other tickets repeats.
        self._ids = ids if len(ids) == len(mapping.id) else []
        # A time that cannot be read is kept as text, and the gate dates the event to its receipt.
        when = mapping.timestamp and msgspec.structs.replace(mapping.timestamp, unreadable="omit")
        self._when = binder.slots((("timestamp", when),)) if when else []
        self._identifiers = binder.identifiers()
        self._fixed_identifiers = [
            Identifier(name, field.prefix + field.value) for name, field in mapping.identifiers if field.constant
        ]
        self._traits, self._fixed_traits = binder.slots(mapping.traits), binder.constants(mapping.traits)
        self._properties = binder.slots(mapping.properties)
        self._fixed_properties = binder.constants(mapping.properties)
        if mapping.others != "drop":
            (self._traits if mapping.others == "traits" else self._properties).extend(binder.others())
        self._consents = binder.consents()
        self._fixed_consents = {name: f.value == "granted" for name, f in mapping.consent if f.constant}

    def build(self, values: Values, line: int, noticed: tuple[str, ...]) -> bytes | Broken:
        message_id = self._message_id(values)
        if message_id is None:
            return Broken("missing_id", "a column that makes the row's id is blank")
        head: dict[str, Any] = self._head.copy()
        head["messageId"] = message_id
        traits, properties = self._fixed_traits.copy(), self._fixed_properties.copy()
        unread: dict[str, str] = {}
        fault = (
            (self._when and _fill(head, self._when, values, unread))
            or _fill(traits, self._traits, values, unread)
            or _fill(properties, self._properties, values, unread)
        )
        if fault:
            return fault
        identifiers = self._fixed_identifiers.copy()
        findings = [{"code": code, "where": ""} for code in noticed] if noticed else []
        for name, place, prefix, split, fetch, column in self._identifiers:
            stated = values[place] if fetch is None else fetch(values)
            text = id_of(stated)
            if not text:
                continue
            if text != stated and (changed := change_of(stated, text)):
                findings.append({"code": changed, "where": column})
            if not split:
                identifiers.append(Identifier(name, prefix + text))
                continue
            for value in text.split(split):
                if value := value.strip():
                    identifiers.append(Identifier(name, prefix + value))
        context: dict[str, Any] = {"file": self._file, "line": line}
        if self._consents or self._fixed_consents:
            said = self._said(values, findings)
            if said:
                context["consent"] = {"categoryPreferences": said}
        if unread:
            # No time goes on to the gate as one, which might read it otherwise than the mapping says: it dates the
            # event to its receipt, and says so.
            if self._when and self._when[0].column in unread:
                head.setdefault("timestamp", {"unread": unread[self._when[0].column]})
            context["unread"] = unread
            findings += [{"code": "value_unreadable", "where": column} for column in unread]
        if findings:
            head["findings"] = findings
            for finding in findings:
                self._find(finding["code"], line, finding["where"])
        head["identifiers"] = identifiers
        head["traits"] = traits
        head["properties"] = properties
        head["context"] = context
        return self._encode(head)

    def _said(self, values: Values, findings: list[dict[str, str]]) -> dict[str, bool]:
        """What the row says of each purpose; words that nobody foresaw are added to the findings."""
        said = self._fixed_consents.copy()
        for name, slot, answer in self._consents:
            word = text_of(values[slot.place] if slot.fetch is None else slot.fetch(values)).strip()
            read = answer(word) if word else Answer.NOTHING
            if read is Answer.UNREADABLE:
                findings.append({"code": "consent_unreadable", "where": slot.column})
            if read is not Answer.NOTHING:
                said[name] = read is Answer.YES and said.get(name, True)
        return said

    def _message_id(self, values: Values) -> str | None:
        if not self._ids:
            digest = _digest(self._salt, values)
            number = self._occurrences.number(digest)
            return f"row-{digest.hex()}-{number}" if number else f"row-{digest.hex()}"
        parts = [id_of(values[place]) for place in self._ids]
        if not all(parts):
            return None
        name = ":".join((self._kind, *parts))
        return name if len(name) <= _ID_LENGTH_MAX else f"row-{_digest(self._kind, parts).hex()}"


class _Binder:
    """Binds the fields of one statement to columns."""

    def __init__(self, mapping: Mapping, found: Columns, dates: Dates) -> None:
        self._mapping = mapping
        self._dates = dates
        self._found = found
        self._zone = ZoneInfo(mapping.timezone)
        self._taken: set[int] = set()

    def slots(self, fields: Fields) -> list[_Slot]:
        """Slots of the fields that the file has columns for, in such an order that the later filled one counts."""
        found = []
        for name, field in fields:
            bound = None if field.constant else self._found.fetch(field)
            if bound is not None:
                place, fetch = bound
                self._taken.add(place)
                self._taken.update(p for n in field.join if (p := self._found.find(n)) is not None)
                column = self._found.header[place]
                fault = Broken("bad_cast", f"column {column!r} cannot be read as {field.cast}")
                found.append(
                    _Slot(
                        name,
                        place,
                        self._cast(field, column),
                        fault if field.unreadable == "reject" else None,
                        column,
                        fetch,
                    )
                )
        # Of several fields of one name the first that is not blank counts, so it has to come last.
        return found[::-1] if len({slot.name for slot in found}) < len(found) else found

    def constants(self, fields: Fields) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in fields:
            if field.constant:
                cast = self._cast(field)
                value = cast(field.value) if cast else field.value
                if value is None:
                    raise ConfigurationError(
                        f"the value of {name!r} cannot be read as {field.cast}",
                        file=self._mapping.file,
                        line=field.line,
                    )
                found[name] = value
        return found

    def identifiers(self) -> list[tuple[str, int, str, str, Fetch | None, str]]:
        """(type, place, prefix, separator of several values, how to fetch, column) of each."""
        return [
            (name, slot.place, field.prefix, field.split, slot.fetch, slot.column)
            for name, field in self._mapping.identifiers
            for slot in self.slots(((name, field),))
        ]

    def consents(self) -> list[tuple[str, _Slot, Callable[[str], Answer]]]:
        """(purpose, where, what a word says) of each."""
        return [
            (name, slot, reading(field))
            for name, field in self._mapping.consent
            for slot in self.slots(((name, msgspec.structs.replace(field, unknown=())),))
        ]

    def others(self) -> list[_Slot]:
        """The columns that nothing else took, under plain names."""
        taken = {name for section in (self._mapping.traits, self._mapping.properties) for name, _ in section}
        found = []
        for place, column in enumerate(self._found.header):
            name = plain_name(column)
            if place not in self._taken and name and name not in taken:
                taken.add(name)
                found.append(_Slot(name, place, None, None, column, None))
        return found

    def _cast(self, field: Field, column: str = "") -> Cast | None:
        known: DateColumn = NO_COLUMN
        if column and "auto" in field.formats and field.cast in ("date", "datetime"):
            known = self._dates.column(column, field.line)
        return cast_of(field.cast, formats=field.formats, zone=self._zone, comma=field.decimal_comma, column=known)


def plain_name(column: str) -> str:
    """A column's name as a trait's: `State/Region` is `state_region`; a name that means more gets `_text` behind it."""
    name = "_".join("".join(c if c.isalnum() else " " for c in column).split()).lower()
    return f"{name}_text" if name in RESERVED else name


def _fill(into: dict[str, Any], slots: list[_Slot], values: Values, unread: dict[str, str]) -> Broken | None:
    for name, place, cast, fault, column, fetch in slots:
        value = values[place] if fetch is None else fetch(values)
        if value is None:
            continue
        if value.__class__ is str or cast:
            value = value.strip() if value.__class__ is str else text_of(value)
            if not value:
                continue
            if value[0] == "'":
                value = bare(value)
            if cast:
                read = cast(value)
                if read is None:
                    if fault:
                        return fault
                    unread[column] = value
                    continue
                value = read
        into[name] = value
    return None


def _digest(salt: str, values: Values) -> bytes:
    try:
        text = "\x1f".join(values)  # a row of a CSV file is text throughout
    except TypeError:
        text = "\x1f".join(map(text_of, values))
    return blake2b(f"{salt}\x1e{text}".encode(), digest_size=16).digest()
