"""Applying: what a project's files say of segments becomes what holds, all at once; everybody is evaluated again then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from onefold.audiences import definition as definitions
from onefold.audiences import progress as states
from onefold.audiences.definition import Definition
from onefold.audiences.progress import Progress, anew
from onefold.pipelines.audiences.rules import bound
from onefold.pipelines.context import Context
from onefold.ports import ProfileSnapshot
from onefold.ports.audiences import Definition as StoredDefinition
from onefold.ports.audiences import Settlement

Stages = tuple[tuple[str, str], ...]


class Difference(msgspec.Struct, frozen=True):
    """How what is to hold differs from what holds: slugs.

    Attributes:
        added: New, or archived or removed before.
        changed: With other members, perhaps.
        described: That differ in words only.
        removed: Gone.
        stages: Whether lifecycle stages differ.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    described: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    stages: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.described or self.removed or self.stages)

    @property
    def decides(self) -> bool:
        """Whether anybody's memberships may change."""
        return bool(self.added or self.changed or self.removed or self.stages)


def difference(before: Mapping[str, Definition], after: Mapping[str, Definition], *, stages: bool) -> Difference:
    """What applying `after` in the place of `before` changes."""
    both = sorted(before.keys() & after.keys())
    changed = tuple(slug for slug in both if before[slug].fingerprint() != after[slug].fingerprint())
    return Difference(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=changed,
        described=tuple(s for s in both if s not in changed and _words(before[s]) != _words(after[s])),
        removed=tuple(sorted(before.keys() - after.keys())),
        stages=stages,
    )


def _words(definition: Definition) -> bytes:
    """All of a definition but where it stands."""
    return definitions.encode(msgspec.structs.replace(definition, file="", line=1))


def current(snapshot: ProfileSnapshot) -> tuple[Progress, dict[str, Definition]]:
    """What holds."""
    progress = states.decode(snapshot.evaluation().body)
    return progress, states.holding(snapshot.definitions(), progress)


def apply(context: Context, wanted: Sequence[Definition], stages: Stages, *, again: bool = False) -> Difference:
    """Let these segments and stages hold; whoever evaluates does the rest.

    With `again`, everybody is evaluated even where nothing changed.

    Raises:
        ConflictError: Somebody settled meanwhile. Nothing was changed.
        SegmentError: One of them cannot be used. Nothing was changed.
    """
    bound(context, wanted, stages)
    after = {definition.slug: definition for definition in wanted}
    with context.store.snapshot() as snapshot:
        state = snapshot.evaluation()
        progress, before = current(snapshot)
        stored = snapshot.definitions()
    found = difference(before, after, stages=stages != progress.stages)
    if not found and not again:
        return found
    latest = {one.slug: one.version for one in stored}
    versions, define = dict[str, int](), list[StoredDefinition]()
    for slug, definition in after.items():
        if slug in before and slug not in {*found.changed, *found.described}:
            versions[slug] = progress.versions[slug]
            continue
        versions[slug] = latest.get(slug, 0) + 1
        define.append(StoredDefinition(slug, versions[slug], definitions.encode(definition)))
    kept = {slug: run for slug, run in progress.runs.items() if slug in after and slug not in found.changed}
    scan = progress.scan
    if found.decides or again:
        # A scheduled segment that is new, or decides otherwise, has no run yet: its time has come at once.
        scan = anew(scan, kept)
    following = Progress(
        generation=progress.generation + found.decides,
        versions=versions,
        stages=stages,
        applied_us=context.clock_us(),
        scan=scan,
        runs=kept,
        compared=progress.compared,
        scores=progress.scores,
        filling=progress.filling,
    )
    active = bool(stages) or any(definition.status == "active" for definition in wanted)
    settlement = Settlement(before=state.sequence, active=active, body=states.encode(following), define=define)
    with context.store.transaction() as transaction:
        transaction.settle(settlement)
    return found
