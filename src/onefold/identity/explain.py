"""Explanations: why two identifiers are, or are not, one person, step by step of evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal

import msgspec

from onefold.identity.groups import Obstacle
from onefold.identity.paths import Step, least_refused, strongest
from onefold.identity.search import EvidenceReader, Surroundings, TooMuchEvidence, read_least_refused, read_strongest
from onefold.identity.settings import GENERIC, IdentitySettings, IdentityType
from onefold.identity.strangers import Strangers
from onefold.model import Judgement, NodeId, format_profile_id, results

Label = Callable[[NodeId], str]
"""How to show a node; masking is up to whoever asks."""

EDGES_MAX = 50_000
"""Evidence read in search of a path."""
REFUSED_TOLD = 100
"""Pieces of evidence refused directly between two people that are told."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why two identifiers are, or are not, one person.

    Attributes:
        verdict: `different` when evidence connects them and was refused; `not_connected` when none does, or only an
            identifier that several people share.
        a: The first node.
        b: The second.
        person_a: The node that names the person of `a`.
        person_b: The node that names the person of `b`.
        path: For one person the strongest chain of evidence: its weakest step is as strong as can be, and of such
            chains it is the shortest. For two, a chain with as few refused steps as can be; empty when there is none.
        refused: Evidence refused directly between the two people, besides that in `path`; the strongest of it.
        refused_total: How much there is of that.
        searched: Whether the path was looked for to the end; False where more evidence would have had to be read than is.
        apart: The judgement that these two, or others of their people, are different; None when nobody said so.
        types: What holds for each type that an obstacle names.
    """

    verdict: Literal["same", "different", "not_connected"]
    a: NodeId
    b: NodeId
    person_a: NodeId
    person_b: NodeId
    path: tuple[Step, ...] = ()
    refused: tuple[Step, ...] = ()
    refused_total: int = 0
    searched: bool = True
    apart: Judgement | None = None
    types: Mapping[str, IdentityType] = {}

    def as_result(self, label: Label, profile_ids: Sequence[str]) -> results.Explanation:
        """As the service answers it: nodes shown by `label`, and the profiles of the two as they are stored."""
        return results.Explanation(
            verdict=self.verdict,
            a=label(self.a),
            b=label(self.b),
            profile_a=format_profile_id(self.person_a),
            profile_b=format_profile_id(self.person_b),
            path=tuple(self._step(step, label) for step in self.path),
            refused=tuple(self._step(step, label) for step in self.refused),
            refused_total=self.refused_total,
            searched=self.searched,
            judged_apart=None if self.apart is None else _judgement(self.apart),
            sentences=tuple(sentences(self, label)),
            profile_ids=tuple(profile_ids),
        )

    def _step(self, step: Step, label: Label) -> results.Step:
        return told_step(step, label, self.types)


def told_step(step: Step, label: Label, types: Mapping[str, IdentityType] = MappingProxyType({})) -> results.Step:
    """A step as the service answers it; `types` has what holds for each type that its obstacle names."""
    start = results.End(type=step.start_type, label=label(step.start))
    end = results.End(type=step.end_type, label=label(step.end))
    evidence, refusal = step.evidence, None if step.obstacle is None else _refusal(step.obstacle, types)
    if isinstance(evidence, Judgement):
        return results.Step(
            start=start, end=end, kind="judgement", id=evidence.id.hex(), verdict=evidence.verdict, by=evidence.by,
            reason=evidence.reason, at=_iso(evidence.at_us), offset=evidence.offset, refusal=refusal,
        )  # fmt: skip
    return results.Step(
        start=start, end=end, kind=evidence.kind, rule=evidence.rule, source=evidence.source,
        strength=evidence.strength, score=evidence.score, event=evidence.event.hex(), at=_iso(evidence.at_us),
        offset=evidence.offset, refusal=refusal,
    )  # fmt: skip


def _refusal(obstacle: Obstacle, types: Mapping[str, IdentityType]) -> results.Refusal:
    judged = None if obstacle.judgement is None else _judgement(obstacle.judgement)
    return results.Refusal(reason=obstacle.reason, type=obstacle.type, judgement=judged, why=_why(obstacle, types))


def explain(
    reader: EvidenceReader, a: NodeId, b: NodeId, settings: IdentitySettings, *, edges_max: int = EDGES_MAX
) -> Explanation:
    """Explain why two nodes are, or are not, one person, by what is stored of them.

    Only the evidence between the two is read, not their components whole.

    Args:
        reader: The store.
        a: A node that is stored.
        b: Another one, or the same.
        settings: Types and limits.
        edges_max: Evidence that is read in search of a path; where more would be needed, none is told.
    """
    around = Surroundings(reader, settings, edges_max)
    one, other = around.place(a), around.place(b)
    same = one.person == other.person
    found = Explanation(verdict="same", a=a, b=b, person_a=one.person, person_b=other.person)
    if a == b:
        return found
    try:
        (read_strongest if same else read_least_refused)(around, a, b)
        steps = around.all_steps(one.component, other.component)
    except TooMuchEvidence:
        steps, found = [], msgspec.structs.replace(found, searched=False)
    if same:
        path = strongest(a, b, [step for step in steps if step.obstacle is None])
        return msgspec.structs.replace(found, path=path)
    two = Strangers(reader, settings, one, other)
    path = tuple(map(two.reasoned, least_refused(a, b, steps)))
    on_path = {step.evidence for step in path}
    between = [step for step in two.between() if step.evidence not in on_path]
    besides = tuple(map(two.reasoned, between[:REFUSED_TOLD]))
    return msgspec.structs.replace(
        found,
        verdict="different" if one.component == other.component else "not_connected",
        path=path,
        refused=besides,
        refused_total=len(between),
        # What was said of the very two identifiers asked about tells the most.
        apart=min(two.apart(), key=lambda j: ({j.a, j.b} != {a, b}, j.offset, j.id), default=None),
        types={s.obstacle.type: settings.type(s.obstacle.type) for s in (*path, *besides) if s.obstacle},
    )


def sentences(explanation: Explanation, label: Label) -> list[str]:
    """The explanation in English: the verdict, then one sentence for each step and each refusal."""
    e = explanation
    a, b = label(e.a), label(e.b)
    if e.a == e.b:
        return [f"{a} is one identifier."]
    if not e.searched:
        known = "the same person" if e.verdict == "same" else "two people"
        told = [f"{a} and {b} are {known}; what connects them is too much evidence to look through."]
    elif e.verdict == "same":
        told = [f"{a} and {b} are the same person."]
    elif e.verdict == "different":
        told = [f"{a} and {b} are two people; evidence connects them, but it was refused."]
    elif e.path:
        told = [f"{a} and {b} are two people; all that connects them is an identifier that links nobody."]
    else:
        told = [f"{a} and {b} are two people; nothing connects them."]
    if e.apart is not None:
        whom = "they" if {e.apart.a, e.apart.b} == {e.a, e.b} else "identifiers of the two"
        told.append(f"{_said(e.apart)} that {whom} are different people{_because(e.apart)}.")
    told += [f"{n}. {_sentence(step, label, e.types)}" for n, step in enumerate(e.path, 1)]
    told += [f"Besides: {_sentence(step, label, e.types)}" for step in e.refused]
    if len(e.refused) < e.refused_total:
        told.append(f"And {e.refused_total - len(e.refused):,} more such.")
    return told


def _sentence(step: Step, label: Label, types: Mapping[str, IdentityType]) -> str:
    start, end, evidence = label(step.start), label(step.end), step.evidence
    if isinstance(evidence, Judgement):
        text = f"{_said(evidence)} that {start} and {end} are the same person{_because(evidence)}"
    else:
        when = f"on {_date(evidence.at_us)} (rule {evidence.rule}, log offset {evidence.offset})"
        match evidence.kind:
            case "event":
                text = f"{start} and {end} were seen together in an event from {evidence.source} {when}"
            case "record":
                text = f"{start} and {end} stood in one record from {evidence.source} {when}"
            case "alias":
                text = f"{evidence.source} stated that {start} and {end} are the same {when}"
            case "scored":
                text = f"The matcher scored {start} and {end} {evidence.score or 0.0:+.2f} {when}"
    return text + "." if step.obstacle is None else f"{text}; refused: {_why(step.obstacle, types)}."


def _why(obstacle: Obstacle, types: Mapping[str, IdentityType]) -> str:
    name, judgement = obstacle.type, obstacle.judgement
    if judgement is not None:
        what = f"this {name} is shared by several people" if judgement.b is None else "the two are different people"
        return f"{_said(judgement)} that {what}{_because(judgement)}"
    match obstacle.reason:
        case "shared" if name == GENERIC.name:
            return "this address is an office's or a machine's, nobody's own, so it links nobody"
        case "shared":
            return f"this {name} was seen with several people, so it links nobody"
        case "unique":
            return f"each side has a {name}, and two of those are never one person"
        case "contradiction":
            return (
                "several people may have it, and the matcher found records of the two sides that contradict each other"
            )
        case "score":
            return "what the matcher scored between the two sides does not speak for a join on average"
        case _:
            return f"together they would have more than {_limit(name, types[name])}"


def _limit(name: str, kind: IdentityType) -> str:
    if kind.window_us is None:
        return f"{kind.limit} {name}"
    return f"{kind.limit} {name} within {timedelta(microseconds=kind.window_us)}"


def _said(judgement: Judgement) -> str:
    return f"{judgement.by or 'Somebody'} judged on {_date(judgement.at_us)}"


def _because(judgement: Judgement) -> str:
    return f" ({judgement.reason})" if judgement.reason else ""


def _judgement(judgement: Judgement) -> results.JudgementReference:
    return results.JudgementReference(
        id=judgement.id.hex(),
        verdict=judgement.verdict,
        by=judgement.by,
        reason=judgement.reason,
        at=_iso(judgement.at_us),
        offset=judgement.offset,
    )


def _iso(at_us: int) -> str:
    at = _EPOCH + timedelta(microseconds=at_us)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _date(at_us: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=at_us):%Y-%m-%d %H:%M:%S} UTC"
