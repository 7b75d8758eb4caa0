"""A mapping as YAML text that reads as the same mapping, with what is known of each field beside it."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
import yaml

from onefold.connectors.sources.language import Condition, Field, Fields, Mapping

Notes = Dictionary[str, str]
"""What to say beside a column: its name, and a sentence."""

_WORDS = ("system", "type", "event", "format", "encoding", "delimiter", "others", "version", "timezone")
_DEFAULTS = Mapping()


def to_yaml(mapping: Mapping, notes: Notes | None = None) -> str:
    """Write a mapping so that `mapping.read` reads the same.

    Args:
        mapping: What to write.
        notes: Comments, by column.
    """
    lines: list[str] = []
    skip = bool(mapping.statements)
    for name in _WORDS:
        value = getattr(mapping, name)
        if (value and value != getattr(_DEFAULTS, name)) or (name == "type" and not skip):
            lines.append(_line(name, "tab" if value == "\t" else value))
    if mapping.recognise:
        lines.append(_line("recognise", [_names(names) for names in mapping.recognise]))
    if mapping.optional:
        lines.append("optional: true")
    if mapping.skip_lines is not None:
        lines.append(_line("skip_lines", str(mapping.skip_lines)))
    if not mapping.header:
        lines.append("header: none")
    if mapping.skip:
        lines.append("skip:")
        lines += [f"- {_flow({'when': _conditions(entry.when), 'because': entry.because})}" for entry in mapping.skip]
    if mapping.statements:
        common, own = _factored(mapping.statements)
        lines += [line for line in (*_words(common), *_stated(common, notes or {})) if line != "type: record"]
        lines.append("statements:")
        for statement in own:
            told = [*_words(statement), *_stated(statement, notes or {})]
            lines += [("- " if index == 0 else "  ") + line for index, line in enumerate(told or ["type: record"])]
    else:
        lines += _stated(mapping, notes or {})
    return "\n".join(lines) + "\n"


_SECTIONS = ("when", "id", "timestamp", "timezone", "identifiers", "traits", "consent", "others", "version")


def _factored(statements: Sequence[Mapping]) -> tuple[Mapping, list[Mapping]]:
    """What all statements say alike, and what each says besides."""
    first = statements[0]
    alike = {n: getattr(first, n) for n in _SECTIONS if all(getattr(s, n) == getattr(first, n) for s in statements)}
    default = {name: getattr(_DEFAULTS, name) for name in alike}
    return msgspec.structs.replace(_DEFAULTS, **alike), [msgspec.structs.replace(s, **default) for s in statements]


def _words(mapping: Mapping) -> list[str]:
    return [
        _line(name, value)
        for name in _WORDS[1:]
        if (value := getattr(mapping, name)) and (name == "type" or value != getattr(_DEFAULTS, name))
    ]


def _stated(mapping: Mapping, notes: Notes) -> list[str]:
    lines: list[str] = []
    if mapping.when:
        lines.append(_line("when", _conditions(mapping.when)))
    if mapping.id:
        lines.append(_line("id", [_names(field.columns) for _, field in mapping.id]))
    if mapping.timestamp:
        lines.append(
            _line("timestamp", _written(mapping.timestamp, default="datetime")) + _note(mapping.timestamp, notes)
        )
    for section in ("identifiers", "traits", "properties", "consent"):
        fields: Fields = getattr(mapping, section)
        if fields:
            lines.append(f"{section}:")
            lines += [f"  {line}" for line in _section(fields, notes)]
    return lines


def _section(fields: Fields, notes: Notes) -> list[str]:
    lines = []
    for name, group in groupby(sorted(fields, key=lambda pair: _first(fields, pair[0])), key=lambda pair: pair[0]):
        several = [field for _, field in group]
        if len(several) == 1:
            lines.append(_line(name, _written(several[0])) + _note(several[0], notes))
            continue
        lines.append(f"{_flow(name)}:")
        for field in several:
            written = _written(field)
            as_field = written if isinstance(written, dict) else {"column": written}
            lines.append(f"- {_flow(as_field)}{_note(field, notes)}")
    return lines


def _first(fields: Fields, name: str) -> int:
    return next(index for index, (other, _) in enumerate(fields) if other == name)


def _note(field: Field, notes: Notes) -> str:
    for names in (field.columns, *field.join):
        for name in names:
            if name in notes:
                return f"  # {notes[name]}"
    return ""


def _line(name: str, value: Any) -> str:
    return f"{_flow(name)}: {_flow(value)}"


def _flow(value: Any) -> str:
    """A value on one line."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=True, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _names(names: Sequence[str]) -> object:
    return names[0] if len(names) == 1 else list(names)


def _conditions(when: Sequence[Condition]) -> object:
    written = [_condition(condition) for condition in when]
    return written[0] if len(written) == 1 else written


def _condition(condition: Condition) -> dict[str, object]:
    if condition.test in ("above", "below"):
        value: object = str(condition.number)
    else:
        value = _names(condition.words)
    return {"column": _names(condition.columns), condition.test: value}


def _written(field: Field, default: str = "text") -> object:
    written: dict[str, object] = {}
    if field.join:
        written["join"] = [_names(names) for names in field.join]
    elif field.columns:
        written["column"] = _names(field.columns)
    else:
        written["value"] = field.value
    if field.cast != default:
        written["as"] = field.cast
    if field.formats != ("auto",):
        written["formats"] = list(field.formats)
    if field.decimal_comma:
        written["decimal_mark"] = ","
    for name in ("prefix", "split"):
        if text := getattr(field, name):
            written[name] = text
    if field.optional:
        written["optional"] = "true"
    if field.when:
        written["when"] = _conditions(field.when)
    for name in ("granted", "denied", "unknown"):
        if words := getattr(field, name):
            written[name] = list(words)
    if field.reads:
        written["reads"] = field.reads
    if field.unreadable != "reject":
        written["unreadable"] = field.unreadable
    return written["column"] if list(written) == ["column"] else written
