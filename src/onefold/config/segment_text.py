"""Segment text: one segment written into the text of a file of `segments`, or taken out of it; the rest stays as it is."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from onefold.audiences.definition import DAY_US, Definition
from onefold.config.reading import Loader
from onefold.errors import UsageError

_KEY = "segments"
_UNITS = ((7 * DAY_US, "w"), (DAY_US, "d"), (DAY_US // 24, "h"), (DAY_US // 1440, "m"), (DAY_US // 86_400, "s"))


def with_segment(text: str, definition: Definition) -> str:
    """The file's text with a segment as this says, in the place of one that is there; of the empty text, a new file.

    What the file says for all its segments (`owner`, `tags`) is not repeated.

    Raises:
        UsageError: The file is written in a way that only a person can edit.
    """
    if not text.strip():
        return f"{_KEY}:\n" + "".join(f"  {line}\n" for line in _lines(definition, {}))
    file, entries, indent = _read(text)
    lines = text.rstrip("\n").split("\n")
    new = [" " * indent + line for line in _lines(definition, file)]
    start, end = _span(entries, definition.slug, lines) or (_end(entries, lines),) * 2
    return "\n".join([*lines[:start], *new, *lines[end:]]) + "\n"


def without_segment(text: str, slug: str) -> str | None:
    """The file's text without a segment; None where it held no other.

    Raises:
        UsageError: The file is written in a way that only a person can edit.
    """
    _, entries, _ = _read(text)
    lines = text.rstrip("\n").split("\n")
    span = _span(entries, slug, lines)
    if span is None or len(entries) == 1:
        return None
    return "\n".join([*lines[: span[0]], *lines[span[1] :]]) + "\n"


def _read(text: str) -> tuple[dict[str, Any], list[tuple[str, int, int]], int]:
    """What the file says of all its segments; each slug with the lines from which to which it stands; how far in."""
    root = yaml.compose(text, Loader=Loader)
    pairs = {key.value: value for key, value in root.value} if isinstance(root, yaml.MappingNode) else {}
    found = pairs.get(_KEY)
    if root is None or not isinstance(found, yaml.MappingNode) or found.flow_style or not found.value:
        raise _by_hand()
    entries = [(key.value, key.start_mark.line, _last_line(value)) for key, value in found.value]
    starts = [start for _, start, _ in entries]
    if len(set(starts)) < len(starts) or root.start_mark.line >= starts[0]:
        raise _by_hand()
    owner, tags = pairs.get("owner"), pairs.get("tags")
    file = {
        "owner": owner.value if isinstance(owner, yaml.ScalarNode) else None,
        "tags": [tag.value for tag in tags.value] if isinstance(tags, yaml.SequenceNode) else [],
    }
    return file, entries, found.value[0][0].start_mark.column


def _last_line(node: yaml.Node) -> int:
    """The line on which a value ends; what follows a block (comments, empty lines) does not belong to it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    mark = node.end_mark
    # A block of text ends at the beginning of a line, everything else within one.
    return mark.line - 1 if mark.column == 0 and mark.line > node.start_mark.line else mark.line


def _span(entries: list[tuple[str, int, int]], slug: str, lines: list[str]) -> tuple[int, int] | None:
    found = next(((start, last) for name, start, last in entries if name == slug), None)
    return None if found is None else (found[0], _trimmed(found[0], found[1], lines))


def _end(entries: list[tuple[str, int, int]], lines: list[str]) -> int:
    return _trimmed(entries[-1][1], entries[-1][2], lines)


def _trimmed(start: int, last: int, lines: list[str]) -> int:
    """The line after the last one of an entry that says something."""
    end = min(last + 1, len(lines))
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    return end


def _lines(definition: Definition, file: dict[str, Any]) -> list[str]:
    """A segment as lines of YAML."""
    tags = [tag for tag in definition.tags if tag not in (file.get("tags") or ())]
    top = definition.top
    scheduled = definition.kind == "scheduled"
    said: dict[str, Any] = {
        "description": definition.description,
        "owner": definition.owner if definition.owner != file.get("owner") else "",
        "tags": tags,
        "kind": definition.kind if definition.kind != "realtime" else "",
        "status": definition.status if definition.status != "active" else "",
        "suppression": definition.suppression,
        "exclude": list(definition.exclude),
        "every": _duration(definition.every_us) if scheduled and definition.every_us != DAY_US else "",
        "top": {"percent": top.percent, "by": top.by} if top is not None else None,
        "rule": definition.rule,
    }
    # JSON is YAML, and quotes whatever has to be.
    body = [f"  {name}: {msgspec.json.encode(value).decode()}" for name, value in said.items() if value]
    return [f"{definition.slug}:", *body]


def _duration(us: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if us % size == 0)
    return f"{us // size}{unit}"


def _by_hand() -> UsageError:
    return UsageError("This file of segments is not written as `segments:` with a slug a line; edit it by hand.")
