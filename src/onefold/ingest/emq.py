"""Event match quality (EMQ): how much an event helps to know who did what, from 0 to 1.

    emq = 0.35 identifiers + 0.25 completeness + 0.20 timeliness + 0.20 context

Each part is in [0, 1], and stating more never lowers any of them:

* identifiers: the highest priority among the stated types, as a hundredth of 100, plus 0.05 for each further type, at
  most 1. A type the project does not rank counts 0.60. Nothing stated: 0.
* completeness: the share of required fields that are there. Every event should state its message id and its time. An
  event of a known name should state the properties in `events.REQUIRED` (an equivalent one counts), an identify or
  record at least one trait, any other event at least one property. Null and blank are not there.
* timeliness: 1 up to a minute between the event and its receipt, 0 from seven days on, and between the two falling in
  equal steps for each doubling: `1 - ln(age / 1 min) / ln(7 d / 1 min)`. One hour is 0.56, one day 0.21.
* context: an eighth for each circumstance: `ip`; `userAgent` or `os`; `page.url` or `screen`; `campaign`; `library`;
  `locale`; `timezone`; `device` or `app`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log
from typing import Any

from onefold.ingest.events import EQUIVALENTS, REQUIRED
from onefold.ingest.settings import IngestSettings
from onefold.model import Identifier, Kind

IDENTIFIERS, COMPLETENESS, TIMELINESS, CONTEXT = 0.35, 0.25, 0.20, 0.20
"""The weights of the parts."""
FURTHER_TYPE = 0.05
TIMELY_US = 60_000_000
STALE_US = 7 * 24 * 3_600_000_000
_SPAN = log(STALE_US / TIMELY_US)
_ALTERNATIVES = (
    ("ip",), ("userAgent", "os"), ("page", "screen"), ("campaign",), ("library",), ("locale",), ("timezone",),
    ("device", "app"),
)  # fmt: skip
_CIRCUMSTANCES = len(_ALTERNATIVES)
_BITS = {key: 1 << number for number, keys in enumerate(_ALTERNATIVES) for key in keys}
_OF_TRAITS = frozenset(("identify", "record"))


def score(
    kind: Kind,
    name: str,
    identifiers: Iterable[Identifier],
    stated: int,
    traits: Mapping[str, Any],
    properties: Mapping[str, Any],
    context: Mapping[str, Any],
    age_us: int,
    settings: IngestSettings,
) -> float:
    """The score, rounded to four digits.

    Args:
        kind: What sort of call it is.
        name: The canonical event name.
        identifiers: All that were stated.
        stated: How many of message id and time the sender stated: 0, 1 or 2.
        traits: Without nulls.
        properties: As stated.
        context: As stated.
        age_us: From the event to its receipt.
        settings: Priorities of the identifier types.
    """
    return round(
        IDENTIFIERS * of_identifiers(identifiers, settings)
        + COMPLETENESS * of_completeness(kind, name, stated, traits, properties)
        + TIMELINESS * of_timeliness(age_us)
        + CONTEXT * of_context(context),
        4,
    )


def of_identifiers(identifiers: Iterable[Identifier], settings: IngestSettings) -> float:
    """The quality of the stated identifiers."""
    priorities, custom = settings.priorities, settings.custom_priority
    best, types = 0, []
    for identifier in identifiers:
        type_ = identifier.type
        if type_ not in types:
            types.append(type_)
            best = max(best, priorities.get(type_, custom))
    return min(1.0, best / 100 + FURTHER_TYPE * (len(types) - 1)) if types else 0.0


def of_completeness(
    kind: Kind, name: str, stated: int, traits: Mapping[str, Any], properties: Mapping[str, Any]
) -> float:
    """The share of required fields that are there."""
    required = REQUIRED.get(name)
    if required is None:
        fields = traits if kind in _OF_TRAITS else properties
        return (stated + _has_any(fields)) / 3
    count = stated
    for key in required:
        value = properties.get(key)
        if (
            value
            or _is_there(value)
            or (key in EQUIVALENTS and any(_is_there(properties.get(other)) for other in EQUIVALENTS[key]))
        ):
            count += 1
    return count / (2 + len(required))


def _is_there(value: Any) -> bool:
    return value is not None and value not in ("", [], {})


def _has_any(fields: Mapping[str, Any]) -> bool:
    return any(fields.values()) or any(map(_is_there, fields.values()))


def of_timeliness(age_us: int) -> float:
    """How soon after the event it was received."""
    if age_us <= TIMELY_US:
        return 1.0
    return max(0.0, 1.0 - log(age_us / TIMELY_US) / _SPAN)


def of_context(context: Mapping[str, Any]) -> float:
    """How much is known of the circumstances."""
    found = 0
    for key, value in context.items():
        if value and (bit := _BITS.get(key)):
            if key == "page" and type(value) is dict and not value.get("url"):
                continue
            found |= bit
    return found.bit_count() / _CIRCUMSTANCES
