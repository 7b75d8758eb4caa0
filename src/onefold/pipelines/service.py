"""The application service: all that is asked or said of a workspace. HTTP, the command line and Python call it alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from onefold.audiences.definition import Definition
from onefold.audiences.progress import Compared as SegmentsCompared
from onefold.errors import ExpensiveError, NotFoundError, UnavailableError, nearest
from onefold.governance.checks import CheckResult
from onefold.model import Identifier, Verdict, results
from onefold.pipelines import judgements
from onefold.pipelines.audiences.inquiry import Open
from onefold.pipelines.audiences.service import Audiences
from onefold.pipelines.context import Context
from onefold.pipelines.identity_planning import IdentityPlanning
from onefold.pipelines.maintenance import accuracy, dead_letters
from onefold.pipelines.maintenance.reconcile import Compared
from onefold.pipelines.reading import balances, cohesion, explanations, people, profiles, progress, tail, traits
from onefold.pipelines.reading import graph as graphs
from onefold.pipelines.reading.household_service import Households, NoPlaces, PlaceReading
from onefold.pipelines.reading.tail import TailedEntry, Wanted
from onefold.pipelines.reading.uses import Uses
from onefold.pipelines.review.service import Review

T = TypeVar("T")

_TAIL_ENTRIES = 200
_NO_PROFILE = "No profile found for that identifier."


class HubReading(Protocol):
    """Reads people with very many identifiers in another process, so that nobody else waits for them."""

    nodes_max: int
    """Identifiers up to which people are read here."""

    def read(self, workspace: str, what: str, *given: Any, **more: Any) -> Any:
        """What the function `what` of `pipelines.reading.profiles` returns for these arguments.

        Raises:
            UnavailableError: The other process ended, or takes too long.
        """
        ...


class Service:
    """One workspace, as its users see it. May be called from any thread.

    Wherever an identifier is asked for, the type `profile` means a profile id, retired ones included.
    """

    def __init__(
        self,
        context: Context,
        hubs: HubReading | None = None,
        *,
        quality: Callable[[], list[CheckResult]] = list,
        rfm: Callable[[], Mapping[str, Sequence[results.RfmRun]]] = dict,
        reconciled: Callable[[], Compared | None] = lambda: None,
        warehouse: Open | None = None,
        wanted: Callable[[], Sequence[Definition] | None] = lambda: None,
        places: PlaceReading | None = None,
        evidence: Callable[[Identifier, Identifier], results.PairEvidence] | None = None,
        identity: IdentityPlanning | None = None,
    ) -> None:
        """The service of an open workspace.

        Without `hubs`, people with very many identifiers are read like all others. `quality` gives the latest result of each
        data-quality check, `rfm` the runs of each RFM definition, the latest first, `reconciled` the latest comparison of
        store and warehouse; `warehouse` opens it, where there is one; `wanted` reads what the project's files say of
        segments; `places` knows which record states which household; `evidence` compares two people's records;
        `identity` supposes other identity settings.
        """
        self._context = context
        self._hubs = hubs
        self._quality = quality
        self._rfm = rfm
        self._reconciled = reconciled
        self._warehouse = warehouse
        self._review = Review(context)
        self._wanted = wanted
        self._evidence = evidence
        self._identity = identity
        self._households = Households(context, places or NoPlaces())

    @property
    def name(self) -> str:
        """The workspace's name."""
        return self._context.name

    @property
    def remote(self) -> bool:
        """Whether a look-up goes over a network, and so may take long."""
        return self._context.store.capabilities.remote

    @property
    def identifier_types(self) -> Sequence[str]:
        """The identifier types that the configuration knows."""
        return tuple(self._context.identity.types)

    @property
    def audiences(self) -> Audiences:
        """Its segments."""
        return Audiences(self._context, self._wanted, warehouse=self._warehouse)

    @property
    def review(self) -> Review:
        """Its review queue."""
        return self._review

    @property
    def households(self) -> Households:
        """Its households."""
        return self._households

    @property
    def identity(self) -> IdentityPlanning:
        """What supposes and applies identity settings."""
        if self._identity is None:
            raise UnavailableError("There are no project files here.")
        return self._identity

    def profile(self, identifier: Identifier) -> results.Profile:
        """The profile behind an identifier, through merges.

        Raises:
            NotFoundError: There is none.
            UnavailableError: A store does not answer.
        """
        return self._households.with_household(self._read(profiles.profile, identifier))

    def quick_profile(self, identifier: Identifier) -> results.Profile:
        """The same, but only where that takes no time: for a caller that others wait for.

        Raises:
            ExpensiveError: Ask `profile`, on a thread.
            NotFoundError: There is none.
        """
        found = _found(profiles.profile(self._context, identifier, nodes_max=self._nodes_max))
        return self._households.with_household(found, wait=False)

    def timeline(self, identifier: Identifier, *, cursor: str | None = None, limit: int = 50) -> results.Timeline:
        """A person's events, newest first.

        Raises:
            NotFoundError: There is no such person.
            UsageError: Invalid cursor.
        """
        return self._read(profiles.timeline, identifier, cursor=cursor, limit=limit)

    def identifiers(
        self, identifier: Identifier, *, cursor: str | None = None, limit: int = 100
    ) -> results.Identifiers:
        """A person's identifiers, the strongest first.

        Raises:
            NotFoundError: There is no such person.
            UsageError: Invalid cursor.
        """
        return self._read(profiles.identifiers, identifier, cursor=cursor, limit=limit)

    def history(self, identifier: Identifier) -> results.History:
        """Merges and splits that led to a person, and the judgements about them, oldest first.

        Raises:
            NotFoundError: There is no such person.
        """
        return self._read(profiles.history, identifier)

    def explain(self, a: Identifier, b: Identifier) -> results.Explanation:
        """Why two identifiers are, or are not, one person.

        Raises:
            NotFoundError: One of them was never seen.
        """
        return self._read(explanations.explain, a, b, missing="One of these identifiers was never seen.")

    def evidence(self, a: Identifier, b: Identifier) -> results.PairEvidence:
        """What two people's records say for and against one person, and what would change the decision.

        Raises:
            NotFoundError: One of them was never seen.
        """
        if self._evidence is None:
            raise UnavailableError("Records are not compared here.")
        return self._evidence(a, b)

    def cohesion(self, identifier: Identifier) -> results.PersonEvidence:
        """What holds a person together, and what speaks against it, as `cohesion.person` tells it."""
        return cohesion.person(self._context, identifier)

    @property
    def uses(self) -> Uses:
        """Its uses that have a threshold of their own."""
        return Uses(self._context)

    def graph(self, identifier: Identifier) -> results.Graph:
        """What connects a person's identifiers, and what leads from them to others.

        Raises:
            NotFoundError: There is no such person.
        """
        return self._read(graphs.graph, identifier)

    def accuracy(self, truth: Iterable[tuple[Identifier, str]] | None = None) -> results.IdentityAccuracy:
        """How well people are found, against a truth, else against what reviewers decided; and estimated."""
        return accuracy.accuracy(self._context, truth)

    def value_of(self, identifier: Identifier) -> str:
        """The normalised value of an identifier, or of the one that a profile id names.

        Raises:
            NotFoundError: It was never seen.
        """
        return people.value_of(self._context, identifier)

    @property
    def _nodes_max(self) -> int | None:
        return None if self._hubs is None else self._hubs.nodes_max

    def _read(self, read: Callable[..., T | None], *given: Any, missing: str = _NO_PROFILE, **more: Any) -> T:
        """Read here or, where that would take long, in the other process."""
        try:
            found = read(self._context, *given, **more, nodes_max=self._nodes_max)
        except ExpensiveError:
            assert self._hubs is not None  # noqa: S101  without it nothing is too expensive
            found = self._hubs.read(self.name, read.__name__, *given, **more)
        return _found(found, missing)

    def judge(
        self,
        verdict: Verdict,
        a: Identifier,
        b: Identifier | None = None,
        *,
        by: str,
        reason: str = "",
        request_id: str = "",
    ) -> tuple[int, int]:
        """Put a judgement into the log; returns its (partition, offset). It holds once the worker has processed it.

        Raises:
            UsageError: A subject cannot name anybody, or the verdict does not fit the number of subjects.
        """
        return judgements.say(self._context, verdict, a, b, by=by, reason=reason, request_id=request_id)

    def counterpart(self, identifier: Identifier) -> Identifier:
        """The strongest other identifier of the same person: what a split separates an identifier from, unless told.

        Raises:
            NotFoundError: There is no such person.
            UsageError: The person has no other identifier.
        """
        return judgements.counterpart(self._context, identifier)

    def settle(self, position: tuple[int, int], *, timeout_seconds: float = 10.0) -> bool:
        """Wait until processing has passed `position`; False when it has not in time."""
        return judgements.settle(self._context, position, timeout_seconds=timeout_seconds)

    def dead_letters(
        self,
        *,
        status: str | None = "open",
        source: str | None = None,
        reason: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[results.DeadLetter]:
        """Dead letters in order after that at offset `after`, without payloads; None means any."""
        return dead_letters.listed(self._context, status=status, source=source, reason=reason, after=after, limit=limit)

    def dead_letter(self, offset: int) -> results.DeadLetterContent:
        """One dead letter with its payload.

        Raises:
            NotFoundError: There is none at that offset.
        """
        return dead_letters.shown(self._context, offset)

    def replay(self, offset: int, *, body: bytes | None = None) -> None:
        """Send a dead letter again, with `body` in place of its payload if given.

        Raises:
            NotFoundError: There is none at that offset.
            UsageError: It was sent again before, or `body` would be rejected as well.
        """
        dead_letters.replay(self._context, offset, body=body)

    def replay_all(self, *, reason: str | None = None, source: str | None = None) -> int:
        """Send every open dead letter again (of one reason or source, if given); returns how many."""
        return dead_letters.replay_all(self._context, reason=reason, source=source)

    def newest(self, count: int) -> dict[int, int]:
        """Positions after which the log holds about `count` entries."""
        return tail.newest(self._context, count)

    def after(self, positions: Mapping[int, int], limit: int, *, whole: bool = False) -> list[TailedEntry]:
        """What came after these positions, pending entries included; `whole` unmasks and adds the payloads."""
        return tail.after(self._context, positions, limit, whole=whole)

    def entry(self, partition: int, offset: int) -> TailedEntry:
        """One entry of the log in full.

        Raises:
            NotFoundError: The log holds nothing there.
        """
        found = tail.sights(self._context, self._context.log.get([(partition, offset)]), whole=True)
        if not found:
            raise NotFoundError(f"The log holds nothing at {partition}:{offset}.")
        return found[0]

    def tail(self, positions: Mapping[int, int] | None, wanted: Wanted) -> tuple[list[TailedEntry], dict[int, int]]:
        """What came after these positions and passes, and the positions to go on from; None means from now on.

        An entry that has not been processed is waited for: it is not among them yet, nor is what follows it.
        """
        if positions is None:
            return [], self._context.log.ends()
        reached, found = dict(positions), []
        held: set[int] = set()
        for sight in tail.after(self._context, positions, _TAIL_ENTRIES):
            partition, offset = map(int, sight.position.split(":"))
            if partition in held or sight.verdict == "pending":
                held.add(partition)
                continue
            reached[partition] = offset
            if wanted.passes(sight):
                found.append(sight)
        return found, reached

    def accounts(self) -> list[results.Account]:
        """The account of each source, by name."""
        return balances.sources(self._context)

    def standstill(self) -> str | None:
        """What stands still, in a sentence; None while entries are processed, or none wait."""
        found = progress.standing(self._context)
        return progress.told(found) if found else None

    def traits(self) -> results.Traits:
        """The computed traits as they are configured."""
        return results.Traits(traits=tuple(traits.traits(self._context)))

    def trait(self, name: str) -> results.TraitDefinition:
        """The computed trait of a name.

        Raises:
            NotFoundError: There is none; the message has the nearest.
        """
        found = {trait.name: trait for trait in self.traits().traits}
        if name not in found:
            raise NotFoundError(f"There is no trait `{name}`{nearest(name, found) or '; `onefold traits` lists them.'}")
        return found[name]

    def counts(self) -> results.Counts:
        """How much the store holds."""
        with self._context.store.snapshot() as snapshot:
            return results.Counts(workspace=self.name, **snapshot.counts())

    def quality(self) -> list[CheckResult]:
        """The latest result of each data-quality check; empty where there is no warehouse."""
        return self._quality()

    def rfm(self) -> list[results.RfmRun]:
        """The latest run of each RFM definition that ran, by name."""
        return [runs[0] for _, runs in sorted(self._rfm().items())]

    def rfm_runs(self, name: str, limit: int | None = None) -> list[results.RfmRun]:
        """The runs of an RFM definition, the latest moment first.

        Raises:
            NotFoundError: It never ran; the message has the nearest.
        """
        known = self._rfm()
        if name not in known:
            raise NotFoundError(f"No RFM run of that name{nearest(name, known) or '; `onefold rfm run` makes one.'}")
        return list(known[name][:limit])

    def reconciled(self) -> Compared | None:
        """What the latest comparison of store and warehouse found; None where there was none."""
        return self._reconciled()

    def segments_compared(self) -> SegmentsCompared | None:
        """What the latest reconciliation of segments found; None where there was none."""
        return self.audiences.compared()

    def lag(self) -> Mapping[int, int]:
        """Entries that wait to be processed, by partition of the log."""
        with self._context.store.snapshot() as snapshot:
            offsets = snapshot.offsets()
        return self._context.log.waiting(offsets)


def _found(result: T | None, missing: str = _NO_PROFILE) -> T:
    if result is None:
        raise NotFoundError(missing)
    return result
