"""Overlaps: how many people each two segments have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import combinations

from onefold.model import NodeId, results
from onefold.pipelines.audiences.applying import current
from onefold.pipelines.audiences.asking import require
from onefold.pipelines.context import Context

_AT_ONCE = 10_000


def overlaps(context: Context, among: Collection[str] = ()) -> results.Overlaps:
    """Each pair of these segments, or of all; those with most in common first.

    Raises:
        NotFoundError: There is no segment of one of these names.
    """
    with context.store.snapshot() as snapshot:
        progress, there = current(snapshot)
        for name in among:
            require(name, progress, there)
        sizes = snapshot.audience_sizes()
        names = sorted(among or there.keys() & sizes.keys())
        of: dict[NodeId, int] = {}
        for place, name in enumerate(names):
            after: NodeId = b""
            while page := snapshot.audience(name, after=after, limit=_AT_ONCE):
                after = page[-1].person
                for membership in page:
                    of[membership.person] = of.get(membership.person, 0) | 1 << place
    both: Counter[tuple[int, int]] = Counter()
    for held, many in Counter(of.values()).items():
        places = [place for place in range(len(names)) if held >> place & 1]
        for pair in combinations(places, 2):
            both[pair] += many
    found = [_overlap(names[a], names[b], sizes, both[a, b]) for a, b in combinations(range(len(names)), 2)]
    return results.Overlaps(overlaps=tuple(sorted(found, key=lambda one: (-one.share, one.a, one.b))))


def _overlap(a: str, b: str, sizes: dict[str, int], both: int) -> results.Overlap:
    a_members, b_members = sizes.get(a, 0), sizes.get(b, 0)
    either = a_members + b_members - both
    return results.Overlap(
        a=a, b=b, a_members=a_members, b_members=b_members, both=both, share=round(both / either, 4) if either else 0.0
    )
