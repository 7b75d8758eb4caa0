"""The stages' part of a project: what the files say of events, identity and profiles, checked across keys and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from onefold.config.reading import At, Document, Problem
from onefold.config.survivorship_keys import PRESETS
from onefold.identity.phones import region_fault
from onefold.identity.settings import IdentitySettings
from onefold.ingest import tracking_plan


class IdentityType(msgspec.Struct, frozen=True):
    """What a project says of one identifier type; None where it says nothing and the built-in default holds.

    Attributes:
        window_us: The window in which `limit` holds, in microseconds; None with a limit means for ever.
        like: The normaliser: `id`, `email`, `phone` or `device_id`.
    """

    priority: int | None = None
    limit: int | None = None
    window_us: int | None = None
    unique: bool | None = None
    shared_after: int | None = None
    like: str | None = None


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """What the files say of the stages; empty and None mean that the stage's own default holds.

    Attributes:
        tracking_plans: By source: `unknown_events`, `violations` and `events` as in the file.
        source_rank: Source names, most trusted first.
        survivorship: Strategy by field.
        purchase_events: Amount properties, first found first, by event name.
        lifecycle: (stage, rule) in rising order.
    """

    max_event_bytes: int | None = None
    warn_event_bytes: int | None = None
    max_depth: int | None = None
    max_trait_bytes: int | None = None
    max_state_bytes: int | None = None
    tracking_plans: Mapping[str, Mapping[str, Any]] = {}
    default_region: str | None = None
    alias_beyond_limits: bool | None = None
    join_from: float | None = None
    review_from: float | None = None
    contradiction_below: float | None = None
    uses: Mapping[str, float] = {}
    identity_types: Mapping[str, IdentityType] = {}
    blocked_values: tuple[str, ...] = ()
    blocked_patterns: tuple[str, ...] = ()
    allowed_values: tuple[str, ...] = ()
    generic_addresses: tuple[str, ...] | None = None
    property_identifiers: Mapping[str, tuple[str, ...]] = {}
    source_rank: tuple[str, ...] = ()
    default_strategy: str | None = None
    survivorship: Mapping[str, str] = {}
    engagement: tuple[str, ...] | None = None
    session_gap_us: int | None = None
    purchase_events: Mapping[str, tuple[str, ...]] | None = None
    currency: str | None = None
    churn_after_us: int | None = None
    lifecycle: tuple[tuple[str, str], ...] = ()


def stages(
    events: Mapping[str, Any],
    plans: Mapping[str, Mapping[str, Any]],
    identity: Mapping[str, Any],
    profile: Mapping[str, Any],
    source_rank: tuple[str, ...],
) -> Stages:
    """Gather the values of files that have no problems."""
    blocked = identity.get("blocked", {})
    match, generic = identity.get("match") or {}, identity.get("generic_addresses")
    survivorship = profile.get("survivorship", {})
    engagement = survivorship.get("engagement")
    purchases = profile.get("purchases", {})
    lifecycle = profile.get("lifecycle", {})
    amounts = purchases.get("events")
    return Stages(
        max_event_bytes=events.get("max_size"),
        warn_event_bytes=events.get("warn_size"),
        max_depth=events.get("max_depth"),
        max_trait_bytes=events.get("max_trait"),
        max_state_bytes=profile.get("max_state"),
        tracking_plans=plans,
        default_region=identity.get("default_region"),
        alias_beyond_limits=identity.get("alias_beyond_limits"),
        join_from=match.get("join_from"),
        review_from=match.get("review_from"),
        contradiction_below=match.get("contradiction_below"),
        uses=match.get("uses") or {},
        identity_types={name: _type(value) for name, value in identity.get("types", {}).items()},
        blocked_values=tuple(blocked.get("values", ())),
        blocked_patterns=tuple(blocked.get("patterns", ())),
        allowed_values=tuple(blocked.get("except", ())),
        generic_addresses=None if generic is None else tuple(generic),
        property_identifiers={n: tuple(types or ()) for n, types in identity.get("property_identifiers", {}).items()},
        source_rank=source_rank,
        default_strategy=survivorship.get("default"),
        survivorship={**PRESETS.get(survivorship.get("preset", ""), {}), **survivorship.get("fields", {})},
        engagement=None if engagement is None else tuple(engagement),
        session_gap_us=profile.get("sessions", {}).get("gap"),
        purchase_events=None
        if amounts is None
        else {name: (keys,) if isinstance(keys, str) else tuple(keys) for name, keys in amounts.items()},
        currency=purchases.get("currency"),
        churn_after_us=lifecycle.get("churn_after"),
        lifecycle=tuple((stage["name"], stage["when"]) for stage in lifecycle.get("stages", ())),
    )


def _type(value: Mapping[str, Any]) -> IdentityType:
    return IdentityType(
        priority=value.get("priority"),
        limit=value.get("limit"),
        window_us=value.get("within"),
        unique=value.get("unique"),
        shared_after=value.get("shared_after"),
        like=value.get("like"),
    )


def source_problems(document: Document) -> Iterator[Problem]:
    """What is wrong with a source's tracking plan, beyond its keys."""
    plan = document.value.get("tracking_plan") or {}
    for name, schema in (plan.get("events") or {}).items():
        at: At = ("tracking_plan", "events", name)
        if schema is None:
            continue
        fault = tracking_plan.fault(schema)
        if fault is not None:
            yield document.problem((*at, *fault.path), f"the schema of `{name}`: {fault.message}")


def identity_problems(document: Document) -> Iterator[Problem]:
    """Contradictions in identity.yaml."""
    region = document.value.get("default_region")
    if isinstance(region, str) and (fault := region_fault(region)) is not None:
        yield document.problem(("default_region",), fault)
    match = document.value.get("match") or {}
    bounds = IdentitySettings()
    # What cannot be read has been told already, and is None here.
    low, high = (
        value if isinstance(value := match.get(key), float | int) else getattr(bounds, key)
        for key in ("review_from", "join_from")
    )
    if not 0.5 <= low <= high < 1:
        key = "review_from" if "review_from" in match else "join_from"
        yield document.problem(
            ("match", key), "thresholds are 0.5 or more and below 1, and `review_from` is not above `join_from`"
        )
    if match.get("contradiction_below", 0.0) > 0.5:
        yield document.problem(("match", "contradiction_below"), "a pair contradicts itself below 0.5 at most")
    for use, value in (match.get("uses") or {}).items():
        if isinstance(value, float | int) and not 0.5 <= value < 1:
            yield document.problem(("match", "uses", use), "the threshold of a use is 0.5 or more and below 1")
    weights = match.get("weights") or {}
    if weights and not any(weights.get(name, 1.0) for name in ("name", "address", "phone", "email_domain", "postcode")):
        yield document.problem(("match", "weights"), "one of the weights has to be more than 0")
    for name, value in (document.value.get("types") or {}).items():
        value = value or {}  # noqa: PLW2901  a type without any key says nothing new
        at: At = ("types", name)
        if value.get("within") and not value.get("limit"):
            yield document.problem((*at, "within"), f"`types.{name}.within` needs a `limit` to hold for that long")
        if value.get("unique") and (value.get("limit") or 1) > 1:
            yield document.problem((*at, "limit"), f"`types.{name}` is `unique`, so its limit can only be 1")
    for index, pattern in enumerate((document.value.get("blocked") or {}).get("patterns") or ()):
        if pattern and not pattern.strip("*?"):
            yield document.problem(("blocked", "patterns", index), f"`{pattern}` blocks every identifier there is")


def profile_problems(document: Document) -> Iterator[Problem]:
    """Contradictions in profile.yaml."""
    seen: set[str] = set()
    for index, stage in enumerate((document.value.get("lifecycle") or {}).get("stages") or ()):
        name = (stage or {}).get("name")
        if name in seen:
            yield document.problem(("lifecycle", "stages", index, "name"), f"the stage `{name}` is there twice")
        if name:
            seen.add(name)
