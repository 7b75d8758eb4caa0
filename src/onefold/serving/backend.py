"""The backend: what HTTP needs of a workspace. `bootstrap` wires one; the API only translates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from onefold.governance.checks import CheckResult
from onefold.model import Identifier, Verdict, results
from onefold.pipelines.reading.tail import TailedEntry
from onefold.ports import EventLog

Json = dict[str, Any]


class Edge(Protocol):
    """What collecting needs of a workspace. Any method may be called from any thread."""

    @property
    def name(self) -> str:
        """The workspace's name, as keys state it."""
        ...

    @property
    def log(self) -> EventLog:
        """Where received items go."""
        ...

    def start(self) -> None:
        """Begin processing the log."""
        ...

    def stop(self) -> None:
        """Finish the batch under way, then end. The stores stay open: whoever opened them closes them."""
        ...

    def ready(self) -> Mapping[str, str | None]:
        """Checks by name: None when it passes, else what is wrong, in a sentence without personal data."""
        ...

    def accounts(self) -> list[results.Account]:
        """Per source: received, stored, duplicate, rejected, suppressed, pending, balanced, moving, reasons, emq."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many nodes, people, edges, judgements, open dead letters and stored events there are."""
        ...

    def quality(self) -> list[CheckResult]:
        """The latest result of each data-quality check; empty where there is no warehouse."""
        ...

    def lag(self) -> Mapping[int, int]:
        """Entries that wait to be processed, by partition of the log; empty where that is not known."""
        ...


class Workspace(Edge, Protocol):
    """One workspace, wired: collecting, and all that is asked of it.

    Wherever an identifier is asked for, the type `profile` means a profile id, retired ones included.
    """

    @property
    def remote(self) -> bool:
        """Whether a look-up goes over a network, and so may take long."""
        ...

    def profile(self, identifier: Identifier) -> Json | None:
        """The profile behind an identifier, through merges; None when nobody answers to it.

        Raises:
            ExpensiveError: Reading it here would hold up everybody: ask `profile_of_hub`, on a thread.
        """
        ...

    def profile_of_hub(self, identifier: Identifier) -> Json | None:
        """The same of a person with very many identifiers; it waits for another process."""
        ...

    def identifiers(self, identifier: Identifier, *, cursor: str | None, limit: int) -> Json | None:
        """`{id, identifiers, identifiers_total, next}`, the strongest first; None when nobody answers.

        Raises:
            ValueError: Invalid cursor.
        """
        ...

    def timeline(self, identifier: Identifier, *, cursor: str | None, limit: int) -> Json | None:
        """`{profile_id, events, next}`, newest first; None when nobody answers.

        Raises:
            ValueError: The cursor is none of ours.
        """
        ...

    def history(self, identifier: Identifier) -> Json | None:
        """`{profile_id, changes, judgements}`, oldest first; None when nobody answers."""
        ...

    def explain(self, a: Identifier, b: Identifier) -> Json | None:
        """Why two identifiers are, or are not, one person; None when either was never seen."""
        ...

    def judge(
        self, verdict: Verdict, a: Identifier, b: Identifier | None, *, by: str, reason: str, request_id: str
    ) -> tuple[int, int]:
        """Put a judgement into the log; returns its place.

        Raises:
            UsageError: A subject cannot name anybody, or the verdict does not fit the number of subjects.
        """
        ...

    def counterpart(self, identifier: Identifier) -> Identifier:
        """The strongest other identifier of the same person: what a split parts an identifier from, unless told.

        Raises:
            NotFoundError: Nobody answers to the identifier.
            UsageError: The person has no other identifier.
        """
        ...

    def settle(self, position: tuple[int, int], *, timeout_seconds: float) -> bool:
        """Wait until processing has passed `position`; False when it has not in time."""
        ...

    def dead_letters(
        self, *, status: str | None, source: str | None, after: int, limit: int
    ) -> list[results.DeadLetter]:
        """Dead letters with offset > `after`, in order, without payloads; each has `offset`."""
        ...

    def dead_letter(self, offset: int) -> results.DeadLetterContent:
        """One dead letter with its payload.

        Raises:
            NotFoundError: There is none at that offset.
        """
        ...

    def replay(self, offset: int, *, body: bytes | None) -> None:
        """Send a dead letter again, with `body` in place of its payload if given.

        Raises:
            NotFoundError: There is none at that offset.
            UsageError: It was sent again before.
        """
        ...

    def tail(
        self, positions: Mapping[int, int] | None, *, source: str, name: str, verdict: str, finding: str, text: str
    ) -> tuple[list[TailedEntry], dict[int, int]]:
        """What came after these positions and passes the filters, and the positions to go on from; None means from now on.

        An entry the processor has not come to is waited for: it is not among them yet, nor is what follows it.
        """
        ...
