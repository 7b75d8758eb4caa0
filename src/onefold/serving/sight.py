"""What of an answer its caller may see: every JSON answer passes here, whichever route it comes from.

Values are masked by what they are in the types of results, so a route cannot forget it. A result of a kind that is not
listed here is not shown to a role that does not see everything.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from onefold.governance.access import Key
from onefold.governance.roles import Mask
from onefold.identity.settings import IdentitySettings
from onefold.model import Finding, Identifier, PersonalClass, results
from onefold.model.results import Result
from onefold.pipelines.reading.tail import TailedEntry
from onefold.serving.problems import ForbiddenError
from onefold.warehouse.sight import Sight, seen, text_seen

SUBJECTS_MAX = 50


class Watch(msgspec.Struct):
    """What is known of the request under way.

    Attributes:
        key: Who asks; None while nobody has shown a key.
        sight: What they see; None for a key without a role, which sees everything.
        subjects: Ids of people whose data was shown, at most `SUBJECTS_MAX`.
        plain: Whether anything personal was shown as it is.
    """

    key: Key | None = None
    sight: Sight | None = None
    subjects: list[str] = []
    plain: bool = False


watching: contextvars.ContextVar[Watch | None] = contextvars.ContextVar("watching", default=None)
Masking: TypeAlias = Callable[[Any, "Watch", Sight], Any]


def shown(body: Any) -> Any:
    """An answer as its caller may see it."""
    watch = watching.get()
    if watch is None or watch.sight is None:
        return body
    return _walk(body, watch, watch.sight)


def noting() -> None:
    """Note that the answer shows something personal as it is, where that is known before it is made."""
    watch = watching.get()
    if watch is not None:
        watch.plain = True


def _walk(value: Any, watch: Watch, sight: Sight) -> Any:
    if isinstance(value, msgspec.Struct):
        return _struct(value, watch, sight)
    if isinstance(value, Mapping):
        return {name: _walk(inner, watch, sight) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(inner, watch, sight) for inner in value]
    return value


def _struct(value: msgspec.Struct, watch: Watch, sight: Sight) -> msgspec.Struct:
    kind = type(value)
    fields = PERSONAL.get(kind)
    if fields is None:
        if kind not in PLAIN and not sight.whole and isinstance(value, Result):
            raise ForbiddenError(f"{kind.__name__} is not shown to this role.")
        fields = {}
    if isinstance(value, results.Explanation):
        value = _retold(value, watch, sight)
    subject = getattr(value, "profile_id", None) or (value.id if isinstance(value, results.Profile) else None)
    if isinstance(subject, str) and subject not in watch.subjects and len(watch.subjects) < SUBJECTS_MAX:
        watch.subjects.append(subject)
    new = {}
    for name in kind.__struct_fields__:
        held = getattr(value, name)
        if held is None or held is msgspec.UNSET:
            continue
        new[name] = fields[name](held, watch, sight) if name in fields else _walk(held, watch, sight)
    return msgspec.structs.replace(value, **new)


def _mask(value: Any, of: PersonalClass, watch: Watch, sight: Sight) -> Mask:
    """How a value of a class is seen; notes that something personal is shown as it is."""
    mask = sight.role.mask(of)
    if mask == "show" and of != "none" and value not in (None, "", {}, ()):
        watch.plain = True
    return mask


def _identifier(value: str, watch: Watch, sight: Sight) -> str:
    return text_seen(value, _mask(value, "identifier", watch, sight))


def _label(value: str, watch: Watch, sight: Sight) -> str:
    """`type:value`; of a profile's id nothing is hidden."""
    kind, colon, text = value.partition(":")
    return value if kind == "profile" or not colon else f"{kind}:{_identifier(text, watch, sight)}"


def _keys(values: Iterable[str], watch: Watch, sight: Sight) -> list[str]:
    """Keys of rows or blocked values, which may hold identifiers."""
    return [_identifier(value, watch, sight) for value in values]


def _labels(values: Iterable[str], watch: Watch, sight: Sight) -> list[str]:
    return [_label(value, watch, sight) for value in values]


def _words(value: str, watch: Watch, sight: Sight) -> str:
    """What a person wrote, which may hold anything."""
    return text_seen(value, _mask(value, "identifier", watch, sight))


def _name(held: str, watch: Watch, sight: Sight) -> str | None:
    """A whole name, as its last part is seen."""
    shown_as: str | None = seen(held, _mask(held, sight.attribute("last_name"), watch, sight))
    return shown_as


def _attributes(held: Mapping[str, results.StatedValue], watch: Watch, sight: Sight) -> dict[str, Any]:
    return {
        name: _stated(value, _mask(value.value, sight.attribute(name), watch, sight)) for name, value in held.items()
    }


def _stated(value: results.StatedValue, mask: Mask) -> results.StatedValue:
    if isinstance(value, results.Attribute):
        others = tuple(_stated(other, mask) for other in value.others)
        return msgspec.structs.replace(value, value=_tree(value.value, mask), others=others)
    return msgspec.structs.replace(value, value=_tree(value.value, mask))


def _traits(held: Mapping[str, results.ComputedTrait], watch: Watch, sight: Sight) -> dict[str, Any]:
    return {
        name: msgspec.structs.replace(
            trait, value=_tree(trait.value, _mask(trait.value, sight.attribute(name), watch, sight))
        )
        for name, trait in held.items()
    }


def _by_attribute(held: Mapping[str, Any], watch: Watch, sight: Sight) -> dict[str, Any]:
    return {name: _tree(value, _mask(value, sight.attribute(name), watch, sight)) for name, value in held.items()}


def _by_property(held: Mapping[str, Any], watch: Watch, sight: Sight) -> dict[str, Any]:
    return {name: _tree(value, _mask(value, sight.property(name), watch, sight)) for name, value in held.items()}


def _anything(held: Any, watch: Watch, sight: Sight) -> Any:
    """What nothing is said of, such as an event's context, and so may hold identifiers."""
    return _tree(held, _mask(held, "identifier", watch, sight))


def _raw(held: Any, watch: Watch, sight: Sight) -> Any:
    """What came as it came: it may hold what is sensitive, too, under names that nobody knows."""
    return _tree(held, _mask(held, "sensitive", watch, sight))


def _tree(value: Any, mask: Mask) -> Any:
    """JSON with every value masked; its shape stays, so that one sees what there is."""
    if mask == "show":
        return value
    if isinstance(value, Mapping):
        return {name: _tree(inner, mask) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_tree(inner, mask) for inner in value]
    return seen(value, mask)


def _operations(held: Iterable[results.EventOperation], watch: Watch, sight: Sight) -> list[results.EventOperation]:
    return [
        msgspec.structs.replace(one, value=_tree(one.value, _mask(one.value, sight.attribute(one.field), watch, sight)))
        for one in held
    ]


def _retold(value: results.Explanation, watch: Watch, sight: Sight) -> results.Explanation:
    """Its sentences repeat identifiers and the words of judgements."""
    steps = (*value.path, *value.refused)
    labels = {value.a, value.b, *(end.label for step in steps for end in (step.start, step.end))}
    said = {step.reason for step in steps if isinstance(step.reason, str)}
    said |= {one.reason for one in (value.judged_apart, *(s.refusal.judgement for s in steps if s.refusal)) if one}
    instead = {label: _label(label, watch, sight) for label in labels if label}
    instead |= {words: _words(words, watch, sight) for words in said if words}
    sentences = value.sentences
    for words in sorted(instead, key=len, reverse=True):
        sentences = tuple(sentence.replace(words, instead[words]) for sentence in sentences)
    return msgspec.structs.replace(value, sentences=sentences)


def _compared(held: Iterable[results.ReviewField], watch: Watch, sight: Sight) -> tuple[results.ReviewField, ...]:
    """Both values of each field; where they are not shown as they are, nor is where they differ."""
    return tuple(_field(one, watch, sight) for one in held)


def _field(one: results.ReviewField, watch: Watch, sight: Sight) -> results.ReviewField:
    named = one.field in _IDENTIFIERS or one.field.endswith("_id") or "." in one.field
    mask = _mask(one.a or one.b, "identifier" if named else sight.attribute(one.field), watch, sight)
    if mask == "show":
        return one
    return msgspec.structs.replace(one, a=seen(one.a, mask), b=seen(one.b, mask), marks_a=(), marks_b=())


def _evidence(held: Iterable[results.EvidenceStep], watch: Watch, sight: Sight) -> tuple[results.EvidenceStep, ...]:
    """Both values of each step, as values of their kind are seen."""
    found = []
    for one in held:
        mask = _mask(one.a or one.b, "identifier" if one.field in _IDENTIFIERS else "personal", watch, sight)
        found.append(one if mask == "show" else msgspec.structs.replace(one, a=seen(one.a, mask), b=seen(one.b, mask)))
    return tuple(found)


def _parts(held: Iterable[Iterable[str]], watch: Watch, sight: Sight) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_labels(part, watch, sight)) for part in held)


_IDENTIFIERS = frozenset(IdentitySettings().types)
_GROUP: Mapping[str, Masking] = {"id": _identifier, "traits": _anything}
PERSONAL: Mapping[type, Mapping[str, Masking]] = {
    Identifier: {"value": _identifier},
    results.ProfileIdentifier: {"value": _identifier},
    results.Profile: {"attributes": _attributes, "traits": _traits},
    results.HouseholdMember: {"name": _name},
    results.Member: {"name": _name},
    results.Sample: {"name": _name},
    results.Moved: {"name": _name},
    results.Group: _GROUP,
    results.EventGroup: _GROUP,
    results.Event: {
        "traits": _by_attribute,
        "traits_once": _by_attribute,
        "operations": _operations,
        "properties": _by_property,
        "context": _anything,
    },
    results.IdentityStated: {"blocked": _keys},
    results.Change: {"identifiers": _labels},
    results.StatedJudgement: {"subjects": _labels, "reason": _words},
    results.JudgementReference: {"reason": _words},
    results.End: {"label": _label},
    results.GraphNode: {"label": _label},
    results.Step: {"reason": _words},
    results.Explanation: {"a": _label, "b": _label},
    results.EvidenceStep: {},
    results.PairEvidence: {"a": _label, "b": _label, "steps": _evidence},
    results.PersonEvidence: {"parts": _parts},
    results.PersonLinks: {"identifiers": _labels, "without": _labels, "besides": _labels},
    results.ReviewSide: {"label": _label},
    results.ReviewPair: {"fields": _compared},
    results.ReviewLabel: {"fields": _compared},
    results.ReviewAnswer: {"reason": _words},
    results.ReviewDecision: {"reason": _words},
    results.QualityCheck: {"sample": _keys},
    results.HeldRow: {"key": _identifier},
    results.FoundPerson: {"attributes": _by_attribute},
    results.DeadLetterContent: {"payload": _raw, "payload_base64": _raw},
}
"""What of each kind of result is personal, and how it is masked."""
PLAIN = frozenset(
    {
        Finding, TailedEntry, results.Identifiers, results.Timeline, results.RefusedEvent, results.History,
        results.Graph, results.GraphEdge, results.Refusal, results.Counts, results.DeadLetter, results.Traits,
        results.TraitDefinition, results.Segments, results.Segment, results.Members,
        results.MembershipReason, results.ConditionChange, results.Standing, results.Condition, results.SegmentPreview,
        results.Overlaps, results.Overlap, results.ReconciledSegments, results.ReconciledSegment,
        results.Differing, results.ListChange, results.MembershipHistory, results.MembershipChange,
        results.SegmentDiff, results.SegmentGrowth, results.GrowthDay, results.SegmentVersions, results.SegmentVersion,
        results.SegmentPlan, results.SegmentChange, results.Counters, results.Lifecycle, results.Consent,
        results.Occurrences, results.FindingCount, results.ProfileSegment, results.Account, results.RfmRun,
        results.RfmSegment, results.RfmCell, results.RfmCutPoint, results.RfmCutPoints, results.Me,
        results.UserAccount, results.UserAccounts, results.SetupLink, results.LinkState, results.Ended,
        results.SegmentDefinition, results.SegmentTop, results.SegmentsApplied, results.RuleCheck, results.RuleField,
        results.RuleFields, results.RuleEvent, results.RuleProperty, results.RuleValue, results.RuleValues,
        results.AuditEntries, results.AuditEntry, results.Keys, results.KeyInfo, results.IssuedKey,
        results.ReviewPairs, results.ReviewCounts, results.ReviewDecisions, results.ReviewDecided, results.ReviewBulk,
        results.Household, results.Households, results.DecisionChange, results.IdentityPlan, results.IdentityApplied,
        results.IdentityTypeStated,
        results.PersonChange, results.PlannedPerson, results.IdentityAccuracy,
        results.Uses, results.Use, results.PairUses, results.UseVerdict,
        results.AccuracyMeasures, results.PersonSizes,
        results.ReviewStatistics, results.ReviewAgreement, results.ReviewerCount, results.ReviewLabels,
        results.Tables, results.Table, results.TableDescription, results.TableColumn, results.TableRows,
        results.Home, results.Day, results.SegmentMoves, results.FoundPeople,
        results.QualityChecks, results.CheckRun, results.ChecksRun, results.HeldRows,
        results.Lineage, results.LineageNode, results.LineageLink,
        results.UploadPreview, results.UploadColumn, results.ColumnUse, results.UploadRow, results.UploadEvent,
        results.FileLoaded,
    }
)  # fmt: skip
"""Kinds of results that hold nothing personal themselves; what is in them is looked at by its own kind."""
