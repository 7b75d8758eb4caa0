"""Reading: a rule in whichever form it comes, fitted to fields, with the place of whatever is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onefold.rules import document, text
from onefold.rules.binding import Bound, Fields, bind
from onefold.rules.tree import Expr, Places, RuleError, children, placed

Written = str | Mapping[str, Any]
"""A rule in the text form, or in the JSON form as it decodes."""


def fit(written: Written, fields: Fields) -> Bound:
    """Read a rule and fit it to these fields.

    Raises:
        RuleError: It cannot be read, does not fit, or is not true or false; the message says where, and what to write.
    """
    expr, places = _read(written)
    bound = bind(expr, fields, places)
    if bound.kind not in {"boolean", "any"}:
        raise RuleError(f"A rule is true or false; this one gives a {bound.kind}.")
    return bound


def require_agreement(rule: str, written: Written) -> None:
    """See that a rule that is stated in two ways, in the text form and as `written`, says the same in both.

    Raises:
        RuleError: One of them cannot be read, or they do not say the same; the message says where `written` differs.
    """
    in_text, (other, places) = text.parse(rule), _read(written)
    if in_text != other:
        error = RuleError("The two forms of the rule disagree; state one of them, or mend this.")
        raise placed(error, _different(other, in_text), places)


def _different(one: Expr, other: Expr) -> Expr:
    """The innermost part of a tree that another does not have in its place."""
    while type(one) is type(other):
        ours, theirs = children(one), children(other)
        pair = next((pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]), None)
        if pair is None or len(ours) != len(theirs):
            break
        one, other = pair
    return one


def _read(written: Written) -> tuple[Expr, Places]:
    return text.parsed(written) if isinstance(written, str) else document.read_places(written)
