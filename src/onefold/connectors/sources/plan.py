"""A plan: a mapping bound to the columns of one file, ready to turn each row into the native JSON of an event."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from onefold.connectors.sources.casts import Cast, cast_of
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.mapping import Field, Fields, Mapping, nearest
from onefold.connectors.sources.occurrences import Occurrences
from onefold.errors import ConfigurationError
from onefold.model import Identifier

_ID_LENGTH_MAX = 200

_Slot = tuple[str, int, Cast | None, Broken]
"""Name of a value, place of its column, how to read it, and the fault when it cannot be read."""


def key(name: str) -> str:
    """A column's name without what exports disagree on: case, blanks, hyphens, underscores, dots."""
    return "".join(character for character in name.casefold() if character.isalnum())


def columns(header: Sequence[str]) -> tuple[str, ...]:
    """Names for the columns, each once: the second `Email` becomes `Email (2)`, a nameless third `Column 3`."""
    found: list[str] = []
    taken: set[str] = set()
    for position, raw in enumerate(header, start=1):
        base = raw.strip() or f"Column {position}"
        name, count = base, 1
        while (key(name) or name) in taken:
            count += 1
            name = f"{base} ({count})"
        taken.add(key(name) or name)
        found.append(name)
    return tuple(found)


class Plan:
    """Builds events from the rows of one file; columns were found once, so a row costs no look-up by name."""

    def __init__(
        self, mapping: Mapping, header: Sequence[str], file: str, *, occurrences: Occurrences, strict: bool = True
    ) -> None:
        """Find each of the mapping's columns in `header`.

        Args:
            mapping: What the columns state.
            header: As `columns` gave it.
            file: The data file's name; goes into each event's context.
            occurrences: Shared by all plans of one file.
            strict: Whether a column that is missing and not optional is an error (JSON objects may leave keys out).

        Raises:
            ConfigurationError: A column is missing; names the mapping's line and the nearest column.
        """
        self._file = file
        self._occurrences = occurrences
        self._encode = msgspec.json.Encoder(decimal_format="number").encode
        self._kind = mapping.event or mapping.type
        # Header and version are part of a row's hash: the same values under other names are another statement.
        self._salt = "\x1e".join((mapping.type, mapping.event, mapping.version, *map(key, header)))
        self._head = {"type": mapping.type} | ({"event": mapping.event} if mapping.event else {})
        columns_ = _Columns(mapping, header, strict=strict)
        self._ids = [place for _, place, *_ in columns_.slots(mapping.id)]
        self._when = columns_.slots((("timestamp", mapping.timestamp),)) if mapping.timestamp else []
        fields = dict(mapping.identifiers)
        self._identifiers = [
            (name, place, fields[name].prefix) for name, place, *_ in columns_.slots(mapping.identifiers)
        ]
        self._fixed_identifiers = [
            Identifier(name, field.prefix + field.value) for name, field in mapping.identifiers if not field.columns
        ]
        self._traits, self._fixed_traits = columns_.slots(mapping.traits), columns_.constants(mapping.traits)
        self._properties = columns_.slots(mapping.properties)
        self._fixed_properties = columns_.constants(mapping.properties)
        granted = {name: frozenset(field.granted) for name, field in mapping.consent}
        self._consents = [(name, place, granted[name]) for name, place, *_ in columns_.slots(mapping.consent)]

    def build(self, values: Sequence[Any], line: int) -> bytes | Broken:
        """The event's JSON, or why there is none.

        Args:
            values: In the order of the header; text, or what JSON or Parquet had.
            line: The row's number, for the context.
        """
        message_id = self._message_id(values)
        if message_id is None:
            return Broken("missing_id", "a column that makes the row's id is blank")
        head: dict[str, Any] = self._head.copy()
        head["messageId"] = message_id
        traits, properties = self._fixed_traits.copy(), self._fixed_properties.copy()
        fault = (
            (self._when and _fill(head, self._when, values))
            or _fill(traits, self._traits, values)
            or _fill(properties, self._properties, values)
        )
        if fault:
            return fault
        identifiers = self._fixed_identifiers.copy()
        for name, place, prefix in self._identifiers:
            value = _text(values[place]).strip()
            if value:
                identifiers.append(Identifier(name, prefix + value))
        context: dict[str, Any] = {"file": self._file, "line": line}
        if self._consents:
            said = {
                name: word.casefold() in granted
                for name, place, granted in self._consents
                if (word := _text(values[place]).strip())
            }
            if said:
                context["consent"] = {"categoryPreferences": said}
        head["identifiers"] = identifiers
        head["traits"] = traits
        head["properties"] = properties
        head["context"] = context
        return self._encode(head)

    def _message_id(self, values: Sequence[Any]) -> str | None:
        if not self._ids:
            digest = _digest(self._salt, values)
            number = self._occurrences.number(digest)
            return f"row-{digest.hex()}-{number}" if number else f"row-{digest.hex()}"
        parts = [_text(values[place]).strip() for place in self._ids]
        if not all(parts):
            return None
        name = ":".join((self._kind, *parts))
        return name if len(name) <= _ID_LENGTH_MAX else f"row-{_digest(self._kind, parts).hex()}"


class _Columns:
    """Finds the columns that a mapping names, whatever their spelling."""

    def __init__(self, mapping: Mapping, header: Sequence[str], *, strict: bool) -> None:
        self._mapping = mapping
        self._header = header
        self._strict = strict
        self._zone = ZoneInfo(mapping.timezone)
        places = list(enumerate(header))[::-1]
        self._exact = {name: place for place, name in places}
        self._loose = {key(name): place for place, name in places}

    def slots(self, fields: Fields) -> list[_Slot]:
        found = []
        for name, field in fields:
            place = self._place(field) if field.columns else None
            if place is not None:
                fault = Broken("bad_cast", f"column {self._header[place]!r} cannot be read as {field.cast}")
                found.append((name, place, self._cast(field), fault))
        return found

    def constants(self, fields: Fields) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in fields:
            if not field.columns:
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

    def _place(self, field: Field) -> int | None:
        for name in field.columns:
            place = self._exact.get(name, self._loose.get(key(name)))
            if place is not None:
                return place
        if self._strict and not field.optional:
            name = field.columns[0]
            raise ConfigurationError(
                f"the file has no column {name!r}{nearest(name, self._header)}",
                file=self._mapping.file,
                line=field.line,
            )
        return None

    def _cast(self, field: Field) -> Cast | None:
        return cast_of(field.cast, formats=field.formats, zone=self._zone, comma=field.decimal_comma)


def _fill(into: dict[str, Any], slots: list[_Slot], values: Sequence[Any]) -> Broken | None:
    for name, place, cast, fault in slots:
        value = values[place]
        if value is None:
            continue
        if value.__class__ is str or cast:
            value = _text(value).strip()
            if not value:
                continue
            if cast:
                value = cast(value)
                if value is None:
                    return fault
        into[name] = value
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _digest(salt: str, values: Sequence[Any]) -> bytes:
    text = "\x1f".join(map(_text, values))
    return blake2b(f"{salt}\x1e{text}".encode(), digest_size=16).digest()
