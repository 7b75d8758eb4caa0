"""Scores as look-ups read them: which pairs the matcher scored, and whose they are."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from onefold.model import Edge, NodeId


class ScoredPair(NamedTuple):
    """What the matcher scored of two nodes, and the person of each now."""

    edge: Edge
    person_a: NodeId
    person_b: NodeId


class ScoreReader(Protocol):
    """Reads scored pairs of one committed state."""

    def scored_pairs(
        self,
        *,
        joined: bool,
        least: float,
        most: float,
        after: tuple[float, NodeId, NodeId] | None,
        limit: int,
    ) -> list[ScoredPair]:
        """Scored pairs that are one person (`joined`), or two people; the highest score first, equal ones by their nodes.

        Pairs of which a node was never seen, or is shared and so links nobody, are left out.

        Args:
            joined: Which of the two.
            least: The lowest score, in natural-log odds.
            most: The highest.
            after: Score and nodes of the pair to go on after; None for the first page.
            limit: Most pairs.
        """
        ...
