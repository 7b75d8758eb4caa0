"""Definitions: what a project says of a segment, and the fingerprint of what decides who is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from typing import Literal as OneOf

import msgspec

from onefold.rules import Expr, from_json, parse

Kind = OneOf["realtime", "scheduled", "static"]
Status = OneOf["draft", "active", "archived"]

DAY_US = 24 * 3_600_000_000
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Top(msgspec.Struct, frozen=True):
    """The part of the people for whom a rule is true that has the largest values of a field; ties are never split."""

    percent: int
    by: str


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as a project states it.

    Attributes:
        slug: Its name, unique in the project.
        rule: In the text form, or in the JSON form; None for a list.
        kind: `realtime`: kept with each event. `scheduled`: worked out at intervals. `static`: a list of identifiers.
        status: `draft` and `archived` segments have no members.
        every_us: How often a scheduled segment is worked out.
        top: Of a scheduled segment: only the people with the largest values.
        exclude: Slugs of segments whose members are not in this one.
        suppression: Whether this list's members are in no other segment.
        file: Where it stands, relative to the project.
        line: The line there.
    """

    slug: str
    rule: str | Mapping[str, Any] | None = None
    kind: Kind = "realtime"
    status: Status = "active"
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    every_us: int = DAY_US
    top: Top | None = None
    exclude: tuple[str, ...] = ()
    suppression: bool = False
    file: str = ""
    line: int = 1

    def expr(self) -> Expr | None:
        """What the rule says; None for a list.

        Raises:
            RuleError: It cannot be read.
        """
        if self.rule is None:
            return None
        return parse(self.rule) if isinstance(self.rule, str) else from_json(self.rule)

    def fingerprint(self) -> str:
        """The same for two definitions that always have the same members.

        Raises:
            RuleError: The rule cannot be read.
        """
        decides = (
            self.kind,
            self.status,
            self.expr(),
            None if self.kind != "scheduled" else (self.every_us, self.top),
            sorted(set(self.exclude)),
            self.suppression,
        )
        return hashlib.sha256(_encode(decides)).hexdigest()[:16]


class Stated(msgspec.Struct, frozen=True):
    """A segment as a file states it, and the tag of the file: another after each change of it."""

    definition: Definition
    tag: str


def encode(definition: Definition) -> bytes:
    """As it is stored."""
    return _encode(definition)


decode = msgspec.json.Decoder(Definition).decode
"""Read what `encode` wrote."""
