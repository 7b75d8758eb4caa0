"""Consent: what a person allowed, purpose by purpose, and what follows when several identifiers are one person.

On one node the last word counts. Across the nodes of a person a denial counts (*deny wins*): joining two identifiers
must never allow what one of them refused. What nobody spoke of is denied. A statement about `all` is a statement about
every purpose, at its time: denying all silences an earlier yes to e-mail, a later yes to e-mail speaks again.

One way leads past deny-wins: a statement *for the whole person* (a preference centre after login that says "for all my
addresses") outranks what any node said before it. The caller decides which sources may make one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

ALL = "all"


class Statement(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One yes or no about a purpose: when it was said, by which event, and where it was collected."""

    granted: bool
    at_us: int
    event: bytes
    source: str


class Register(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The last word on one purpose at one node.

    Attributes:
        own: The latest statement for this identifier.
        whole: The latest statement for the whole person. It is kept apart: a later statement of the node's own must
            not make us forget that an earlier one reached other nodes.
    """

    own: Statement | None = None
    whole: Statement | None = None


Consents = Mapping[str, Register]
"""Purpose to register, of one node."""


def later(a: Statement | None, b: Statement | None) -> Statement | None:
    """The one that counts: the later; of two at the same time the denial. Commutative, associative, idempotent."""
    if a is None or b is None:
        return b if a is None else a
    return a if _rank(a) >= _rank(b) else b


def merged(a: Register, b: Register) -> Register:
    """Two partial registers of the same node and purpose as one."""
    return Register(later(a.own, b.own), later(a.whole, b.whole))


def decide(nodes: Iterable[Consents], purpose: str) -> Statement | None:
    """The statement that settles `purpose` for a person made of these nodes; None when nobody spoke of it.

    The order of `nodes` does not matter. Without whole-person statements, adding a node can turn granted into denied
    and silence into anything, but never denied into granted.
    """
    whole: Statement | None = None
    own: list[Statement] = []
    for consents in nodes:
        named, every = consents.get(purpose, _SILENT), consents.get(ALL, _SILENT)
        whole = later(whole, later(named.whole, every.whole))
        last = later(named.own, every.own)
        if last is not None:
            own.append(last)
    standing = [s for s in own if whole is None or _rank(s) > _rank(whole)]
    if whole is not None:
        standing.append(whole)
    return max((s for s in standing if not s.granted), key=_rank, default=None) or max(
        standing, key=_rank, default=None
    )


def allowed(nodes: Iterable[Consents], purpose: str) -> bool:
    """Whether the person allows `purpose`. Silence is a no."""
    settled = decide(nodes, purpose)
    return settled is not None and settled.granted


def _rank(statement: Statement) -> tuple[int, bool, bytes]:
    # At equal times True (denied) is the greater, so the denial is taken for the later word.
    return statement.at_us, not statement.granted, statement.event


_SILENT = Register()
