"""Event match quality (EMQ): how well one event can be matched and used, from 0 to 1.

    EMQ = 0.35 identifiers + 0.25 completeness + 0.20 timeliness + 0.20 context

* identifiers: the highest priority of its identifier types by 100, and 0.05 for each further type, at most 1;
* completeness: the share of fields expected of that event name that are there (`EXPECTED`); for other names 1 with
  any property or trait, 0.5 without;
* timeliness: 1 up to a minute between occurrence and receipt, falling with the logarithm of the delay to 0 at 7 days;
* context: the share of `CONTEXT` that is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

PRIORITIES: Mapping[str, int] = {"user_id": 100, "email": 80, "phone": 70, "device_id": 40, "anonymous_id": 10}
"""The specification's strengths; a type not listed counts 60, as in identity settings."""

_ORDER = ("order_id", "revenue|total|value", "currency", "products")
_PRODUCT = ("product_id|sku", "name", "price")
EXPECTED: Mapping[str, tuple[str, ...]] = {
    "Order Completed": _ORDER,
    "Order Refunded": ("order_id",),
    "Donation Completed": ("amount|revenue|total|value", "currency"),
    "Checkout Started": ("order_id", "revenue|value", "currency", "products"),
    "Product Viewed": _PRODUCT,
    "Product Added": _PRODUCT,
    "Cart Viewed": ("products",),
    "Products Searched": ("query",),
    "Email Opened": ("email_id|campaign_id|campaign_name",),
    "Email Link Clicked": ("email_id|campaign_id|campaign_name", "link_url|url"),
}
"""Properties expected of an event; `a|b` is met by either."""

CONTEXT = ("ip", "userAgent", "page|screen|app", "campaign|referrer", "library", "locale|timezone")

_MINUTE_US = 60_000_000
_WEEK_US = 7 * 24 * 60 * _MINUTE_US
_SPAN = math.log(_WEEK_US / _MINUTE_US)


def score(
    types: Iterable[str],
    name: str,
    properties: Mapping[str, Any],
    traits: Mapping[str, Any],
    context: Mapping[str, Any],
    delay_us: int,
) -> float:
    """The match quality of an event, by the formula above."""
    return (
        0.35 * identifiers(types)
        + 0.25 * completeness(name, properties, traits)
        + 0.20 * timeliness(delay_us)
        + 0.20 * _share(CONTEXT, context)
    )


def identifiers(types: Iterable[str]) -> float:
    """How strong the identifiers are."""
    distinct = set(types)
    if not distinct:
        return 0.0
    best = max(PRIORITIES.get(kind, 60) for kind in distinct)
    return min(1.0, best / 100 + 0.05 * (len(distinct) - 1))


def completeness(name: str, properties: Mapping[str, Any], traits: Mapping[str, Any]) -> float:
    """How much of what is expected of such an event is there."""
    expected = EXPECTED.get(name)
    if expected is None:
        return 1.0 if properties or traits else 0.5
    return _share(expected, properties)


def timeliness(delay_us: int) -> float:
    """How soon after it happened the event was received."""
    if delay_us <= _MINUTE_US:
        return 1.0
    return max(0.0, 1.0 - math.log(delay_us / _MINUTE_US) / _SPAN)


def _share(expected: tuple[str, ...], there: Mapping[str, Any]) -> float:
    met = 0
    for names in expected:
        if names in there or ("|" in names and any(name in there for name in names.split("|"))):
            met += 1
    return met / len(expected)
