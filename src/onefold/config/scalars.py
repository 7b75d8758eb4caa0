"""The single values of a project file: durations, sizes, references to secrets, texts, numbers."""

from __future__ import annotations

import re
from typing import Any

import yaml

from onefold.config import kinds
from onefold.config.kinds import Kind
from onefold.errors import nearest

_MICROSECONDS = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_BYTES = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_DIGITS_MAX = 20
"""More than a whole number of any setting has; Python refuses to read thousands of digits."""
_SHARE = re.compile(r"(0(\.[0-9]{1,15})?|1(\.0{1,15})?)\Z")
_PARTS = re.compile(r"([0-9]+)([A-Za-z]+)\Z")


def duration_us(text: str) -> int | None:
    """Microseconds of `500ms`, `30s`, `15m`, `12h`, `90d` or `2w`; None when it is not a duration."""
    match = _PARTS.match(text)
    if match is None or match[2] not in _MICROSECONDS or len(match[1]) > 6:
        return None
    return int(match[1]) * _MICROSECONDS[match[2]]


def size_bytes(text: str) -> int | None:
    """Bytes of `100B`, `512KB`, `4MB` or `1GB`; None when it is not a size."""
    match = _PARTS.match(text)
    if match is None or match[2] not in _BYTES or len(match[1]) > 9:
        return None
    return int(match[1]) * _BYTES[match[2]]


def read_scalar(node: yaml.ScalarNode, kind: Kind) -> tuple[Any, str]:
    """(value, "") or (None, what is wrong); a value that may be a secret is never repeated."""
    text: str = node.value
    tag = node.tag.rsplit(":", 1)[-1]
    fault = ""
    value: Any = None
    match kind:
        case kinds.Scalar():
            return text, ""
        case kinds.Boolean():
            if tag != "bool":
                return None, "must be `true` or `false`"
            return text.lower() in {"true", "yes", "on"}, ""
        case kinds.Integer():
            if tag != "int" or not text.isdigit():
                return None, f"must be a whole number, not `{text[:40]}`"
            if len(text) > _DIGITS_MAX or not kind.minimum <= int(text) <= kind.maximum:
                return None, f"must be between {kind.minimum:,} and {kind.maximum:,}"
            return int(text), ""
        case kinds.Share():
            value = float(text) if tag in {"int", "float"} and _SHARE.match(text) else None
            fault = f"must be a number between 0 and 1, such as `0.85`, not `{text[:40]}`"
        case kinds.Duration():
            value, fault = duration_us(text), f"must be a duration such as `30m` or `90d`, not `{text[:40]}`"
        case kinds.Size():
            value, fault = size_bytes(text), f"must be a size such as `512KB` or `4MB`, not `{text[:40]}`"
        case kinds.Secret():
            value = text if re.match(kinds.SECRET, text) else None
            fault = "must say where the secret is, `env:NAME` or `file:path`; a secret never stands in a project file"
        case kinds.Text(choices=choices) if choices:
            value = text if text in choices else None
            listed = ", ".join(f"`{choice}`" for choice in choices)
            fault = f"must be one of {listed}, not `{text[:40]}`{nearest(text, choices)}"
        case kinds.Text():
            fits = tag == "str" and text and (not kind.pattern or re.match(kind.pattern, text))
            value, fault = (text if fits else None), f"must be {kind.shape or 'a text that is not empty'}"
        case _:
            fault = "cannot be a single value"
    return (None, fault) if value is None else (value, "")


def example(kind: Kind) -> str:
    """A value of this kind to show in an error."""
    match kind:
        case kinds.Text(choices=choices) if choices:
            return choices[0]
        case kinds.Integer():
            return str(max(kind.minimum, 1))
        case kinds.Share():
            return "0.85"
        case kinds.Boolean():
            return "true"
        case kinds.Duration():
            return "90d"
        case kinds.Size():
            return "512KB"
        case kinds.Secret():
            return "env:NAME"
        case _:
            return "name"
