"""The judge: gate 1, which turns a received item into an event, or says why it is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from onefold.ingest import consents, emq, moments, names
from onefold.ingest.framing import TOO_DEEP
from onefold.ingest.identifiers import WrongTypeError, stated
from onefold.ingest.posthog import as_segment
from onefold.ingest.tracking_plan import Checker, TrackingPlan
from onefold.model import Accepted, Event, Judged, Kind, LogEntry, Rejected

REASONS: Mapping[str, str] = {
    "malformed_json": "The bytes are no valid JSON.",
    "bad_utf8": "A string is no valid UTF-8.",
    "not_an_object": "The item is no JSON object.",
    "too_deep": "Objects and lists are nested too deeply.",
    "too_large": "The event is larger than the limit.",
    "too_many_keys": "An object has too many keys.",
    "string_too_long": "A string is longer than the limit.",
    "duplicate_key": "An object has one key twice.",
    "unknown_type": "The type is none we know.",
    "no_event_name": "A track event needs a name in `event`.",
    "no_identifier": "The event names nobody.",
    "wrong_type": "A field has the wrong type.",
    "plan_violation": "The event breaks its source's tracking plan.",
    "malformed_judgement": "The judgement cannot be read.",
}
"""Every reason for a dead letter, and what it means; rows of files bring further ones, which their readers name."""

_KINDS: dict[str, Kind] = {kind: kind for kind in ("track", "identify", "page", "screen", "group", "alias", "record")}
_decode = msgspec.json.Decoder().decode
_blake = hashlib.blake2b


class IngestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What gate 1 is told. Sizes are bytes of JSON, except `string_max`, which is characters.

    Attributes:
        plans: Tracking plan per source.
        event_bytes_max: A larger event is rejected.
        event_bytes_large: A larger event is flagged `large`.
        depth_max: Deepest nesting, the event itself being 1.
        string_max: Longest string.
        keys_max: Most keys of one object.
    """

    plans: Mapping[str, TrackingPlan] = {}
    event_bytes_max: int = 512 * 1024
    event_bytes_large: int = 32 * 1024
    depth_max: int = 32
    string_max: int = 8_192
    keys_max: int = 1_000


class _BreachError(Exception):
    """An item breaks a limit; carries the verdict."""

    def __init__(self, reason: str, pointer: str) -> None:
        self.verdict = Rejected(reason, f"{REASONS[reason]} At {pointer or '/'}.")


class Judge:
    """Judges entries under one workspace's settings. Pure: the same entry always gets the same verdict."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._plans = {source: Checker(plan) for source, plan in settings.plans.items()}

    def judge(self, entry: LogEntry) -> Judged:
        """The verdict on one entry."""
        if entry.shape == "unreadable":
            return _unreadable(entry)
        try:
            item = self._read(entry)
            if type(item) is Rejected:
                return item
            return self._event(entry, item)
        except (_BreachError, WrongTypeError) as breach:
            verdict: Rejected = breach.verdict
            return verdict

    def _read(self, entry: LogEntry) -> Any:
        """The item as a dictionary of the Segment form, or why it cannot be read."""
        settings, body = self._settings, entry.body
        if len(body) > settings.event_bytes_max:
            return _rejected("too_large")
        if entry.shared == TOO_DEEP:
            return _rejected("too_deep")
        try:
            item = _decode(body)
        except UnicodeDecodeError:
            return _rejected("bad_utf8")
        except RecursionError:
            return _rejected("too_deep")
        except msgspec.DecodeError:
            return _rejected("malformed_json")
        if type(item) is not dict:
            return _rejected("not_an_object")
        keys = _count(item, 1, settings, long_strings=len(body) > settings.string_max)
        # Equal counts prove that no key was lost to a namesake; unequal ones (a colon in a text) need the exact look.
        if keys != body.count(b'":') and _duplicate(body):
            return _rejected("duplicate_key")
        return as_segment(item) if entry.shape == "posthog" else item

    def _event(self, entry: LogEntry, item: dict[str, Any]) -> Judged:
        shared = _shared(entry.shared) if entry.shared else None
        stated_type = item.get("type") or (shared.get("type") if shared else None) or "track"
        kind = _KINDS.get(stated_type) if type(stated_type) is str else None
        if kind is None:
            return _rejected("unknown_type")
        properties = _mapping(item, "properties")
        context = _mapping(item, "context")
        if shared and type(common := shared.get("context")) is dict:
            context = {**common, **context}
        traits = _mapping(item, "traits")
        about = context.get("traits")
        if type(about) is dict and about:
            traits = {**about, **traits} if kind != "group" else about
        elif kind == "group":
            # A group's traits describe the group, not the person who joined it.
            traits = {}
        if traits and None in traits.values():
            traits = {name: value for name, value in traits.items() if value is not None}
        name, original_name = _name(kind, item)
        if not name:
            return _rejected("no_event_name")
        identifiers = stated(kind, item, traits, properties, context)
        if not identifiers:
            return _rejected("no_identifier")

        flags: tuple[str, ...] = ()
        violations: tuple[str, ...] = ()
        checker = self._plans.get(entry.source)
        if checker is not None:
            about_person = kind in {"identify", "record"}
            finding = checker.check(kind if about_person else name, traits if about_person else properties)
            if finding.block:
                return Rejected("plan_violation", " ".join(finding.violations))
            violations = finding.violations
            if finding.omit:
                flags = ("omitted_properties",)
                kept = {k: v for k, v in (traits if about_person else properties).items() if k not in finding.omit}
                traits, properties = (kept, properties) if about_person else (traits, kept)
        original, sent, at, skew_ms, marks = _times(entry, item)
        flags += marks
        if len(entry.body) > self._settings.event_bytes_large:
            flags += ("large",)
        message_id = _message_id(entry, item)
        said = consents.stated(name, traits, properties, context)
        return Accepted(
            Event(
                id=_blake(f"{entry.source}\0{message_id}".encode(), digest_size=16).digest(),
                message_id=message_id,
                kind=kind,
                name=name,
                source=entry.source,
                identifiers=identifiers,
                received_at_us=entry.received_at_us,
                timestamp_us=at,
                original_name=original_name,
                traits=traits,
                properties=properties,
                context=context,
                consents=said,
                original_timestamp_us=original,
                sent_at_us=sent,
                skew_ms=skew_ms,
                emq=emq.score(
                    [i.type for i in identifiers], name, properties, traits, context, entry.received_at_us - at
                ),
                flags=flags,
            ),
            violations,
        )


def _unreadable(entry: LogEntry) -> Rejected:
    """A file's reader has said what was wrong with a row; of a request all we know is that it is no JSON."""
    why = _shared(entry.shared) if entry.shared else {}
    reason, detail = why.get("reason"), why.get("detail")
    if type(reason) is str and type(detail) is str:
        return Rejected(reason, detail)
    return _rejected("malformed_json")


def _rejected(reason: str) -> Rejected:
    return Rejected(reason, REASONS[reason])


def _mapping(item: dict[str, Any], field: str) -> dict[str, Any]:
    value = item.get(field)
    if value is None:
        return {}
    if type(value) is not dict:
        raise WrongTypeError(f"/{field}", "an object")
    return value


def _name(kind: Kind, item: dict[str, Any]) -> tuple[str, str | None]:
    said = item.get("event")
    if kind in {"track", "record"}:
        if said is None:
            return names.OF_KIND.get(kind, ""), None
        if type(said) is not str:
            raise WrongTypeError("/event", "a string")
        said = said.strip()
        name = names.CANONICAL.get(said, said)
        return name, said if name != said else None
    return names.OF_KIND[kind], None


def _message_id(entry: LogEntry, item: dict[str, Any]) -> str:
    said = item.get("messageId")
    if said is None:
        said = item.get("idempotency_key")
    if said is None or said == "":
        # Without an id of its own an item is itself only once: at its place in its request. A replay keeps both.
        place = f"{entry.received_at_us}\0{entry.index}\0".encode()
        return "receipt-" + _blake(place + entry.body, digest_size=16).hexdigest()
    if type(said) is int:
        said = str(said)
    if type(said) is not str or len(said) > 255:
        raise WrongTypeError("/messageId", "a string of at most 255 characters")
    return said


def _times(entry: LogEntry, item: dict[str, Any]) -> tuple[int | None, int | None, int, int | None, tuple[str, ...]]:
    """(original, sent, timestamp, skew in ms, flags)."""
    said, original = item.get("timestamp"), item.get("originalTimestamp")
    sent_text = item.get("sentAt") or entry.sent_at
    sent = moments.read(sent_text) if sent_text else None
    flags: tuple[str, ...] = ()
    if said is not None and original is not None and (at := moments.read(said)) is not None:
        # Both: the sender means `timestamp` as it is (RudderStack's rule), so it is clamped but not corrected.
        corrected_us, skew_ms, flags = moments.corrected(at, None, entry.received_at_us)
        return moments.read(original), sent, corrected_us, skew_ms, flags
    stated_at = original if said is None else said
    first = moments.read(stated_at) if stated_at is not None else None
    corrected_us, skew_ms, flags = moments.corrected(first, sent, entry.received_at_us)
    if first is None and stated_at is not None:
        flags = ("bad_timestamp",)
    return first, sent, corrected_us, skew_ms, flags


@lru_cache(maxsize=1_024)
def _shared(shared: bytes) -> dict[str, Any]:
    try:
        found = _decode(shared)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if type(found) is dict else {}


def _count(value: dict[str, Any], depth: int, settings: IngestSettings, *, long_strings: bool) -> int:
    """Count all keys below, and hold the limits on the way."""
    if depth > settings.depth_max:
        raise _BreachError("too_deep", "")
    keys = len(value)
    if keys > settings.keys_max:
        raise _BreachError("too_many_keys", "")
    for name, inner in value.items():
        kind = type(inner)
        if kind is dict:
            keys += _count(inner, depth + 1, settings, long_strings=long_strings)
        elif kind is list:
            keys += _count_list(inner, depth + 1, settings, long_strings=long_strings)
        elif long_strings and kind is str and len(inner) > settings.string_max:
            raise _BreachError("string_too_long", f"/{name[:64]}")
    return keys


def _count_list(value: list[Any], depth: int, settings: IngestSettings, *, long_strings: bool) -> int:
    if depth > settings.depth_max:
        raise _BreachError("too_deep", "")
    keys = 0
    for inner in value:
        kind = type(inner)
        if kind is dict:
            keys += _count(inner, depth + 1, settings, long_strings=long_strings)
        elif kind is list:
            keys += _count_list(inner, depth + 1, settings, long_strings=long_strings)
        elif long_strings and kind is str and len(inner) > settings.string_max:
            raise _BreachError("string_too_long", "a list")
    return keys


def _duplicate(body: bytes) -> bool:
    """Whether some object has one key twice; exact, and slow."""
    found = False

    def pairs(items: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in items}) < len(items)

    json.loads(body, object_pairs_hook=pairs)
    return found
