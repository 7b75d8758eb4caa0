"""Costs: what it takes to keep a segment current, with the segments and stages that it reads."""

from __future__ import annotations

from onefold.audiences.ruleset import IN_SEGMENT, STAGE_FIELD
from onefold.pipelines.audiences.rules import Held
from onefold.rules import Bound, cost
from onefold.rules.cost import CLASSES, Class


def class_of(held: Held, rule: Bound) -> Class:
    """The class of a rule, or of the dearest that it reads."""
    found = [cost(rule).kind]
    if STAGE_FIELD in rule.fields and held.lifecycle is not None:
        found += [cost(stage).kind for stage in held.lifecycle.rules]
    for name in rule.fields:
        other = held.rules.rule(name.removeprefix(IN_SEGMENT)) if name.startswith(IN_SEGMENT) else None
        if other is not None:
            found.append("population" if other.definition.top is not None else class_of(held, other.bound))
    return max(found, key=CLASSES.index)
