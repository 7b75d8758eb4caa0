"""Consent: what a person allowed, purpose by purpose, and what follows when several identifiers are one person.

On one node the last word counts. Across the nodes of a person a denial counts (*deny wins*): joining two identifiers
must never allow what one of them refused. What nobody spoke of is denied. A statement about `all` is a statement about
every purpose, at its time: denying all silences an earlier yes to e-mail, a later yes to e-mail speaks again.

A denial stays with everybody it ever applied to. Evidence about others (an address turns out to be a household's, an
earlier event gives it to somebody else) may take the node that said no away from a person, but not its no.

Two ways lead past deny-wins. A later yes of the person that names the node that said no: they subscribe again with the
address that was unsubscribed. And a statement *for the whole person* (a preference centre after login that says "for all my
addresses"), which outranks what any node said before it. The caller decides which sources may make one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from onefold.model import NodeId

ALL = "all"
_T = TypeVar("_T")


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


TOO_MANY = " more"
"""Stands at a node for purposes that are not kept. No event can state it: purposes have no blanks around them."""


class Spoken(msgspec.Struct, frozen=True, gc=False):
    """What a node's events say of consent.

    Attributes:
        node: The node.
        registers: By purpose, what the events anchored at the node say.
        about: By purpose and other node (in hexadecimal): the last word of this node's events that name the other one.
            Who subscribes again with the address that was unsubscribed speaks about that address.
        named: By purpose, the last word of other nodes' events that name this one.
    """

    node: NodeId = b""
    registers: Mapping[str, Register] = {}
    about: Mapping[str, Mapping[str, Statement]] = {}
    named: Mapping[str, Statement] = {}

    def own(self, purpose: str) -> Statement | None:
        """The last word of the node's own events on a purpose, `all` included."""
        return later(self._register(purpose).own, self._register(ALL).own)

    def whole(self, purpose: str) -> Statement | None:
        """The last word for the whole person on a purpose, `all` included."""
        return later(self._register(purpose).whole, self._register(ALL).whole)

    def address(self, purpose: str) -> Statement | None:
        """The last word on this node as an address, whoever said it."""
        named = self.named.get(purpose, self.named.get(TOO_MANY))
        return later(later(self.own(purpose), self.whole(purpose)), later(named, self.named.get(ALL)))

    def _register(self, purpose: str) -> Register:
        # Where purposes were dropped, one of them may have been this, and denied.
        unnamed = _SILENT if purpose == ALL else self.registers.get(TOO_MANY, _SILENT)
        return self.registers.get(purpose, unnamed)


def later(a: Statement | None, b: Statement | None) -> Statement | None:
    """The one that counts: the later; of two at the same time the denial. Commutative, associative, idempotent."""
    if a is None or b is None:
        return b if a is None else a
    return a if _rank(a) >= _rank(b) else b


def merged(a: Register, b: Register) -> Register:
    """Two partial registers of the same node and purpose as one."""
    return Register(later(a.own, b.own), later(a.whole, b.whole))


def decide(person: Iterable[Spoken], purpose: str, beside: Iterable[Spoken] = ()) -> Statement | None:
    """The statement that settles `purpose` for a person; None when nobody spoke of it.

    The order of nodes does not matter. Without whole-person statements, adding a node can turn granted into denied and
    silence into anything, but never denied into granted. The one exception is said by name: a later yes of the person
    that names a node outranks that node's no.

    Args:
        person: What the nodes of the person say.
        purpose: The purpose.
        beside: What nodes say that evidence connects with the person's and that are another's, or nobody's, by now. A
            no of theirs once applied to this person, and stays; a yes of theirs counts for nothing here.
    """
    person = list(person)
    whole: Statement | None = None
    about: dict[str, Statement | None] = {}
    for node in person:
        whole = later(whole, node.whole(purpose))
        for named in (node.about.get(purpose, {}), node.about.get(ALL, {})):
            for other, said in named.items():
                about[other] = later(about.get(other), said)
    words = [word for node in person if (word := _unless_lifted(node.own(purpose), about.get(node.node.hex())))]
    mine = {node.node.hex() for node in person}
    for node in beside:
        nos = [(word, node.node.hex()) for word in (node.own(purpose), node.whole(purpose))]
        # What it said of an address that is this person's now is not taken back by a yes that leaves the address out.
        for named in (node.about.get(purpose, {}), node.about.get(ALL, {})):
            nos += [(said, other) for other, said in named.items() if other in mine]
        for word, of in nos:
            stays = _unless_lifted(word, about.get(of))
            if stays is not None and not stays.granted:
                words.append(stays)
    standing = [word for word in words if whole is None or _rank(word) > _rank(whole)]
    if whole is not None:
        standing.append(whole)
    return max((s for s in standing if not s.granted), key=_rank, default=None) or max(
        standing, key=_rank, default=None
    )


def _unless_lifted(word: Statement | None, about: Statement | None) -> Statement | None:
    """A node's word, or the person's later yes about that very node."""
    if word is None or word.granted or about is None or not about.granted:
        return word
    return later(word, about)


def first_purposes(said: Mapping[str, _T], most: int, denied: _T) -> dict[str, _T]:
    """What is said of `all` and of the first `most` purposes by name; the rest count as `denied`, whatever was said.

    So what is kept depends on no order, and nobody can widen a consent by naming many purposes.
    """
    named = sorted(said.keys() - {ALL, TOO_MANY})
    if len(named) <= most:
        return dict(said)
    kept = {purpose: said[purpose] for purpose in (ALL, *named[:most]) if purpose in said}
    return kept | {TOO_MANY: denied}


def allowed(person: Iterable[Spoken], purpose: str, beside: Iterable[Spoken] = ()) -> bool:
    """Whether the person allows `purpose`. Silence is a no."""
    settled = decide(person, purpose, beside)
    return settled is not None and settled.granted


def may_send(person: Iterable[Spoken], beside: Iterable[Spoken], address: Spoken, purpose: str) -> bool:
    """Whether something may be sent to an address for `purpose`: the person says yes, and the address does not say no."""
    word = address.address(purpose)
    return allowed(person, purpose, beside) and (word is None or word.granted)


def _rank(statement: Statement) -> tuple[int, bool, bytes]:
    # At equal times True (denied) is the greater, so the denial is taken for the later word.
    return statement.at_us, not statement.granted, statement.event


_SILENT = Register()
NO = Statement(granted=False, at_us=2**63 - 1, event=b"", source="")
DENIED = Register(own=NO)
