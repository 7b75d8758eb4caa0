"""Blocking a value: one more entry under `blocked.values` of a project's identity.yaml, the rest as it stands."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from onefold.config.project import read_project
from onefold.errors import UsageError

FILE = "identity.yaml"


def block(directory: Path, value: str) -> None:
    """Add a value to those that never identify anybody; nothing where it is among them.

    Raises:
        UsageError: The file is written in a way that this cannot add to; it was left as it was.
        ConfigurationError: The project has problems.
    """
    if _is_blocked(directory, value):
        return
    path = directory / FILE
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(_with_value(before, value), encoding="utf-8")
    try:
        added = _is_blocked(directory, value)
    except Exception:
        path.write_text(before, encoding="utf-8")
        raise
    if not added:
        path.write_text(before, encoding="utf-8")
        raise UsageError(f"Add the value to `blocked.values` in {FILE} by hand; its list could not be added to.")


def _is_blocked(directory: Path, value: str) -> bool:
    return value.lower() in {known.lower() for known in read_project(directory).stages.blocked_values}


def _with_value(text: str, value: str) -> str:
    quoted = json.dumps(value, ensure_ascii=False)
    root = yaml.compose(text) if text.strip() else None
    blocked = _under(root, "blocked")
    values = _under(blocked, "values")
    if isinstance(values, yaml.SequenceNode) and values.value and values.flow_style:
        at = values.value[-1].end_mark.index
        return f"{text[:at]}, {quoted}{text[at:]}"
    if isinstance(values, yaml.SequenceNode) and values.value:
        last = values.value[-1]
        at = last.end_mark.index
        indent = " " * (last.start_mark.column - 2)
        return f"{text[:at]}\n{indent}- {quoted}{text[at:]}"
    if isinstance(blocked, yaml.MappingNode) and blocked.value and not blocked.flow_style and values is None:
        first = blocked.value[0][0].start_mark
        return f"{text[: first.index]}values: [{quoted}]\n{' ' * first.column}{text[first.index :]}"
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}\nblocked:\n  values: [{quoted}]\n" if blocked is None else text


def _under(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)
