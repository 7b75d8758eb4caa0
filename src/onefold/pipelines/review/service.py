"""The service of the review queue: pairs to judge, claims, decisions, undo, bulk decisions, agreement, labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple

from onefold.errors import NotFoundError, UsageError
from onefold.identity.review import Candidate, Pair, in_order
from onefold.model import Identifier, Judgement, Verdict, format_profile_id, results
from onefold.pipelines import judgements
from onefold.pipelines.context import Context
from onefold.pipelines.review import queue as queues
from onefold.pipelines.review import showing
from onefold.pipelines.review.candidates import of_pairs
from onefold.pipelines.review.claims import Claims
from onefold.pipelines.review.comparing import Side, fields, sides
from onefold.pipelines.review.pattern import Pattern
from onefold.pipelines.review.queue import Queue, Said, View, chunks, id_of, pair_of
from onefold.ports import ProfileSnapshot

Answer = Literal["same", "different", "unsure"]

REFRESH_US = 5_000_000
"""How long the candidates are kept although the store goes on. What was said of them is always read anew."""
BULK_MAX = 10_000
"""Open pairs that a pattern is tried on, those of the highest priority."""
_SAMPLES = 10


class _Kept(NamedTuple):
    at_us: int
    offsets: dict[int, int]
    queue: Queue


class Review:
    """One workspace's review queue. May be called from any thread."""

    def __init__(self, context: Context) -> None:
        """Of an open workspace."""
        self._context = context
        self._claims = Claims(context.clock_us)
        self._kept: _Kept | None = None

    def pairs(
        self, view: View = "open", *, reviewer: str, cursor: str | None = None, limit: int = 20
    ) -> results.ReviewPairs:
        """A page of pairs, the most telling first; of `second` those that somebody else decided, without the answer.

        Raises:
            UsageError: Invalid cursor.
        """
        with self._context.store.snapshot() as snapshot:
            found, told = self._queue(snapshot), queues.said(snapshot)
            ranked = queues.after(queues.in_view(snapshot, found, told, view, reviewer), cursor)
            page = self._page(snapshot, told, ranked, limit + 1, view)
            many = queues.counts(found, told)
        shown = page[:limit]
        last = shown[-1] if len(page) > limit else None
        return results.ReviewPairs(
            pairs=tuple(shown),
            counts=showing.counts(many),
            next=None if last is None else f"{last.priority!r}~{last.pair}",
        )

    def pair(self, pair: str) -> results.ReviewPair:
        """One pair, whether or not it is in the queue.

        Raises:
            NotFoundError: One of the two was never seen.
            UsageError: Invalid id.
        """
        wanted = pair_of(pair)
        with self._context.store.snapshot() as snapshot:
            told = queues.said(snapshot)
            found = self._queue(snapshot)
            one = found.candidates.get(wanted) or of_pairs(snapshot, [wanted])[0]
            ranked = in_order([one], found.weights)
            page = self._page(snapshot, told, iter(ranked), 1, None)
        if not page:
            raise NotFoundError("There is no such pair: one of the two identifiers was never seen.")
        return page[0]

    def claim(self, view: View = "open", *, reviewer: str, count: int = 1) -> results.ReviewPairs:
        """The next pairs that nobody else has on the desk; they are the reviewer's for some minutes."""
        with self._context.store.snapshot() as snapshot:
            found, told = self._queue(snapshot), queues.said(snapshot)
            ranked = queues.in_view(snapshot, found, told, view, reviewer)
            taken: list[results.ReviewPair] = []
            for some in chunks(iter(ranked), count):
                mine = set(self._claims.take([one.pair for _, one in some], reviewer, count - len(taken)))
                taken += self._page(snapshot, told, (item for item in some if item[1].pair in mine), count, view)
                if len(taken) >= count:
                    break
            many = queues.counts(found, told)
        return results.ReviewPairs(pairs=tuple(taken), counts=showing.counts(many), next=None)

    def release(self, pairs: Sequence[str], *, reviewer: str) -> int:
        """Let go of claimed pairs; returns how many were the reviewer's.

        Raises:
            UsageError: Invalid id.
        """
        return self._claims.release([pair_of(pair) for pair in pairs], reviewer)

    def decide(
        self, pairs: Sequence[str], verdict: Answer, *, by: str, reason: str = "", request_id: str = ""
    ) -> tuple[results.ReviewDecided, tuple[int, int]]:
        """Put decisions into the log, undoable as one; returns them and the position of the last.

        Raises:
            NotFoundError: One of the identifiers was never seen.
            UsageError: Invalid id, or no pair.
        """
        wanted = list(dict.fromkeys(map(pair_of, pairs)))
        if not wanted:
            raise UsageError("Name a pair to decide.")
        with self._context.store.snapshot() as snapshot:
            nodes = {node for pair in wanted for node in pair}
            if len(snapshot.nodes(sorted(nodes))) < len(nodes):
                raise NotFoundError("There is no such pair: one of the two identifiers was never seen.")
        position = self._say(verdict, wanted, by=by, reason=reason, request_id=request_id)
        self._claims.release(wanted, by)
        return self._decided(verdict, wanted, position), position

    def undo(
        self, *, by: str, pair: str | None = None, decision: str | None = None, reason: str = "", request_id: str = ""
    ) -> tuple[results.ReviewDecided, tuple[int, int]]:
        """Take back what was decided: of a pair, by a decision with all made at once with it, or the latest of one's own.

        Nothing is left said of the pairs, so they are open again.

        Raises:
            NotFoundError: There is nothing to take back.
            UsageError: Invalid id.
        """
        with self._context.store.snapshot() as snapshot:
            told = queues.said(snapshot)
        if pair is not None:
            wanted = [both for both in (pair_of(pair),) if both in told.answers]
        else:
            wanted = _made_with(told, _latest(told, by) if decision is None else _named(told, decision))
        if not wanted:
            raise NotFoundError("There is nothing to take back: nothing was decided, or somebody has answered since.")
        position = self._say("withdrawn", wanted, by=by, reason=reason, request_id=request_id)
        return self._decided("withdrawn", wanted, position), position

    def bulk(self, pattern: Pattern) -> results.ReviewBulk:
        """What a decision by pattern would decide.

        Raises:
            UsageError: The pattern says nothing.
        """
        fitting, looked_at = self._fitting(pattern)
        return results.ReviewBulk(
            pattern=str(pattern), matching=len(fitting), looked_at=looked_at, samples=tuple(fitting[:_SAMPLES])
        )

    def decide_bulk(
        self, pattern: Pattern, verdict: Answer, *, expected: int, by: str, reason: str = "", request_id: str = ""
    ) -> tuple[results.ReviewDecided, tuple[int, int]]:
        """Decide all open pairs of a pattern, undoable as one.

        Raises:
            UsageError: The pattern says nothing, fits nothing, or does not fit as many pairs as were seen in the preview.
        """
        fitting, _ = self._fitting(pattern)
        if len(fitting) != expected:
            raise UsageError(
                f"The pattern fits {len(fitting):,} pairs now, not {expected:,}; look at the preview again."
            )
        why = f"{reason} " if reason else ""
        return self.decide(
            [one.pair for one in fitting],
            verdict,
            by=by,
            reason=f"{why}(all pairs with {pattern})",
            request_id=request_id,
        )

    def decisions(self, *, cursor: str | None = None, limit: int = 100) -> results.ReviewDecisions:
        """Who decided what and why, the latest first.

        Raises:
            UsageError: Invalid cursor.
        """
        with self._context.store.snapshot() as snapshot:
            found = showing.decisions(queues.said(snapshot))
        start = 0
        if cursor is not None:
            place = next((n for n, one in enumerate(found) if one.decision == cursor), None)
            if place is None:
                raise UsageError("Invalid cursor; start again without one.")
            start = place + 1
        page = found[start : start + limit]
        more = len(found) > start + limit
        return results.ReviewDecisions(decisions=tuple(page), next=page[-1].decision if more else None)

    def statistics(self) -> results.ReviewStatistics:
        """How far the review is, and how far reviewers agree."""
        with self._context.store.snapshot() as snapshot:
            told = queues.said(snapshot)
            many = queues.counts(self._queue(snapshot), told)
        return showing.statistics(many, told)

    def labels(self, *, values: bool = False) -> results.ReviewLabels:
        """The pairs with a known answer; with `values`, what was compared, too."""
        with self._context.store.snapshot() as snapshot:
            told = queues.said(snapshot)
            compared = None
            if values:
                known = [pair for pair, answered in sorted(told.answers.items()) if answered.standing is not None]
                compared = {pair: fields(*both) for pair, both in sides(self._context, snapshot, known).items()}
        return results.ReviewLabels(labels=showing.labels(told, compared))

    def _queue(self, snapshot: ProfileSnapshot) -> Queue:
        kept, offsets, now = self._kept, snapshot.offsets(), self._context.clock_us()
        if kept is None or (kept.offsets != offsets and now - kept.at_us >= REFRESH_US):
            kept = self._kept = _Kept(now, offsets, queues.queue(self._context, snapshot))
        return kept.queue

    def _page(
        self,
        snapshot: ProfileSnapshot,
        told: Said,
        ranked: Iterator[tuple[float, Candidate]],
        count: int,
        view: View | None,
    ) -> list[results.ReviewPair]:
        """The first pairs, side by side; open ones that settled since are left out."""
        held, page = self._claims.held(), list[results.ReviewPair]()
        for some in chunks(ranked, count):
            both = sides(self._context, snapshot, [one.pair for _, one in some])
            for priority, one in some:
                if one.pair not in both or (view == "open" and _settled(one, both[one.pair])):
                    continue
                answered, claim = queues.status_of(told, one.pair), held.get(one.pair)
                blind = view == "second"
                page.append(showing.pair(one, priority, both[one.pair], answered, claim, blind=blind))
            if len(page) >= count:
                break
        return page[:count]

    def _fitting(self, pattern: Pattern) -> tuple[list[results.ReviewPair], int]:
        if not str(pattern):
            raise UsageError("The pattern says nothing: name a field that is equal, close, different or missing.")
        with self._context.store.snapshot() as snapshot:
            found, told = self._queue(snapshot), queues.said(snapshot)
            ranked = queues.in_view(snapshot, found, told, "open", "")[:BULK_MAX]
            shown = self._page(snapshot, told, iter(ranked), BULK_MAX, "open")
        return [one for one in shown if pattern.fits(one)], len(shown)

    def _say(
        self, verdict: Verdict, pairs: Collection[Pair], *, by: str, reason: str, request_id: str
    ) -> tuple[int, int]:
        subjects = [(_subject(a), _subject(b)) for a, b in pairs]
        said = judgements.say_all(self._context, verdict, subjects, by=by, reason=reason, request_id=request_id)
        return max(said)

    def _decided(self, verdict: str, pairs: Sequence[Pair], position: tuple[int, int]) -> results.ReviewDecided:
        return results.ReviewDecided(
            verdict=verdict, pairs=tuple(map(id_of, pairs)), decided=len(pairs), offset=position[1], settled=False
        )


def _subject(node: bytes) -> Identifier:
    return Identifier("profile", format_profile_id(node))


def _settled(one: Candidate, both: tuple[Side, Side]) -> bool:
    return (both[0].person == both[1].person) != (one.cause == "joined")


def _latest(told: Said, by: str) -> Judgement | None:
    mine = [one for answered in told.answers.values() for one in answered.answers if one.by == by]
    return max(mine, key=lambda one: (one.offset, one.id), default=None)


def _named(told: Said, decision: str) -> Judgement | None:
    return next((one for one in told.judgements if one.id.hex() == decision), None)


def _made_with(told: Said, one: Judgement | None) -> list[Pair]:
    """The pairs of which the last answer was made at once with this one."""
    if one is None:
        return []
    bulk = showing.bulk_of(one)
    return [pair for pair, answered in sorted(told.answers.items()) if showing.bulk_of(answered.answers[-1]) == bulk]
