"""What a pipeline works with: one workspace's stores, keys and settings, wired by `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from onefold.governance.encryption import NodeSealer
from onefold.identity.hashing import Hasher
from onefold.identity.known import KnownEdges
from onefold.identity.settings import IdentitySettings
from onefold.ingest.gate import Gate
from onefold.pipelines.stream.finding_lines import FindingLines
from onefold.pipelines.stream.prefetch import Prefetch
from onefold.pipelines.stream.progress import Progress
from onefold.ports import EventLog, ProfileStore
from onefold.profiles.settings import ProfileSettings
from onefold.rfm import Definition
from onefold.warehouse.feed import Feed


@dataclass(frozen=True, slots=True)
class Context:
    """One workspace, wired.

    Attributes:
        name: The workspace's name.
        log: Received items.
        store: The profile store.
        gate: Gate 1: validates entries.
        identity: Types, limits, rules.
        hasher: Makes node ids under the workspace's hashing key.
        profiles: Survivorship, purchases, lifecycle.
        rfm: RFM definitions, whose scores rules of segments read.
        sealer: Seals node states.
        clock_us: The time now, microseconds UTC.
        known: Edges known to be stored; the processor's memory, not state.
        prefetch: What is worked out of the next batch.
        progress: Where the processor stands, for whoever watches over it.
        feed: Makes the warehouse's rows; None where there is no warehouse.
        finding_lines: Of files that are loaded, the lines on which findings stand.
    """

    name: str
    log: EventLog
    store: ProfileStore
    gate: Gate
    identity: IdentitySettings
    hasher: Hasher
    profiles: ProfileSettings
    sealer: NodeSealer
    clock_us: Callable[[], int]
    rfm: tuple[Definition, ...] = ()
    known: KnownEdges = field(default_factory=KnownEdges)
    prefetch: Prefetch[Any] = field(default_factory=Prefetch)
    progress: Progress = field(default_factory=Progress)
    feed: Feed | None = None
    finding_lines: FindingLines = field(default_factory=FindingLines)
