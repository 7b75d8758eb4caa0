"""Evidence between two people: the records of both, compared by the model of the latest run of the matcher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from onefold.bootstrap.identity_matching import kinds, model_key, settings_of
from onefold.bootstrap.matching import require_matching
from onefold.bootstrap.segment_rows import SegmentRows
from onefold.bootstrap.workspace import Workspace
from onefold.errors import ConfigurationError, NotFoundError
from onefold.model import Identifier, NodeId, format_profile_id, probability, results
from onefold.pipelines.matching import records
from onefold.pipelines.matching.records import Cells
from onefold.pipelines.reading import cohesion
from onefold.pipelines.reading.people import Person, find, labels, node_of
from onefold.ports import ProfileSnapshot
from onefold.warehouse.matching_models import MATCHING_MODEL

if TYPE_CHECKING:  # only for who has the extra installed
    from onefold.matching.trained import Known
    from onefold.pipelines.matching.evidence import Waterfall

RECORDS_MAX = 12
"""Records of each person that are compared with those of the other, the smallest nodes first."""


class _Read(NamedTuple):
    """What is read of two people."""

    people: tuple[Person, Person]
    these: Mapping[NodeId, Cells]
    those: Mapping[NodeId, Cells]


class EvidenceDesk:
    """Compares two people of a workspace. Safe for threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._rows = SegmentRows(workspace, MATCHING_MODEL.full_name)
        self._known: tuple[str, Known] | None = None

    def pair(self, a: Identifier, b: Identifier) -> results.PairEvidence:
        """What the records of two people say for and against one person, and what would change the decision.

        An identifier that is a record's is compared itself; of others, those records of the person that are likest.

        Raises:
            NotFoundError: One of the identifiers was never seen.
        """
        context = self._workspace.context
        ends = [node_of(context, one) for one in (a, b)]
        with context.store.snapshot() as snapshot:
            people = [None if node is None else find(snapshot, node) for node in ends]
            if people[0] is None or people[1] is None:
                raise NotFoundError("One of these identifiers was never seen.")
            read = self._read(snapshot, (people[0], people[1]))
            found, because = self._compared(read)
            nodes = [person.asked.member.id for person in read.people] if found is None else [found.a, found.b]
            changes, searched = cohesion.changes(context, snapshot, nodes[0], nodes[1])
            label = labels(context, snapshot.nodes(sorted(set(nodes))))
        one_person = read.people[0].id == read.people[1].id
        return results.PairEvidence(
            a=label(nodes[0]),
            b=label(nodes[1]),
            profile_ids=(format_profile_id(read.people[0].id), format_profile_id(read.people[1].id)),
            one_person=one_person,
            model="" if found is None else self._model_name(),
            because=because,
            instead=None if found is None else found.instead,
            steps=() if found is None else tuple(_steps(found, read)),
            score=None if found is None else round(found.score, 3),
            probability=None if found is None else round(probability(found.score), 6),
            join_from=context.identity.join_from,
            changes=changes,
            changes_searched=searched,
            sentences=tuple(_sentences(found, because, changes, one_person=one_person, searched=searched)),
        )

    def _read(self, snapshot: ProfileSnapshot, people: tuple[Person, Person]) -> _Read:
        kind_of = kinds(settings_of(self._workspace).fields)
        sides = []
        for person in people:
            asked = person.asked.member.id
            near = {end for edge in snapshot.edges([asked]) if edge.kind != "scored" for end in (edge.a, edge.b)}
            tries = ({asked}, near & set(person.nodes), set(sorted(person.nodes)[: 10 * RECORDS_MAX]))
            read = (records.read_some(self._workspace.context, snapshot, some, kind_of) for some in tries)
            found = next((some for some in read if some), {})
            sides.append(dict(sorted(found.items())[:RECORDS_MAX]))
        return _Read(people, sides[0], sides[1])

    def _compared(self, read: _Read) -> tuple[Waterfall | None, str | None]:
        """What was compared, or why nothing was."""
        if not read.these or not read.those:
            return None, "One of them has no record with a name, an address or a date of birth."
        try:
            require_matching()
        except ConfigurationError as missing:
            return None, f"Nothing is compared: {missing}"
        from onefold.pipelines.matching import evidence  # noqa: PLC0415  only where the extra is

        settings = settings_of(self._workspace)
        if settings.model == "weighted":
            one = next(iter(read.these.items()))
            other = next((item for item in read.those.items() if item[0] != one[0]), None)
            if other is None:
                return None, "They are one record."
            return evidence.summed(settings.weights, one, other), None
        known = self._model()
        if known is None:
            return None, "The matcher has not run here since models are kept: `onefold identity match`."
        found = evidence.learned(known, read.these, read.those)
        return found, None if found is not None else "They are one record."

    def _model(self) -> Known | None:
        from onefold.matching.trained import Known, decode  # noqa: PLC0415  only where the extra is

        row = max(self._rows.all(), key=lambda row: row["ran_at"], default=None)
        if row is None:
            return None
        if self._known is None or self._known[0] != row["model"]:
            body = decode(row["body"].encode(), "the model of the latest run")
            self._known = (row["model"], Known(body, model_key(self._workspace)))
        return self._known[1]

    def _model_name(self) -> str:
        return "weighted" if self._known is None else self._known[0]


def _steps(found: Waterfall, read: _Read) -> list[results.EvidenceStep]:
    a, b = ({**read.these, **read.those}[node] for node in (found.a, found.b))
    values: Mapping[str, tuple[str | None, str | None]] = {name: (a.get(name), b.get(name)) for name in {*a, *b}}
    return [
        results.EvidenceStep(
            field=step.field,
            level=step.level,
            weight=round(step.weight, 3),
            sum=round(step.sum, 3),
            share=step.share,
            a=values.get(step.field, (None, None))[0],
            b=values.get(step.field, (None, None))[1],
        )
        for step in found.steps
    ]


def _sentences(
    found: Waterfall | None,
    because: str | None,
    changes: tuple[results.DecisionChange, ...],
    *,
    one_person: bool,
    searched: bool,
) -> list[str]:
    told = ["They are one person." if one_person else "They are two people."]
    if found is None:
        told.append(because or "Nothing was compared.")
    else:
        from onefold.pipelines.matching import evidence  # noqa: PLC0415  only where the extra is

        told += evidence.sentences(found)
        told.append(f"By these fields the two records are one person with probability {probability(found.score):.1%}.")
        if found.instead is not None:
            told.append(f"If not, they are likeliest {found.instead}.")
    if searched and not changes:
        told.append("No threshold and no few pieces of evidence alone would change that.")
    return told + [change.sentence for change in changes]
