"""The settings of gate 1: how large, deep and late an event may be, and what each source's events look like."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from onefold.ingest.tracking_plan import TrackingPlan

PRIORITIES: Mapping[str, int] = {
    "user_id": 100,
    "external_id": 100,
    "email": 80,
    "phone": 70,
    "device_id": 40,
    "anonymous_id": 10,
}


class IngestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What gate 1 lets through.

    Attributes:
        max_event_bytes: A larger event is rejected (`too_large`).
        warn_event_bytes: A larger event is flagged `large`; Segment would have refused it.
        max_depth: Objects and lists within each other, the event itself counted (`too_deep`).
        max_string_length: Characters of a text, keys included (`string_too_long`).
        max_keys: Keys of one object (`too_many_keys`).
        max_identifiers: Identifiers of one event (`too_many_identifiers`).
        max_trait_bytes: A trait with a larger value is left out (finding `trait_dropped`).
        max_small_trait_bytes: The same for a trait stated once and for one of a group, its name included.
        declared_traits: Names of traits that findings may tell, for they are the configuration's own.
        max_message_id_length: Characters of a message id (`message_id_too_long`).
        warn_batch_items: Items of a request beyond this number are flagged `beyond_batch_limit`, and kept.
        priorities: Strength of identifier types, 0 to 100, for the match-quality score.
        custom_priority: Strength of a type not among them.
        event_names: Further aliases of event names, name as sent to canonical name; they win over the built-in ones.
        property_identifiers: Event name to the types (`email`, `phone`) that its properties state of the sender; they
            win over the built-in ones.
        tracking_plans: By source.
    """

    max_event_bytes: int = 512 * 1024
    warn_event_bytes: int = 32 * 1024
    max_depth: int = 32
    max_string_length: int = 8 * 1024
    max_keys: int = 1_000
    max_identifiers: int = 100
    max_trait_bytes: int = 8 * 1024
    max_small_trait_bytes: int = 448
    declared_traits: frozenset[str] = frozenset()
    max_message_id_length: int = 255
    warn_batch_items: int = 2_500
    priorities: Mapping[str, int] = msgspec.field(default_factory=lambda: PRIORITIES)
    custom_priority: int = 60
    event_names: Mapping[str, str] = {}
    property_identifiers: Mapping[str, tuple[str, ...]] = {}
    tracking_plans: Mapping[str, TrackingPlan] = {}
