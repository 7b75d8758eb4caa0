"""Names of events in rules: those by which events are stored, whichever vocabulary whoever wrote the rule uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from onefold.rules import Aggregate, Expr, Then


def canonical(expr: Expr, names: Mapping[str, str]) -> Expr:
    """The rule with the names of events replaced that these names are aliases of: `Purchase` asks for `Order Completed`."""
    found: Expr = _replaced(expr, names)
    return found


def _replaced(part: Any, names: Mapping[str, str]) -> Any:
    if isinstance(part, tuple):
        return tuple(_replaced(one, names) for one in part)
    if not isinstance(part, msgspec.Struct):
        return part
    changed = {name: _replaced(getattr(part, name), names) for name in part.__struct_fields__}
    if isinstance(part, Aggregate | Then):
        changed["event"] = names.get(part.event, part.event)
    return type(part)(**changed)
