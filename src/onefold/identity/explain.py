"""Explanations: the path of evidence that makes two identifiers one person, or what keeps them apart."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import Refusal, solve, standing
from onefold.model import Edge, Judgement, Member, NodeId

Label = Callable[[NodeId], str]

_KINDS = {
    "event": "were seen together in an event",
    "record": "stand together in a source record",
    "alias": "were stated to be the same by an alias call",
    "scored": "were scored alike by the matcher",
}


class Step(msgspec.Struct, frozen=True, gc=False):
    """One step of a path: from a node to the next one, over a piece of evidence or a person's judgement."""

    start: NodeId
    end: NodeId
    edge: Edge | None
    judgement: Judgement | None


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """Why two identifiers are, or are not, one person.

    Attributes:
        verdict: `same` person, `different` people whom some evidence connects, or `unconnected`.
        path: The strongest path between them (its weakest step is as strong as possible, then as few steps as
            possible); over refused evidence too where they are different.
        refused: Evidence on that path that was not followed, and judgements against the pair.
        judgements: Judgements about nodes on the path.
    """

    a: NodeId
    b: NodeId
    verdict: Literal["same", "different", "unconnected"]
    path: tuple[Step, ...]
    refused: tuple[Refusal, ...]
    judgements: tuple[Judgement, ...]

    def as_json(self, label: Label) -> dict[str, Any]:
        """Ready for JSON, nodes shown by `label`."""
        reasons = {id(r.edge): r.reason for r in self.refused}
        return {
            "a": label(self.a),
            "b": label(self.b),
            "verdict": self.verdict,
            "path": [
                {
                    "from": label(step.start),
                    "to": label(step.end),
                    "kind": step.edge.kind if step.edge else "judgement",
                    "rule": step.edge.rule if step.edge else "judged_same/1",
                    "source": step.edge.source if step.edge else "onefold",
                    "at": _iso(step.edge.at_us if step.edge else step.judgement.at_us if step.judgement else 0),
                    "event": step.edge.event.hex() if step.edge else None,
                    "offset": step.edge.offset if step.edge else step.judgement.offset if step.judgement else 0,
                    "refused": reasons.get(id(step.edge)),
                }
                for step in self.path
            ],
            "judgements": [
                {"verdict": j.verdict, "subjects": [label(n) for n in (j.a, j.b) if n is not None], "by": j.by,
                 "reason": j.reason, "at": _iso(j.at_us)}
                for j in self.judgements
            ],
        }  # fmt: skip


def explain(
    a: NodeId,
    b: NodeId,
    members: Sequence[Member],
    edges: Sequence[Edge],
    judgements: Sequence[Judgement],
    settings: IdentitySettings,
) -> Explanation:
    """Explain a pair from its components' nodes, the evidence among them, and all judgements about them."""
    place = {m.id: m for m in members}
    # Stored places are the truth; solving again only tells which evidence was refused, and why.
    shared = {m.id for m in members if m.shared}
    refused = {id(r.edge): r for r in solve(members, edges, judgements, settings, shared_before=shared).refused}
    said = standing(judgements)
    ways: dict[NodeId, list[tuple[int, NodeId, Edge | None, Judgement | None]]] = defaultdict(list)
    for edge in edges:
        ways[edge.a].append((edge.strength, edge.b, edge, None))
        ways[edge.b].append((edge.strength, edge.a, edge, None))
    for judgement in judgements:
        if judgement.b is not None and (judgement.a, judgement.b) in said.same:
            ways[judgement.a].append((101, judgement.b, None, judgement))
            ways[judgement.b].append((101, judgement.a, None, judgement))
    one = a in place and b in place and place[a].person == place[b].person
    followed = {n: [w for w in found if w[2] is None or id(w[2]) not in refused] for n, found in ways.items()}
    path = _path(a, b, followed if one else ways)
    verdict: Literal["same", "different", "unconnected"] = "same" if one else "different" if path else "unconnected"
    on_path = {a, b} | {n for s in path for n in (s.start, s.end)}
    about = [j for j in judgements if j.a in on_path and (j.b is None or j.b in on_path)]
    return Explanation(
        a, b, verdict, tuple(path),
        tuple(refused[id(s.edge)] for s in path if s.edge is not None and id(s.edge) in refused),
        tuple(sorted(about, key=lambda j: (j.at_us, j.id))),
    )  # fmt: skip


def _path(
    a: NodeId, b: NodeId, ways: dict[NodeId, list[tuple[int, NodeId, Edge | None, Judgement | None]]]
) -> list[Step]:
    """The path whose weakest step is strongest, then shortest; empty when there is none."""
    queue: list[tuple[int, int, NodeId]] = [(-1_000, 0, a)]
    came: dict[NodeId, Step] = {}
    done: set[NodeId] = set()
    reached: dict[NodeId, tuple[int, int]] = {a: (-1_000, 0)}
    while queue:
        weakest, steps, node = heapq.heappop(queue)
        if node in done:
            continue
        done.add(node)
        if node == b:
            break
        for strength, other, edge, judgement in ways.get(node, ()):
            cost = (max(weakest, -strength), steps + 1)
            if other not in done and (other not in reached or cost < reached[other]):
                reached[other] = cost
                came[other] = Step(node, other, edge, judgement)
                heapq.heappush(queue, (*cost, other))
    path: list[Step] = []
    at = b
    while at != a:
        if at not in came:
            return []
        path.append(came[at])
        at = came[at].start
    return path[::-1]


def sentences(explanation: Explanation, label: Label) -> list[str]:
    """The explanation in English, a sentence a step."""
    a, b = label(explanation.a), label(explanation.b)
    opening = {
        "same": f"{a} and {b} are the same person:",
        "different": f"{a} and {b} are different people, though evidence connects them:",
        "unconnected": f"No evidence connects {a} and {b}.",
    }[explanation.verdict]
    reasons = {id(r.edge): r.reason for r in explanation.refused}
    lines = [opening]
    for number, step in enumerate(explanation.path, 1):
        if step.edge is None:
            judgement = step.judgement
            by = judgement.by if judgement else "somebody"
            lines.append(f"{number}. {by} said that {label(step.start)} and {label(step.end)} are the same person.")
            continue
        line = (
            f"{number}. {label(step.start)} and {label(step.end)} {_KINDS[step.edge.kind]} from {step.edge.source} "
            f"on {_iso(step.edge.at_us)} (log offset {step.edge.offset}, rule {step.edge.rule})"
        )
        reason = reasons.get(id(step.edge))
        lines.append(line + (f" — not followed: {_why(reason)}." if reason else "."))
    lines += [
        f"{j.by} judged on {_iso(j.at_us)}: {j.verdict.replace('_', ' ')}{f' ({j.reason})' if j.reason else ''}."
        for j in explanation.judgements
        if j.verdict != "same"
    ]
    return lines


def _why(reason: str) -> str:
    kind, _, name = reason.partition(":")
    return {
        "limit": f"one person may not have that many identifiers of type {name}",
        "judged_different": "a person judged them to be different people",
        "shared": "the identifier is shared by several people and links nobody",
        "average": "the scores between the two groups speak against it",
    }[kind]


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
