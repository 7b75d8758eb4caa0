"""Schedule: when scheduled segments are worked out, and from which value on people are in the top of one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec

from onefold.audiences.progress import Progress, Run, Scan, anew
from onefold.audiences.ruleset import IN_SEGMENT, STAGE_FIELD, CompiledRule
from onefold.model import NodeId
from onefold.pipelines.audiences.rules import Held
from onefold.pipelines.context import Context
from onefold.pipelines.reading.profile_rows import rows_with_nodes
from onefold.ports import ProfileSnapshot
from onefold.rules import evaluate
from onefold.rules.values import number

_PEOPLE_AT_ONCE = 1_000


def start(context: Context, snapshot: ProfileSnapshot, held: Held, now_us: int) -> Progress | None:
    """What holds once everybody is evaluated anew; None where nothing asks for it.

    That is: scheduled segments that it is time for, and aggregates that rules read and that hold all events by now, or do
    not any more.
    """
    progress = held.progress
    if held.filling_keys != progress.filling:
        return msgspec.structs.replace(
            progress,
            generation=progress.generation + 1,
            scan=anew(progress.scan, progress.runs),
            filling=held.filling_keys,
        )
    if progress.scan is not None:
        return None
    wanted = [rule for rule in held.rules.rules if _is_time(rule, progress, now_us)]
    if not wanted:
        return None
    cuts = cut_points(context, snapshot, held, [rule for rule in wanted if rule.definition.top is not None], now_us)
    runs = {rule.definition.slug: Run(now_us, cuts.get(rule.definition.slug)) for rule in wanted}
    scan = Scan(refresh=tuple(sorted(runs)), because="schedule")
    return msgspec.structs.replace(progress, scan=scan, runs={**progress.runs, **runs})


def _is_time(rule: CompiledRule, progress: Progress, now_us: int) -> bool:
    definition = rule.definition
    run = progress.runs.get(definition.slug)
    return definition.kind == "scheduled" and (run is None or now_us >= run.at_us + definition.every_us)


def cut_points(
    context: Context, snapshot: ProfileSnapshot, held: Held, rules: list[CompiledRule], now_us: int
) -> dict[str, str]:
    """From which value on people are in the top of each of these segments: that of the last of them, ties included.

    The top is of those for whom the rest of the rule is true and whose value is known. A segment that reads others reads
    who is in them now.
    """
    if not rules:
        return {}
    values: dict[str, list[Decimal]] = {rule.definition.slug: [] for rule in rules}
    asking = replace(context, profiles=held.settings, clock_us=lambda: now_us)
    after: NodeId = b""
    while some := snapshot.people(after=after, limit=_PEOPLE_AT_ONCE):
        after = some[-1]
        current = {(membership.person, membership.audience) for membership in snapshot.memberships(some)}
        for person, known, _ in rows_with_nodes(asking, snapshot, some):
            row = {**known, STAGE_FIELD: held.stage(known, now_us) or None}
            row.update((f"{IN_SEGMENT}{slug}", (person, slug) in current) for slug in held.rules.slugs)
            for rule in rules:
                top = rule.definition.top
                value = None if top is None else number(row.get(top.by))
                if value is not None and evaluate(rule.bound, row, now_us) is True:
                    values[rule.definition.slug].append(value)
    found = {}
    for rule in rules:
        slug, top = rule.definition.slug, rule.definition.top
        ranked = sorted(values[slug], reverse=True)
        if ranked and top is not None:
            found[slug] = str(ranked[-(-len(ranked) * top.percent // 100) - 1])
    return found
