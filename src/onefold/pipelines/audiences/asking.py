"""Asking: which segments there are, who is in them, why and until when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from onefold.audiences.assessment import CONDITIONS_TOLD, WORDS, changed
from onefold.audiences.definition import Definition, decode
from onefold.audiences.progress import Progress
from onefold.audiences.ruleset import STAGE, reads
from onefold.errors import NotFoundError, UsageError, nearest
from onefold.model import Identifier, format_profile_id, parse_profile_id, results
from onefold.pipelines.audiences import survey
from onefold.pipelines.audiences.applying import current
from onefold.pipelines.audiences.planning import sentence
from onefold.pipelines.audiences.rules import Held, held
from onefold.pipelines.audiences.told import reason_told
from onefold.pipelines.context import Context
from onefold.pipelines.reading import people
from onefold.pipelines.reading.profile_rows import people as profiles_of
from onefold.ports import ProfileSnapshot
from onefold.profiles.profile import iso
from onefold.rules import explain

_STALE_AFTER = 2
"""How many intervals a scheduled segment may be old."""
_ENTRIES_AT_ONCE = 10_000
_STEPS = 200
"""Moments that are looked past for the one at which a membership changes."""


def segments(context: Context, wanted: Sequence[Definition] | None = None) -> results.Segments:
    """All segments, by slug; with `wanted`, what the project's files say of them beside what holds."""
    now_us = context.clock_us()
    with context.store.snapshot() as snapshot:
        progress, there = current(snapshot)
        sizes = snapshot.audience_sizes()
        entries = {slug: _entries(snapshot, slug) for slug, d in there.items() if d.kind == "static"}
        waiting = bool(snapshot.marks(limit=1)) or bool(snapshot.due(until_us=now_us, limit=1))
    files = {d.slug: d for d in wanted} if wanted is not None else there
    found = tuple(
        _segment(slug, there.get(slug), files.get(slug), progress, sizes, entries.get(slug), now_us)
        for slug in sorted(there.keys() | files.keys())
    )
    stages = {name: sizes.get(f"{STAGE}{name}", 0) for name, _ in progress.stages}
    return results.Segments(segments=found, stages=stages, evaluating=waiting or progress.scan is not None)


def _entries(snapshot: ProfileSnapshot, slug: str) -> int:
    many, after = 0, b""
    while page := snapshot.entries(slug, after=after, limit=_ENTRIES_AT_ONCE):
        many += len(page)
        after = page[-1].node
    return many


def _segment(
    slug: str,
    holds: Definition | None,
    wanted: Definition | None,
    progress: Progress,
    sizes: Mapping[str, int],
    entries: int | None,
    now_us: int,
) -> results.Segment:
    definition = wanted or holds
    assert definition is not None  # noqa: S101  it is one of either
    pending = None
    if holds is None:
        pending = "new"
    elif wanted is None:
        pending = "removed"
    elif holds.fingerprint() != wanted.fingerprint():
        pending = "changed"
    run = progress.runs.get(slug)
    status: str = definition.status
    if status == "active" and holds is not None and holds.kind == "scheduled":
        late = run is None or now_us > run.at_us + _STALE_AFTER * holds.every_us
        status = "stale" if late and progress.scan is None else status
    rule = definition.rule
    return results.Segment(
        slug=slug,
        kind=definition.kind,
        status=status,
        pending=pending,
        description=definition.description,
        owner=definition.owner,
        tags=definition.tags,
        rule=rule if rule is None or isinstance(rule, str) else dict(rule),
        sentence=sentence(definition),
        version=progress.versions.get(slug),
        fingerprint=definition.fingerprint(),
        members=None if holds is None else sizes.get(slug, 0),
        entries=entries,
        applied_at=None if holds is None else iso(progress.applied_us),
        refreshed_at=None if run is None else iso(run.at_us),
        cut=None if run is None else run.cut,
        reads=tuple(sorted(reads(definition))),
        file=definition.file,
        line=definition.line if definition.file else None,
    )


def segment(context: Context, slug: str, wanted: Sequence[Definition] | None = None) -> results.Segment:
    """One segment.

    Raises:
        NotFoundError: There is none of that name.
    """
    found = {one.slug: one for one in segments(context, wanted).segments}
    if slug not in found:
        raise _missing(slug, found)
    return found[slug]


def version(context: Context, slug: str, number: int) -> Definition:
    """A version of a segment's definition that was applied once.

    Raises:
        NotFoundError: There is none.
    """
    with context.store.snapshot() as snapshot:
        stored = [one for one in snapshot.definitions() if one.slug == slug]
    for one in stored:
        if one.version == number:
            return decode(one.body)
    known = ", ".join(str(one.version) for one in stored)
    raise NotFoundError(f"Segment `{slug}` has no version {number}" + (f"; it has {known}." if known else "."))


def versions(context: Context, slug: str) -> results.SegmentVersions:
    """The definitions of a segment that were applied, the latest first.

    Raises:
        NotFoundError: None was.
    """
    with context.store.snapshot() as snapshot:
        stored = [one for one in snapshot.definitions() if one.slug == slug]
        holding = current(snapshot)[0].versions.get(slug)
    if not stored:
        raise NotFoundError(f"Segment `{slug}` was never applied, so it has no versions.")
    return results.SegmentVersions(
        segment=slug,
        versions=tuple(
            _version(one.version, decode(one.body), holds=one.version == holding)
            for one in sorted(stored, key=lambda one: -one.version)
        ),
    )


def _version(number: int, d: Definition, *, holds: bool) -> results.SegmentVersion:
    return results.SegmentVersion(
        version=number,
        holds=holds,
        kind=d.kind,
        status=d.status,
        rule=d.rule if d.rule is None or isinstance(d.rule, str) else dict(d.rule),
        sentence=sentence(d),
        fingerprint=d.fingerprint(),
    )


class Chosen(msgspec.Struct, frozen=True):
    """Which members are wanted: those who entered for a reason, not before a moment, before another; None for any."""

    because: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def has(self, entered_us: int, because: str) -> bool:
        """Whether somebody who entered so is wanted."""
        return (
            self.because in {None, because}
            and (self.since_us is None or entered_us >= self.since_us)
            and (self.until_us is None or entered_us < self.until_us)
        )


EVERYBODY = Chosen()


def members(
    context: Context, audience: str, *, cursor: str | None = None, limit: int = 100, chosen: Chosen = EVERYBODY
) -> results.Members:
    """A page of an audience's members, in order of their ids; of those who are not wanted it has none.

    Raises:
        NotFoundError: There is no such segment or stage.
        UsageError: Invalid cursor.
    """
    after = b""
    if cursor is not None:
        found = parse_profile_id(cursor)
        if found is None:
            raise UsageError("Invalid cursor; start again without one.")
        after = found
    with context.store.snapshot() as snapshot:
        progress, there = current(snapshot)
        require(audience, progress, there)
        page = snapshot.audience(audience, after=after, limit=limit + 1)
        more = len(page) > limit
        page = page[:limit]
        shown = {p.id: survey.sample(p) for p in profiles_of(context, snapshot, [m.person for m in page])}
    following = format_profile_id(page[-1].person) if more else None
    return results.Members(
        segment=audience,
        members=tuple(
            results.Member(
                profile_id=format_profile_id(m.person),
                identifier=shown[m.person].identifier if m.person in shown else None,
                name=shown[m.person].name if m.person in shown else None,
                since=iso(m.since_us),
                reason=told,
            )
            for m in page
            if (told := reason_told(m.reason)) and chosen.has(m.since_us, told.because)
        ),
        next=following,
    )


def require_one(context: Context, audience: str) -> None:
    """See that there is such a segment or stage now.

    Raises:
        NotFoundError: There is none.
    """
    with context.store.snapshot() as snapshot:
        require(audience, *current(snapshot))


def require(audience: str, progress: Progress, there: Mapping[str, Definition]) -> None:
    """See that there is such a segment or stage.

    Raises:
        NotFoundError: There is none.
    """
    known = [*there, *(f"{STAGE}{name}" for name, _ in progress.stages)]
    if audience not in known:
        raise _missing(audience, known)


def _missing(slug: str, known: Collection[str]) -> NotFoundError:
    near = nearest(slug, known)
    return NotFoundError(f"There is no segment `{slug}`{near or '; `onefold segment list` shows which there are.'}")


def standing(context: Context, slug: str, who: Identifier) -> results.Standing:
    """Whether somebody is in a segment, why, until when, and what would end it.

    Raises:
        NotFoundError: There is no such segment, or nobody of that identifier.
    """
    now_us = context.clock_us()
    node = people.node_of(context, who)
    with context.store.snapshot() as snapshot:
        progress, there = current(snapshot)
        if slug not in there:
            raise _missing(slug, there)
        person = None if node is None else people.find(snapshot, node)
        if person is None:
            raise NotFoundError("No profile found for that identifier.")
        rules = held(context, snapshot, progress)
        (one,) = survey.assessed(context, snapshot, rules, [person.id], now_us)
        stored = {m.audience: m for m in snapshot.memberships([person.id])}
        until, then = _until(context, snapshot, rules, one, slug, now_us)
    rule = rules.rules.rule(slug)
    mine = stored.get(slug)
    letters = one.found.truths
    conditions = [] if rule is None else list(enumerate(rule.conditions, start=rule.first))
    return results.Standing(
        segment=slug,
        profile_id=format_profile_id(person.id),
        member=slug in one.found.members,
        since=None if mine is None else iso(mine.since_us),
        reason=None if mine is None else reason_told(mine.reason),
        sentence=sentence(there[slug], rules),
        conditions=tuple(
            results.Condition(condition=explain(bound.expr), value=WORDS[letters[place]])
            for place, bound in conditions[:CONDITIONS_TOLD]
        ),
        until=iso(until),
        then=then,
    )


def _until(
    context: Context, snapshot: ProfileSnapshot, rules: Held, one: survey.Assessed, slug: str, now_us: int
) -> tuple[int | None, tuple[results.ConditionChange, ...]]:
    """When time alone changes the membership, and which conditions it changes: looked for from one moment to the next."""
    inside, letters, at_us = slug in one.found.members, one.found.truths, now_us
    found = one
    for _ in range(_STEPS):
        row, found_due = found.profile.row, found.found.due_us
        moments = [at for at in (found_due, rules.stage_change(row, at_us)) if at is not None]
        if not moments:
            return None, ()
        at_us = min(moments)
        (found,) = survey.assessed(context, snapshot, rules, [one.profile.id], at_us)
        if (slug in found.found.members) is not inside:
            rule = rules.rules.rule(slug)
            changes = () if rule is None else changed(rule, found.found.truths, letters)
            return at_us, tuple(
                results.ConditionChange(condition=c.condition, before=c.before, now=c.now) for c in changes
            )
    return None, ()
