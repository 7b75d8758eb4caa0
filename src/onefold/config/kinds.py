"""The kinds of value a project file can hold; reading, checking and the published JSON Schema all follow from them."""

from __future__ import annotations

from typing import Any

import msgspec


class Text(msgspec.Struct, frozen=True):
    """A text; one of `choices` where there are any, else at least one character, matching `pattern` where given.

    `shape` says in words what `pattern` asks for, so that an error needs no regular expression.
    """

    choices: tuple[str, ...] = ()
    pattern: str = ""
    shape: str = ""


class Integer(msgspec.Struct, frozen=True):
    """A whole number, both ends included."""

    minimum: int = 0
    maximum: int = 1_000_000_000


class Share(msgspec.Struct, frozen=True):
    """A number between 0 and 1, both ends included."""


class Boolean(msgspec.Struct, frozen=True):
    """`true` or `false`."""


class Duration(msgspec.Struct, frozen=True):
    """A length of time such as `90d`; read as whole microseconds."""


class Size(msgspec.Struct, frozen=True):
    """A number of bytes such as `512KB` (of 1,024); read as bytes."""


class Secret(msgspec.Struct, frozen=True):
    """Where a secret is, `env:NAME` or `file:path`; never the secret."""


class Scalar(msgspec.Struct, frozen=True):
    """A text or a number, read as the text that stands in the file (`0000` stays `0000`)."""


class Free(msgspec.Struct, frozen=True):
    """Any mapping, kept as it is: a JSON Schema, which is checked by those who know JSON Schema."""


class ListOf(msgspec.Struct, frozen=True):
    """A list of one kind."""

    item: Kind
    minimum: int = 0


class MapOf(msgspec.Struct, frozen=True):
    """A mapping from names that the project chooses to one kind of value."""

    value: Kind


class Field(msgspec.Struct, frozen=True):
    """One key of a record, and the sentence that the schema and the reference page show for it."""

    kind: Kind
    says: str
    required: bool = False


class Record(msgspec.Struct, frozen=True):
    """A mapping with known keys; any other key is an error."""

    fields: dict[str, Field]


class Either(msgspec.Struct, frozen=True):
    """A short form or a long form, told apart by whether the value is a scalar, a list or a mapping."""

    scalar: Kind | None = None
    sequence: ListOf | None = None
    mapping: Record | MapOf | Free | None = None


Kind = Text | Integer | Share | Boolean | Duration | Size | Secret | Scalar | Free | ListOf | MapOf | Record | Either

DURATION = r"^[0-9]{1,6}(ms|s|m|h|d|w)$"
SIZE = r"^[0-9]{1,9}(B|KB|MB|GB)$"
SECRET = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"  # noqa: S105  the form of a reference, not a secret


def json_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a kind."""
    match kind:
        case Text():
            schema: dict[str, Any] = {"type": "string", "minLength": 1}
            if kind.choices:
                schema = {"enum": list(kind.choices)}
            elif kind.pattern:
                schema["pattern"] = kind.pattern
        case Integer():
            schema = {"type": "integer", "minimum": kind.minimum, "maximum": kind.maximum}
        case Share():
            schema = {"type": "number", "minimum": 0, "maximum": 1}
        case Boolean():
            schema = {"type": "boolean"}
        case Duration() | Size() | Secret():
            schema = {"type": "string", "pattern": {Duration: DURATION, Size: SIZE, Secret: SECRET}[type(kind)]}
        case Scalar():
            schema = {"type": ["string", "number", "boolean", "null"]}
        case Free():
            schema = {"type": "object"}
        case ListOf():
            schema = {"type": "array", "items": json_schema(kind.item), "minItems": kind.minimum}
        case MapOf():
            schema = {"type": "object", "additionalProperties": json_schema(kind.value)}
        case Record():
            schema = {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    name: {"description": field.says, **json_schema(field.kind)} for name, field in kind.fields.items()
                },
            }
            required = [name for name, field in kind.fields.items() if field.required]
            if required:
                schema["required"] = required
        case Either():
            forms = [form for form in (kind.scalar, kind.sequence, kind.mapping) if form is not None]
            schema = {"anyOf": [json_schema(form) for form in forms]}
    return schema
