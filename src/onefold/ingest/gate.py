"""Gate 1: reads a log entry and says which event it holds, or why it is rejected.

    decode → limits → dialect → identifiers → name → times → consents → score → tracking plan

The result is a pure function of the entry and the settings: checked again, after a crash or in a rebuild, an entry gives
the same event with the same id.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from onefold.ingest import amplitude, clock, consents, emq, mixpanel, payload, posthog, segment
from onefold.ingest.draft import Draft
from onefold.ingest.events import ALIASES, CALL_NAMES, PROPERTY_IDENTIFIERS
from onefold.ingest.findings import finding, stated
from onefold.ingest.reasons import REASONS, rejected
from onefold.ingest.repair import Repaired
from onefold.ingest.settings import IngestSettings
from onefold.ingest.stated import too_many
from onefold.ingest.tracking_plan import Checker
from onefold.ingest.traits import bound_beside, bounded
from onefold.model import Accepted, Event, Finding, GateResult, LogEntry, Rejected, Suppressed

_READERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Draft | Rejected | Suppressed]] = {
    "posthog": posthog.read,
    "mixpanel": mixpanel.read,
    "amplitude": amplitude.read,
}
_COMPRESSED = (b"\x1f\x8b", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_SHARED_KEPT = 256
_SOMEBODY_ELSES = (
    "The event names its person by a property alone, which may be somebody else's; if it is the sender's, list the event "
    "under `property_identifiers` in identity.yaml and send the dead letter again."
)


def deduplication_key(source: str, message_id: str) -> bytes:
    """The event's id: 16 bytes of BLAKE2b over source, a zero byte and message id. Source names hold no zero byte."""
    return blake2b(f"{source}\0{message_id}".encode(), digest_size=16).digest()


def derived_message_id(entry: LogEntry) -> str:
    """A message id for an item that states none: a hash of its bytes, its place in the request and what the request states.

    A request that is sent again because its answer was lost is the same to the byte, and so are its events. Two equal
    items of one request are two events. Who sends equal events apart must state a time or an id in them.
    """
    head = f"{entry.sent_at or ''}\0{entry.index}\0".encode()
    return "derived-" + blake2b(head + (entry.shared or b"") + b"\0" + entry.body, digest_size=16).hexdigest()


class Gate:
    """Gate 1 under given settings. It holds compiled tracking plans and a cache, no state of events."""

    def __init__(self, settings: IngestSettings) -> None:
        self.settings = settings
        self._aliases = {**ALIASES, **settings.event_names}
        self._of_sender = {**PROPERTY_IDENTIFIERS, **settings.property_identifiers}
        self._plans = {source: Checker(plan) for source, plan in settings.tracking_plans.items()}
        self._shared: dict[bytes, dict[str, Any]] = {}

    def check(self, entry: LogEntry) -> GateResult:
        """Gate one entry. Judgements and scores are not for this gate.

        Raises:
            ValueError: The entry is one of those.
        """
        shape = entry.shape
        if shape in {"judgement", "scores"}:
            raise ValueError("What is said of the identity graph is not an event.")
        shared = self._request(entry.shared) if entry.shared else {}
        if isinstance(shared, Rejected):
            return shared
        if shape == "unreadable":
            fault = _unreadable(entry.body, shared, self.settings)
            if fault is not None:
                return fault
        item = payload.read(entry.body, self.settings)
        repairs: tuple[Finding, ...] = ()
        if type(item) is not dict:
            if isinstance(item, Rejected):
                return item
            assert isinstance(item, Repaired)  # noqa: S101  tells the type checker what the lines above leave
            repairs, item = item.findings, item.item
        reader = _READERS.get(shape)
        if reader is not None:
            draft = reader(item, shared)
        else:
            draft = segment.read(item, shared, "record" if shape == "record" else None)
        if type(draft) is not Draft:
            return draft  # type: ignore[return-value]  # what is no draft is a verdict; mypy does not narrow by `type`
        if shape == "record" and (found := item.get("findings")):
            draft.findings = [*draft.findings, *stated(found)]
        if repairs:
            draft.findings = [*repairs, *draft.findings]
        return self._event(entry, draft)

    def _request(self, shared: bytes) -> dict[str, Any] | Rejected:
        """The request-level JSON, decoded once for the items of a request."""
        known = self._shared.get(shared)
        if known is not None:
            return known
        read = payload.read(shared, self.settings)
        if isinstance(read, Rejected):
            return Rejected(read.reason, f"In the request's own part: {read.detail}")
        if isinstance(read, Repaired):
            read = read.item
        if len(self._shared) >= _SHARED_KEPT:
            self._shared.clear()
        self._shared[shared] = read
        return read

    def _take_contacts(self, draft: Draft, original: str, name: str) -> None:
        """Take the event's own e-mail address and phone number where they are the sender's; else say so."""
        types = self._of_sender.get(original if original in self._of_sender else name, ())
        for identifier, where in draft.of_event:
            if identifier in draft.identifiers:
                continue
            if identifier.type in types:
                draft.identifiers.append(identifier)
            else:
                draft.findings = [*draft.findings, finding("contact_of_event", where)]

    def _event(self, entry: LogEntry, draft: Draft) -> GateResult:
        settings, kind, identifiers = self.settings, draft.kind, draft.identifiers
        original = draft.name.strip() if draft.name else ""
        name = self._aliases.get(original, original) if original else CALL_NAMES.get(kind, "")
        if draft.of_event:
            self._take_contacts(draft, original, name)
        if not identifiers:
            return rejected("no_identifier", _SOMEBODY_ELSES if draft.of_event else "")
        if len(identifiers) > settings.max_identifiers:
            return too_many(len(identifiers), settings.max_identifiers)
        if kind == "track" and not original:
            return rejected("no_event_name")
        message_id = derived_message_id(entry) if draft.message_id is None else draft.message_id
        if len(message_id) > settings.max_message_id_length:
            return rejected("message_id_too_long")
        times = _times(entry, draft)
        traits, properties, context = draft.traits, draft.properties, draft.context
        statements, unreadable = consents.said(name, traits, properties, context)
        if "consent" in traits:
            # Consent has its own rules when people are joined; as an attribute it would follow others.
            traits = {key: value for key, value in traits.items() if key != "consent"}
        if "consent" in draft.cleared or "consent" in draft.traits_once:
            draft.cleared = tuple(field for field in draft.cleared if field != "consent")
            draft.traits_once = {key: value for key, value in draft.traits_once.items() if key != "consent"}
        findings = _findings(entry, draft, times, settings, unreadable)
        violations: tuple[str, ...] = ()
        plan = self._plans.get(entry.source)
        if plan is not None:
            of_traits = kind == "identify"
            verdict = plan.verdict(original, name, traits if of_traits else properties)
            if isinstance(verdict, Rejected):
                return verdict
            violations = verdict.violations
            if verdict.omitted:
                findings = (*findings, finding("omitted_by_plan"))
                traits, properties = (verdict.fields, properties) if of_traits else (traits, verdict.fields)
        traits, dropped = bounded(traits, len(entry.body), settings)
        if draft.traits_once or draft.groups or draft.cleared or draft.operations:
            dropped += bound_beside(draft, settings)
        if dropped:
            findings = (*findings, *dropped)
        known = (draft.message_id is not None) + (times.original_us is not None)
        received_us, timestamp_us = entry.received_at_us, times.timestamp_us
        age_us = received_us - timestamp_us
        event = Event(
            id=deduplication_key(entry.source, message_id),
            message_id=message_id,
            kind=kind,
            name=name,
            source=entry.source,
            identifiers=tuple(identifiers),
            received_at_us=received_us,
            timestamp_us=timestamp_us,
            original_name=original if original and original != name else None,
            traits=traits,
            traits_once=draft.traits_once,
            cleared=draft.cleared,
            operations=draft.operations,
            groups=draft.groups,
            properties=properties,
            context=context,
            consents=statements,
            original_timestamp_us=times.original_us,
            sent_at_us=times.sent_us,
            skew_ms=times.skew_ms,
            time_assumed=times.assumed,
            emq=emq.score(kind, name, identifiers, known, traits, properties, context, age_us, settings),
            findings=findings,
        )
        return Accepted(event, violations)


def check(entry: LogEntry, settings: IngestSettings) -> GateResult:
    """Gate one entry under settings; for many, keep a `Gate`."""
    return Gate(settings).check(entry)


def _unreadable(body: bytes, shared: dict[str, Any], settings: IngestSettings) -> Rejected | None:
    """Why an entry kept as unreadable is; None when it can be read after all, by a version that reads more."""
    stated = shared.get("reason")
    if type(stated) is str:
        detail = shared.get("detail")
        reason = stated if stated in REASONS else "malformed_row"
        return rejected(reason, detail if type(detail) is str else "")
    if body[:2] in _COMPRESSED:
        return rejected("bad_compression")
    if len(body) > settings.max_event_bytes:
        # A whole request, so the limit of one event says nothing about it.
        return rejected("malformed_json", "The request is no JSON that could be taken apart.")
    return None


def _times(entry: LogEntry, draft: Draft) -> clock.Times:
    received_us = entry.received_at_us
    sent_at = entry.sent_at if draft.sent_at is None else draft.sent_at
    times = clock.settle(draft.timestamp, draft.original_timestamp, sent_at, received_us, entry.index)
    if draft.age_ms is None or times.original_us is not None:
        return times
    return clock.aged(times, draft.age_ms, received_us)


def _findings(
    entry: LogEntry, draft: Draft, times: clock.Times, settings: IngestSettings, unreadable: bool
) -> tuple[Finding, ...]:
    findings = (*times.findings, *draft.findings) if draft.findings else times.findings
    if unreadable:
        findings = (*findings, finding("consent_unreadable"))
    if len(entry.body) > settings.warn_event_bytes:
        findings = (*findings, finding("large"))
    if entry.index >= settings.warn_batch_items and entry.shape != "record":
        findings = (*findings, finding("beyond_batch_limit"))
    return findings
