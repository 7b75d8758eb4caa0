"""A mapping: which columns of a file state what about a person, read from YAML.

    type: track                      # or record (the default)
    event: Donation Completed        # for track
    id: Gift ID                      # for facts that never change; without it, a hash of the row
    timestamp: {column: Gift Date, formats: ["%m/%d/%Y"]}
    timezone: America/Chicago        # of times without an offset; UTC by default
    identifiers: {crm_id: Constituent ID, email: [Email, E-mail Address]}
    traits: {first_name: First Name}
    properties: {revenue: {column: Gift Amt, as: decimal}, currency: {value: USD}}
    consent: {email: {column: Opt In, granted: [Y, yes, 1]}}

A column is found whatever its case, blanks, hyphens and underscores; of a list the first that the file has is taken.
A `record` that is stated again with other values is a new statement, so records rarely want an `id`.
"""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NoReturn, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml

from onefold.connectors.sources.casts import CAST_NAMES, CastName
from onefold.connectors.sources.dialect import FORMATS, Format
from onefold.errors import ConfigurationError

RecordType = Literal["record", "track"]

_KEYS = (
    "type",
    "event",
    "id",
    "timestamp",
    "timezone",
    "identifiers",
    "traits",
    "properties",
    "consent",
    "format",
    "encoding",
    "delimiter",
    "version",
)
_FIELD_KEYS = ("column", "as", "formats", "decimal_mark", "value", "prefix", "optional", "granted")


class Field(msgspec.Struct, frozen=True):
    """Where one value comes from.

    Attributes:
        columns: Names of the column, the first that the file has counts; empty for a constant.
        cast: The type its text is read as.
        formats: For dates and times.
        decimal_comma: Whether the comma is the decimal mark.
        value: The constant, when there are no columns.
        prefix: Put before the value, to keep the ids of two systems apart.
        optional: Whether a file without the column is fine.
        granted: For consent: the words that mean yes; any other word means no, a blank says nothing.
        line: Where it stands in the mapping file, for messages.
    """

    columns: tuple[str, ...] = ()
    cast: CastName = "text"
    formats: tuple[str, ...] = ("iso",)
    decimal_comma: bool = False
    value: str = ""
    prefix: str = ""
    optional: bool = False
    granted: tuple[str, ...] = ()
    line: int = 0


Fields = tuple[tuple[str, Field], ...]


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """What each row of a file states.

    Attributes:
        file: The mapping file's name, for messages.
        type: `record` states attributes, `track` that something happened.
        event: The event's name, for `track`.
        id: Columns that make the message id; without, a hash of the row and its occurrence.
        timestamp: When it happened or was stated; without, the time of the load.
        timezone: Name of the zone of times that state no offset.
        identifiers: Identifier type and where its value stands; the anchor is chosen by priority, not by this order.
        traits: Attributes of the person.
        properties: Attributes of the event.
        consent: Purpose, and the column that grants or denies it.
        format: Of the file; None to find out. So for encoding and delimiter.
        encoding: A Python codec name.
        delimiter: One character.
        version: Raise it to have unchanged rows count as new statements after the mapping changed.
    """

    file: str = "mapping"
    type: RecordType = "record"
    event: str = ""
    id: Fields = ()
    timestamp: Field | None = None
    timezone: str = "UTC"
    identifiers: Fields = ()
    traits: Fields = ()
    properties: Fields = ()
    consent: Fields = ()
    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    version: str = "1"


def load(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        ConfigurationError: It cannot be read, or says something we do not understand.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("the mapping cannot be read as UTF-8 text", file=str(path)) from error
    return read(text, file=path.name)


def preset(name: str) -> Mapping:
    """One of the mappings that come with the product, by name."""
    folder = resources.files("onefold.connectors.sources") / "presets"
    names = presets()
    if name not in names:
        raise ConfigurationError(f"there is no preset {name!r}{nearest(name, names)}")
    return read((folder / f"{name}.yaml").read_text(encoding="utf-8"), file=f"{name}.yaml")


def presets() -> list[str]:
    """Names of the mappings that come with the product."""
    folder = resources.files("onefold.connectors.sources") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def nearest(word: str, words: Any) -> str:
    """`; did you mean 'x'?` or, where nothing is near, the words there are."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else f" (there are: {', '.join(words)})"


def read(text: str, *, file: str = "mapping") -> Mapping:
    """Read a mapping from YAML text; every scalar is taken as it is written, so `Y` and `007` stay text.

    Raises:
        ConfigurationError: Names the line and the nearest valid word.
    """
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigurationError("this is not YAML", file=file, line=mark.line + 1 if mark else None) from error
    reader = _Reader(file)
    top = dict(reader.items(root, _KEYS, "a mapping"))

    def word(key: str, words: tuple[str, ...] | None = None) -> str | None:
        return reader.word(top[key], words) if key in top else None

    kind = word("type", get_args(RecordType)) or "record"
    event = word("event") or ""
    if kind == "track" and not event:
        reader.fail(root, "a track mapping needs `event:`, the name of what happened")

    def fields(key: str) -> Fields:
        if key not in top:
            return ()
        return tuple((name, reader.field(node, key)) for name, node in reader.items(top[key], None, key))

    return Mapping(
        file=file,
        type=cast("RecordType", kind),
        event=event,
        id=tuple((name, Field((name,), line=reader.line(top["id"]))) for name in reader.words(top["id"]))
        if "id" in top
        else (),
        timestamp=reader.field(top["timestamp"], "timestamp") if "timestamp" in top else None,
        timezone=reader.zone(top.get("timezone")),
        identifiers=fields("identifiers"),
        traits=fields("traits"),
        properties=fields("properties"),
        consent=fields("consent"),
        format=cast("Format | None", word("format", FORMATS)),
        encoding=reader.encoding(top.get("encoding")),
        delimiter=reader.delimiter(top.get("delimiter")),
        version=word("version") or "1",
    )


class _Reader:
    """Turns YAML nodes into words, and complaints into messages with a line."""

    def __init__(self, file: str) -> None:
        self.file = file

    def line(self, node: yaml.Node) -> int:
        return int(node.start_mark.line) + 1

    def fail(self, node: yaml.Node | None, message: str) -> NoReturn:
        raise ConfigurationError(message, file=self.file, line=self.line(node) if node else None)

    def items(self, node: yaml.Node | None, keys: tuple[str, ...] | None, what: str) -> list[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what} is written as `name: value` pairs")
        found: list[tuple[str, yaml.Node]] = []
        for key, value in node.value:
            name = self.word(key)
            if keys is not None and name not in keys:
                self.fail(key, f"{what} has no key {name!r}{nearest(name, keys)}")
            if any(name == earlier for earlier, _ in found):
                self.fail(key, f"{name!r} stands here twice")
            found.append((name, value))
        return found

    def word(self, node: yaml.Node, words: tuple[str, ...] | None = None) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, "one word is expected here")
        value = str(node.value)
        if words is not None and value not in words:
            self.fail(node, f"{value!r} is not possible here{nearest(value, words)}")
        return value

    def words(self, node: yaml.Node) -> tuple[str, ...]:
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.word(entry) for entry in node.value)
        return (self.word(node),)

    def zone(self, node: yaml.Node | None) -> str:
        if node is None:
            return "UTC"
        name = self.word(node)
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(node, f"there is no time zone {name!r}")
        return name

    def encoding(self, node: yaml.Node | None) -> str | None:
        name = self.word(node) if node else None
        try:
            "".encode(name or "utf-8")
        except LookupError:
            self.fail(node, f"there is no encoding {name!r}")
        return name

    def delimiter(self, node: yaml.Node | None) -> str | None:
        if node is None:
            return None
        word = self.word(node)
        if word == "tab":
            return "\t"
        if len(word) != 1:
            self.fail(node, "a delimiter is one character, or the word tab")
        return word

    def field(self, node: yaml.Node, section: str) -> Field:
        line = self.line(node)
        default: CastName = "datetime" if section == "timestamp" else "text"
        if not isinstance(node, yaml.MappingNode):
            if section == "consent":
                self.fail(node, "consent needs `{column: …, granted: [words that mean yes]}`")
            return Field(self.words(node), cast=default, line=line)
        parts = dict(self.items(node, _FIELD_KEYS, "a field"))
        if ("column" in parts) == ("value" in parts):
            self.fail(node, "a field needs either `column:` or `value:`")
        if (section == "consent") != ("granted" in parts):
            self.fail(node, "`granted:` belongs to consent, and consent needs it")
        mark = self.word(parts["decimal_mark"], (".", ",")) if "decimal_mark" in parts else "."
        return Field(
            columns=self.words(parts["column"]) if "column" in parts else (),
            cast=cast("CastName", self.word(parts["as"], CAST_NAMES)) if "as" in parts else default,
            formats=self.words(parts["formats"]) if "formats" in parts else ("iso",),
            decimal_comma=mark == ",",
            value=self.word(parts["value"]) if "value" in parts else "",
            prefix=self.word(parts["prefix"]) if "prefix" in parts else "",
            optional="optional" in parts and self.word(parts["optional"], ("true", "false")) == "true",
            granted=tuple(w.casefold() for w in self.words(parts["granted"])) if "granted" in parts else (),
            line=line,
        )
