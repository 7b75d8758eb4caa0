"""Planning: what a change of definitions would do, worked out over everybody, before anybody applies it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from onefold.audiences.definition import Definition
from onefold.audiences.ruleset import STAGE, RuleSet, SegmentError
from onefold.errors import NotFoundError, nearest
from onefold.model import results
from onefold.pipelines.audiences.applying import Difference, Stages, current, difference
from onefold.pipelines.audiences.costs import class_of
from onefold.pipelines.audiences.counting import Audience, Progress, count, quiet
from onefold.pipelines.audiences.inquiry import Open
from onefold.pipelines.audiences.rules import Held, bound, uncounted
from onefold.pipelines.audiences.survey import everybody, sample
from onefold.pipelines.context import Context
from onefold.pipelines.reading.basis import basis_of
from onefold.profiles.settings import Asked
from onefold.rules import explain
from onefold.rules.cost import LATENCY

MOVED_SHOWN = 1_000
"""People of a diff that are told one by one at most, unless more are asked for."""


def plan(
    context: Context,
    wanted: Sequence[Definition],
    stages: Stages,
    *,
    warehouse: Open | None = None,
    progress: Progress = quiet,
) -> results.SegmentPlan:
    """Who would enter and leave what, if these segments and stages were applied; asked of the warehouse where it can answer.

    Raises:
        SegmentError: One of them cannot be used.
    """
    after = {definition.slug: definition for definition in wanted}
    with context.store.snapshot() as snapshot:
        applied, before = current(snapshot)
        basis = basis_of(context, snapshot, applied, planned=True)
        held = bound(context, wanted, stages, basis)
        found = difference(before, after, stages=stages != applied.stages)
        sizes = snapshot.audience_sizes()
        people = snapshot.counts()["people"]
    if not found:
        return results.SegmentPlan(changes=(), people=people, notes=(), way=None, because="", sequence=None)
    counted = None
    if found.decides:
        audiences = {*held.rules.slugs, *(f"{STAGE}{name}" for name, _ in stages), *sizes}
        counted = count(context, held, audiences, warehouse=warehouse, progress=progress)
    moved = {} if counted is None else counted.audiences
    names = {*_named(found), *(name for name, one in moved.items() if one.entering or one.leaving)}
    return results.SegmentPlan(
        changes=tuple(
            _change(name, _what(name, found), sizes.get(name, 0), moved.get(name, Audience())) for name in sorted(names)
        ),
        people=people if counted is None else counted.people,
        notes=_notes(context, held, before.values()),
        way=None if counted is None else counted.way,
        because="" if counted is None else counted.because,
        sequence=None if counted is None else counted.sequence,
    )


def _change(name: str, what: str, size: int, moved: Audience) -> results.SegmentChange:
    return results.SegmentChange(
        audience=name,
        what=what,
        members_before=size,
        members_after=size + moved.entering - moved.leaving,
        entering=moved.entering,
        leaving=moved.leaving,
        entering_samples=moved.entering_samples,
        leaving_samples=moved.leaving_samples,
    )


def _named(found: Difference) -> tuple[str, ...]:
    return (*found.added, *found.changed, *found.described, *found.removed)


def _what(name: str, found: Difference) -> str:
    for what in ("added", "changed", "removed", "described"):
        if name in getattr(found, what):
            return what
    return "stage" if name.startswith(STAGE) and found.stages else "follows"


def _notes(context: Context, held: Held, before: Iterable[Definition]) -> tuple[str, ...]:
    """What a person has to know besides: events that were not counted so far."""
    try:
        rules = bound(context, before, ()).rules
    except SegmentError:  # it reads what is not there any more
        rules = RuleSet()
    so_far = msgspec.structs.replace(context.profiles, asked=Asked(rules.fields, rules.aggregates))
    filling = sorted({one.event for one in held.filling})
    return tuple(
        f"The past of `{name}` events is being filled in; until then rules do not know what is asked of them."
        for name in filling
    ) + tuple(
        f"What is asked of `{name}` events was not counted so far: apply, and start the server or worker again. It fills "
        "the events before in from the warehouse; where there is none, `onefold rebuild` does."
        for name in uncounted(held, so_far)
    )


def preview(
    context: Context, definition: Definition, *, warehouse: Open | None = None, progress: Progress = quiet
) -> results.SegmentPreview:
    """Who would be in a segment, that is saved or not, if it were applied to what holds.

    Raises:
        SegmentError: It cannot be used.
    """
    with context.store.snapshot() as snapshot:
        applied, before = current(snapshot)
        basis = basis_of(context, snapshot, applied, planned=True)
    held = bound(context, {**before, definition.slug: definition}.values(), applied.stages, basis)
    counted = count(context, held, [definition.slug], warehouse=warehouse, progress=progress)
    found = counted.audiences[definition.slug]
    rule = held.rules.rule(definition.slug)
    kind = None if rule is None else class_of(held, rule.bound) if definition.top is None else "population"
    return results.SegmentPreview(
        sentence=sentence(definition, held),
        people=counted.people,
        members=found.members,
        entering=found.entering,
        leaving=found.leaving,
        samples=found.member_samples,
        reads=() if rule is None else tuple(sorted(rule.bound.fields)),
        not_applied=(),
        cost=kind,
        latency="" if kind is None else LATENCY[kind],
        way=counted.way,
        because=counted.because,
        sequence=counted.sequence,
    )


def diff(
    context: Context, slug: str, before: Definition | None, after: Definition | None, *, limit: int = MOVED_SHOWN
) -> results.SegmentDiff:
    """Who is in one of two versions of a segment only; None is the version that holds.

    Raises:
        NotFoundError: There is no such segment.
        SegmentError: One of them cannot be used.
    """
    now_us = context.clock_us()
    with context.store.snapshot() as snapshot:
        progress, there = current(snapshot)
        basis = basis_of(context, snapshot, progress, planned=True)
        pair = [definition or there.get(slug) for definition in (before, after)]
        found = []
        for definition in pair:
            if definition is None:
                raise NotFoundError(f"There is no segment `{slug}` that was applied{nearest(slug, there) or '.'}")
            held = bound(context, {**there, slug: definition}.values(), progress.stages, basis)
            found.append(everybody(context, snapshot, held, now_us, refresh=True))
        counts: Counter[str] = Counter()
        moved: list[results.Moved] = []
        for one, other in zip(*found, strict=True):
            was, inside = slug in one.found.members, slug in other.found.members
            if was and inside:
                counts["both"] += 1
            elif was or inside:
                change = "entering" if inside else "leaving"
                counts[change] += 1
                if len(moved) < limit:
                    moved.append(results.Moved(**msgspec.structs.asdict(sample(one.profile)), change=change))
    names = ["applied" if definition is None else "given" for definition in (before, after)]
    return results.SegmentDiff(
        segment=slug, before=names[0], after=names[1], both=counts["both"], entering=counts["entering"],
        leaving=counts["leaving"], people=tuple(moved),
    )  # fmt: skip


def sentence(definition: Definition, held: Held | None = None) -> str:
    """A segment's rule in English, exclusions and the top included."""
    if definition.kind == "static":
        return "identifiers on a list that is uploaded"
    rule = None if held is None else held.rules.rule(definition.slug)
    try:
        expr = definition.expr() if rule is None else rule.bound.expr
    except SegmentError:
        return ""
    told = "" if expr is None else explain(expr)
    if definition.top is not None:
        told = f"the top {definition.top.percent} % by {definition.top.by} of those for whom {told}"
    return told
