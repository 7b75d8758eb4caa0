"""A plan: a mapping bound to the columns of one file, ready to turn each row into the native JSON of an event."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from onefold.connectors.sources.casts import Cast, cast_of
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.mapping import Field, Fields, Mapping, nearest
from onefold.errors import ConfigurationError
from onefold.model import Identifier

Build = Callable[[Sequence[Any], int], "bytes | Broken"]
"""(values of the row in header order, line number) to the event's JSON, or why there is none."""

_ID_LENGTH_MAX = 200


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
        while key(name) in taken or name in taken:
            count += 1
            name = f"{base} ({count})"
        taken.update((key(name), name))
        found.append(name)
    return tuple(found)


class Occurrences:
    """Counts how often a hash was seen, in 11 to 22 bytes a hash: an open-addressing table of 64-bit words."""

    def __init__(self) -> None:
        self._size = 1 << 12
        self._table = array("Q", bytes(8 * self._size))
        self._count = 0
        self._repeats: dict[int, int] = {}

    def number(self, digest: bytes) -> int:
        """How often this digest came before: 0 for the first time."""
        word = int.from_bytes(digest[:8], "little") or 1  # 0 marks a free place
        table, mask = self._table, self._size - 1
        place = word & mask
        while found := table[place]:
            if found == word:
                self._repeats[word] = number = self._repeats.get(word, 0) + 1
                return number
            place = (place + 1) & mask
        table[place] = word
        self._count += 1
        if self._count * 4 > self._size * 3:
            self._grow()
        return 0

    def _grow(self) -> None:
        old = self._table
        self._size *= 2
        table, mask = array("Q", bytes(8 * self._size)), self._size - 1
        for word in old:
            if word:
                place = word & mask
                while table[place]:
                    place = (place + 1) & mask
                table[place] = word
        self._table = table


class _Slot(msgspec.Struct, frozen=True, gc=False):
    """One value of the event: its name, the column's place, its name for messages, and how to read it."""

    name: str
    place: int
    column: str
    cast: Cast | None
    type: str


def bind(
    mapping: Mapping, header: Sequence[str], file: str, *, occurrences: Occurrences, strict: bool = True
) -> Build:
    """Find each of the mapping's columns in `header`, once, so that a row costs no look-up.

    Args:
        mapping: What the columns state.
        header: As `columns` gave it.
        file: The data file's name; goes into each event's context.
        occurrences: Shared by all plans of one file, so that a repeated row is told from a re-read one.
        strict: Whether a column that is missing and not optional is an error (JSON objects may leave keys out).

    Raises:
        ConfigurationError: A column is missing; names the mapping's line and the nearest column.
    """
    zone = ZoneInfo(mapping.timezone)
    exact = {name: place for place, name in reversed(list(enumerate(header)))}
    loose = {key(name): place for place, name in reversed(list(enumerate(header)))}

    def place_of(field: Field) -> int | None:
        for name in field.columns:
            place = exact.get(name, loose.get(key(name)))
            if place is not None:
                return place
        if strict and not field.optional:
            name = field.columns[0]
            raise ConfigurationError(
                f"the file has no column {name!r}{nearest(name, header)}", file=mapping.file, line=field.line
            )
        return None

    def slots(fields: Fields) -> list[_Slot]:
        found = []
        for name, field in fields:
            place = place_of(field) if field.columns else None
            if place is not None:
                cast = cast_of(field.cast, formats=field.formats, zone=zone, comma=field.decimal_comma)
                found.append(_Slot(name, place, header[place], cast, field.cast))
        return found

    def constants(fields: Fields) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in fields:
            if not field.columns:
                cast = cast_of(field.cast, formats=field.formats, zone=zone, comma=field.decimal_comma)
                value = cast(field.value) if cast else field.value
                if value is None:
                    raise ConfigurationError(
                        f"{name!r}: the value is no {field.cast}", file=mapping.file, line=field.line
                    )
                found[name] = value
        return found

    prefixes = {name: field.prefix for name, field in mapping.identifiers}
    named = [(slot.name, slot.place, prefixes[slot.name]) for slot in slots(mapping.identifiers)]
    fixed = [Identifier(name, field.prefix + field.value) for name, field in mapping.identifiers if not field.columns]
    when = slots((("timestamp", mapping.timestamp),)) if mapping.timestamp else []
    traits, traits_fixed = slots(mapping.traits), constants(mapping.traits)
    properties, properties_fixed = slots(mapping.properties), constants(mapping.properties)
    yes = {name: frozenset(field.granted) for name, field in mapping.consent}
    consents = [(slot.name, slot.place, yes[slot.name]) for slot in slots(mapping.consent)]
    ids = [slot.place for slot in slots(mapping.id)]
    salt = "\x1e".join((mapping.type, mapping.event, mapping.version, *map(key, header)))
    kind = mapping.event or mapping.type
    encode = msgspec.json.Encoder(decimal_format="number").encode

    def fill(into: dict[str, Any], wanted: list[_Slot], values: Sequence[Any]) -> Broken | None:
        for name, place, column, cast, type_ in map(_parts, wanted):
            value = values[place]
            if value.__class__ is str:
                value = value.strip()
                if value and cast:
                    value = cast(value)
                    if value is None:
                        return Broken("bad_cast", f"column {column!r} cannot be read as {type_}")
            elif value is not None and cast:
                value = cast(_text(value))
                if value is None:
                    return Broken("bad_cast", f"column {column!r} cannot be read as {type_}")
            if value is not None and value != "":
                into[name] = value
        return None

    def build(values: Sequence[Any], line: int) -> bytes | Broken:
        identifiers = list(fixed)
        for name, place, prefix in named:
            value = _text(values[place]).strip()
            if value:
                identifiers.append(Identifier(name, prefix + value))
        context: dict[str, Any] = {"file": file, "line": line}
        body: dict[str, Any] = {"type": mapping.type}
        if mapping.event:
            body["event"] = mapping.event
        if ids:
            parts = [_text(values[place]).strip() for place in ids]
            if not all(parts):
                return Broken("missing_id", "a column that makes the row's id is blank")
            name = ":".join((kind, *parts))
            body["messageId"] = name if len(name) <= _ID_LENGTH_MAX else f"row-{_digest(salt, parts).hex()}"
        else:
            digest = _digest(salt, values)
            number = occurrences.number(digest)
            body["messageId"] = f"row-{digest.hex()}-{number}" if number else f"row-{digest.hex()}"
        if when:
            fault = fill(body, when, values)
            if fault:
                return fault
        own, about = traits_fixed.copy(), properties_fixed.copy()
        fault = fill(own, traits, values) or fill(about, properties, values)
        if fault:
            return fault
        if consents:
            said = {name: text.casefold() in words for name, place, words in consents if (text := _word(values[place]))}
            if said:
                context["consent"] = {"categoryPreferences": said}
        body["identifiers"] = identifiers
        body["traits"] = own
        body["properties"] = about
        body["context"] = context
        return encode(body)

    return build


def _parts(slot: _Slot) -> tuple[str, int, str, Cast | None, str]:
    return slot.name, slot.place, slot.column, slot.cast, slot.type


def _text(value: Any) -> str:
    if value.__class__ is str:
        return value  # type: ignore[no-any-return] - the class was just compared, which mypy does not follow
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _word(value: Any) -> str:
    return _text(value).strip()


def _digest(salt: str, values: Sequence[Any]) -> bytes:
    text = "\x1f".join(map(_text, values))
    return blake2b(f"{salt}\x1e{text}".encode(), digest_size=16).digest()
