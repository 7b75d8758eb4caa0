"""Reading: a project file becomes plain values, each with the line it stands on, and a list of all that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from onefold.config import kinds
from onefold.config.kinds import Kind
from onefold.config.scalars import example, read_scalar
from onefold.errors import nearest

BYTES_MAX = 1_048_576
"""A project file larger than this is a mistake, not a configuration."""

At = tuple[str | int, ...]
"""Keys and list positions that lead to a value."""


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong, and where."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Write it the way editors jump to."""
        return f"{self.file}:{self.line}: {self.message}"


class Document(msgspec.Struct, frozen=True):
    """A file that was read: the values given in it (defaults are not filled in) and the line of each."""

    file: str
    value: dict[str, Any]
    lines: dict[At, int]

    def problem(self, at: At, message: str) -> Problem:
        """Say what is wrong with the value at `at`, or with the nearest thing around it that has a line."""
        while at and at not in self.lines:
            at = at[:-1]
        return Problem(self.file, self.lines.get(at, 1), message)


# libyaml where it is there: the parser in Python takes a minute for a megabyte.
Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_DEPTH_MAX = 100


def _compose(text: str) -> yaml.Node | None:
    """YAML without anchors and aliases, which turn one kilobyte into gigabytes and a line number into a riddle."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX:
            raise RecursionError
        if isinstance(event, yaml.AliasEvent):
            mark: Any = event.start_mark  # of libyaml's class or Python's own: both have the line
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not supported; repeat it", problem_mark=mark)
    return yaml.compose(text, Loader=Loader)


def read(path: Path, file: str, kind: kinds.Record, problems: list[Problem]) -> Document:
    """Read one file; whatever is wrong is added to `problems`, and what is right is returned.

    Args:
        path: Where the file is.
        file: How to name it in problems, relative to the project.
        kind: What it must hold.
        problems: Receives everything that is wrong.
    """
    empty = Document(file, {}, {})
    try:
        if not path.is_file():
            # A pipe or a device would keep every command waiting.
            problems.append(Problem(file, 1, "is not a file" if path.exists() else "does not exist"))
            return empty
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
    except OSError as error:
        problems.append(Problem(file, 1, f"cannot be read: {error.strerror}"))
        return empty
    return read_bytes(raw, file, kind, problems)


def read_bytes(raw: bytes, file: str, kind: kinds.Record, problems: list[Problem]) -> Document:
    """The same of what a file holds, or is to hold."""
    lines: dict[At, int] = {}
    empty = Document(file, {}, lines)
    if len(raw) > BYTES_MAX:
        problems.append(Problem(file, 1, f"has more than {BYTES_MAX:,} bytes, the most that a project file holds"))
        return empty
    try:
        node = _compose(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem(file, line, "is not UTF-8"))
        return empty
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(Problem(file, mark.line + 1 if mark else 1, f"is not YAML: {error.problem or error.context}"))
        return empty
    except (yaml.YAMLError, RecursionError):
        problems.append(Problem(file, 1, "is not YAML, or is nested too deeply"))
        return empty
    if node is None:
        node = yaml.MappingNode("tag:yaml.org,2002:map", [], yaml.Mark(file, 0, 0, 0, "", 0))
    found: list[tuple[yaml.Node, str]] = []
    value = _value(node, kind, (), lines, found)
    problems.extend(Problem(file, at.start_mark.line + 1, message) for at, message in found)
    return Document(file, value if isinstance(value, dict) else {}, lines)


def _value(node: yaml.Node, kind: Kind, at: At, lines: dict[At, int], wrong: list[tuple[yaml.Node, str]]) -> Any:
    """The value of `node` as `kind`; None after adding to `wrong` when it is not of that kind."""
    lines[at] = node.start_mark.line + 1
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).lstrip(".") or "the file"
    match kind:
        case kinds.Record():
            return _record(node, kind, at, where, lines, wrong)
        case kinds.MapOf():
            if not isinstance(node, yaml.MappingNode):
                wrong.append((node, f"`{where}` must be a mapping of names"))
                return None
            pairs = _pairs(node, where, wrong)
            values = {}
            for name, (key, value) in pairs.items():
                values[name] = _value(value, kind.value, (*at, name), lines, wrong)
                lines[(*at, name)] = key.start_mark.line + 1
            return values
        case kinds.ListOf():
            if not isinstance(node, yaml.SequenceNode):
                wrong.append((node, f"`{where}` must be a list, such as `[{example(kind.item)}]`"))
                return None
            if len(node.value) < kind.minimum:
                wrong.append((node, f"`{where}` needs at least {kind.minimum} of them"))
            return [_value(item, kind.item, (*at, index), lines, wrong) for index, item in enumerate(node.value)]
        case kinds.Either():
            return _value(node, _form(node, kind), at, lines, wrong)
        case kinds.Free():
            if not isinstance(node, yaml.MappingNode):
                wrong.append((node, f"`{where}` must be a mapping"))
                return None
            return _plain(node, at, lines)
        case _:
            if not isinstance(node, yaml.ScalarNode):
                wrong.append((node, f"`{where}` must be a single value, such as `{example(kind)}`"))
                return None
            value, fault = read_scalar(node, kind)
            if fault:
                wrong.append((node, f"`{where}` {fault}"))
            return value


def _form(node: yaml.Node, kind: kinds.Either) -> Kind:
    """The form that the file uses; for one that is not allowed here, the form that the error should ask for."""
    forms: list[Kind | None] = [kind.scalar, kind.sequence, kind.mapping]
    used = (yaml.ScalarNode, yaml.SequenceNode, yaml.MappingNode).index(type(node))
    return forms[used] or next(form for form in reversed(forms) if form is not None)


def _pairs(
    node: yaml.MappingNode, where: str, wrong: list[tuple[yaml.Node, str]]
) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not key.value:
            wrong.append((key, f"`{where}` has a key that is not a name"))
        elif key.value in pairs:
            wrong.append((key, f"`{where}` says `{key.value}` twice"))
        else:
            pairs[key.value] = (key, value)
    return pairs


def _record(
    node: yaml.Node,
    kind: kinds.Record,
    at: At,
    where: str,
    lines: dict[At, int],
    wrong: list[tuple[yaml.Node, str]],
) -> dict[str, Any] | None:
    if not isinstance(node, yaml.MappingNode):
        wrong.append((node, f"`{where}` must be a mapping with keys such as `{next(iter(kind.fields))}`"))
        return None
    pairs = _pairs(node, where, wrong)
    result = {}
    for name, (key, value) in pairs.items():
        field = kind.fields.get(name)
        if field is None:
            # The valid words are listed when no one of them is near, so nobody has to search the manual.
            help_ = nearest(name, kind.fields) or f"; it knows {', '.join(f'`{known}`' for known in kind.fields)}"
            wrong.append((key, f"`{where}` does not know `{name}`{help_}"))
            continue
        result[name] = _value(value, field.kind, (*at, name), lines, wrong)
        lines[(*at, name)] = key.start_mark.line + 1
    wrong.extend(
        (node, f"`{where}` lacks `{name}`: {field.says}")
        for name, field in kind.fields.items()
        if field.required and name not in pairs
    )
    return result


def _plain(node: yaml.Node, at: At, lines: dict[At, int]) -> Any:
    """The node as JSON would have it: keys and dates are texts."""
    match node:
        case yaml.MappingNode():
            found = {}
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    inside = (*at, key.value)
                    found[key.value] = _plain(value, inside, lines)
                    lines[inside] = key.start_mark.line + 1
            return found
        case yaml.SequenceNode():
            return [_plain(item, (*at, index), lines) for index, item in enumerate(node.value)]
    text: str = node.value
    try:
        match node.tag.rsplit(":", 1)[-1]:
            case "null":
                return None
            case "bool":
                return text.lower() in {"true", "yes", "on"}
            case "int":
                return int(text)
            case "float":
                return float(text)
    except ValueError:
        return text
    return text
