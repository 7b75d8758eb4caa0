"""A mapping file: YAML in the language of mappings, read with the line of every mistake, and the presets we ship."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import cast, get_args

import msgspec
import yaml

from onefold.connectors.sources.casts import CAST_NAMES, CastName
from onefold.connectors.sources.dialect import FORMATS, Format
from onefold.connectors.sources.language import (
    TESTS,
    Condition,
    Field,
    Fields,
    Mapping,
    Others,
    Reads,
    RecordType,
    Skip,
    Test,
    Unreadable,
    nearest,
)
from onefold.connectors.sources.nodes import NodeReader
from onefold.errors import ConfigurationError

STATEMENT_KEYS = (
    "type",
    "event",
    "when",
    "id",
    "timestamp",
    "timezone",
    "identifiers",
    "traits",
    "properties",
    "consent",
    "others",
    "version",
)
FILE_KEYS = (
    "system",
    "recognise",
    "statements",
    "skip",
    "optional",
    "skip_lines",
    "header",
    "format",
    "encoding",
    "delimiter",
)
FIELD_KEYS = (
    "column",
    "join",
    "value",
    "as",
    "formats",
    "decimal_mark",
    "prefix",
    "split",
    "optional",
    "when",
    "unknown",
    "unreadable",
    "granted",
    "denied",
    "reads",
)
_SECTIONS = ("identifiers", "traits", "properties", "consent")
_ANSWERS = ("granted", "denied")
_CONSENT_KEYS = (*_ANSWERS, "reads")


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
    return _MappingReader(file).whole(root)


class _MappingReader(NodeReader):
    """Reads the language: a whole file, its statements, their fields and conditions."""

    def whole(self, root: yaml.Node | None) -> Mapping:
        top = dict(self.items(root, (*STATEMENT_KEYS, *FILE_KEYS), "a mapping"))
        statements: tuple[Mapping, ...] = ()
        if "statements" in top:
            nodes = self.several(top["statements"])
            if not nodes:
                self.fail(top["statements"], "`statements:` needs one statement or more")
            shared = {key: node for key, node in top.items() if key in STATEMENT_KEYS}
            statements = tuple(self._joined(node, shared) for node in nodes)
        whole = self.statement(root, top) if not statements else Mapping(file=self.file, statements=statements)
        return msgspec.structs.replace(
            whole,
            system=self.word(top["system"]) if "system" in top else "",
            recognise=tuple(self.words(node) for node in self.several(top["recognise"])) if "recognise" in top else (),
            skip=tuple(self.skip(node) for node in self.several(top["skip"])) if "skip" in top else (),
            optional="optional" in top and self.truth(top["optional"]),
            skip_lines=self.count(top["skip_lines"]) if "skip_lines" in top else None,
            header="header" not in top or self.word(top["header"], ("first", "none")) == "first",
            format=cast("Format | None", self.word(top["format"], FORMATS) if "format" in top else None),
            encoding=self.encoding(top.get("encoding")),
            delimiter=self.delimiter(top.get("delimiter")),
        )

    def _joined(self, node: yaml.Node, shared: dict[str, yaml.Node]) -> Mapping:
        """A statement with what stands beside `statements:`; of a section the statement's own names come first."""
        own = dict(self.items(node, STATEMENT_KEYS, "a statement"))
        parts = shared | own
        for section in _SECTIONS:
            if section in own and section in shared:
                mine = self.items(own[section], None, section)
                taken = {name for name, _ in mine}
                theirs = [item for item in self.items(shared[section], None, section) if item[0] not in taken]
                pairs = [(yaml.ScalarNode("tag:yaml.org,2002:str", name), value) for name, value in (*mine, *theirs)]
                for key, value in pairs:
                    key.start_mark = value.start_mark
                parts[section] = yaml.MappingNode("tag:yaml.org,2002:map", pairs, node.start_mark, node.end_mark)
        return self.statement(node, parts)

    def statement(self, node: yaml.Node | None, parts: dict[str, yaml.Node]) -> Mapping:
        """One statement from its keys."""

        def word(key: str, words: Sequence[str] | None = None) -> str | None:
            return self.word(parts[key], words) if key in parts else None

        kind = word("type", get_args(RecordType)) or "record"
        event = word("event") or ""
        if kind == "track" and not event:
            self.fail(node, "a track mapping needs `event:`, the name of what happened")

        def fields(section: str) -> Fields:
            if section not in parts:
                return ()
            named = self.items(parts[section], None, section)
            return tuple((name, field) for name, value in named for field in self.fields(value, section))

        ids = parts.get("id")
        return Mapping(
            file=self.file,
            type=cast("RecordType", kind),
            event=event,
            when=self.conditions(parts["when"]) if "when" in parts else (),
            id=tuple((names[0], Field(names, line=self.line(ids))) for names in map(self.words, self.several(ids)))
            if ids
            else (),
            timestamp=self.field(parts["timestamp"], "timestamp") if "timestamp" in parts else None,
            timezone=self.zone(parts.get("timezone")),
            identifiers=fields("identifiers"),
            traits=fields("traits"),
            properties=fields("properties"),
            consent=fields("consent"),
            others=cast("Others", word("others", get_args(Others)) or "drop"),
            version=word("version") or "1",
        )

    def skip(self, node: yaml.Node) -> Skip:
        parts = dict(self.items(node, ("when", "because"), "an entry of `skip:`"))
        if len(parts) < 2:
            self.fail(node, "an entry of `skip:` needs `when:` and `because:`, the reason that is counted")
        return Skip(self.conditions(parts["when"]), self.word(parts["because"]))

    def conditions(self, node: yaml.Node) -> tuple[Condition, ...]:
        return tuple(self.condition(entry) for entry in self.several(node))

    def condition(self, node: yaml.Node) -> Condition:
        parts = dict(self.items(node, ("column", *TESTS), "a condition"))
        tests = [name for name in TESTS if name in parts]
        if "column" not in parts or len(tests) != 1:
            self.fail(node, f"a condition needs `column:` and one of {', '.join(TESTS)}")
        test: Test = tests[0]
        columns, line = self.words(parts["column"]), self.line(node)
        value = parts[test]
        if test in ("above", "below"):
            try:
                number = Decimal(self.word(value))
            except InvalidOperation:
                number = Decimal("NaN")
            if not number.is_finite():
                self.fail(value, f"`{test}:` needs a number")
            return Condition(columns, test, number=number, line=line)
        if test == "blank":
            return Condition(columns, test, ("true" if self.truth(value) else "false",), line=line)
        return Condition(columns, test, self.folded(value), line=line)

    def fields(self, node: yaml.Node, section: str) -> list[Field]:
        """One field, or several where a list holds fields and not only names."""
        if isinstance(node, yaml.SequenceNode) and any(isinstance(n, yaml.MappingNode) for n in node.value):
            return [self.field(entry, section) for entry in node.value]
        return [self.field(node, section)]

    def field(self, node: yaml.Node, section: str) -> Field:
        line = self.line(node)
        default: CastName = "datetime" if section == "timestamp" else "text"
        if not isinstance(node, yaml.MappingNode):
            if section == "consent":
                self.fail(
                    node, "consent needs `{column: …, reads: opt_in}` or `{column: …, granted: [words that mean yes]}`"
                )
            return Field(self.words(node), cast=default, line=line)
        parts = dict(self.items(node, FIELD_KEYS, "a field"))
        if sum(key in parts for key in ("column", "join", "value")) != 1:
            self.fail(node, "a field needs either `column:` or `value:` (or `join:`, several columns as one text)")
        self._check_answers(node, parts, section)
        if "split" in parts and section != "identifiers":
            self.fail(parts["split"], "`split:` is for identifiers, of which a cell may hold several")
        mark = self.word(parts["decimal_mark"], (".", ",")) if "decimal_mark" in parts else "."
        return Field(
            columns=self.words(parts["column"]) if "column" in parts else (),
            join=tuple(self.words(entry) for entry in self.several(parts["join"])) if "join" in parts else (),
            cast=cast("CastName", self.word(parts["as"], CAST_NAMES)) if "as" in parts else default,
            formats=self.words(parts["formats"]) if "formats" in parts else ("auto",),
            decimal_comma=mark == ",",
            value=self.word(parts["value"]) if "value" in parts else "",
            prefix=self.word(parts["prefix"]) if "prefix" in parts else "",
            split=self.word(parts["split"]) if "split" in parts else "",
            optional="optional" in parts and self.truth(parts["optional"]),
            when=self.conditions(parts["when"]) if "when" in parts else (),
            unknown=self.folded(parts["unknown"]) if "unknown" in parts else (),
            unreadable=cast("Unreadable", self.word(parts["unreadable"], get_args(Unreadable)))
            if "unreadable" in parts
            else "reject",
            granted=self.folded(parts["granted"]) if "granted" in parts else (),
            denied=self.folded(parts["denied"]) if "denied" in parts else (),
            reads=cast("Reads", self.word(parts["reads"], ("opt_in", "opt_out"))) if "reads" in parts else "",
            line=line,
        )

    def _check_answers(self, node: yaml.Node, parts: dict[str, yaml.Node], section: str) -> None:
        answers = [key for key in _CONSENT_KEYS if key in parts]
        if section != "consent":
            if answers:
                self.fail(parts[answers[0]], f"`{answers[0]}:` belongs to consent, and consent needs it")
        elif "value" in parts:
            self.word(parts["value"], _ANSWERS)
        elif not answers:
            self.fail(
                node, "consent needs `reads:` (opt_in, opt_out), `granted:` or `denied:`, words that mean yes and no"
            )
