"""What a pipeline works with: one workspace's stores, keys and settings, wired by `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from onefold.governance.encryption import NodeSealer
from onefold.identity.hashing import Hasher
from onefold.identity.known import KnownEdges
from onefold.identity.settings import IdentitySettings
from onefold.ingest.judge import Judge
from onefold.pipelines.ahead import Ahead
from onefold.ports import EventLog, ProfileStore
from onefold.profiles.settings import ProfileSettings


@dataclass(frozen=True, slots=True)
class Parts:
    """One workspace, wired.

    Attributes:
        name: The workspace's name.
        log: Received items.
        store: The profile store.
        judge: Gate 1.
        identity: Types, limits, rules.
        hasher: Makes node ids under the workspace's hashing key.
        profiles: Survivorship, purchases, lifecycle.
        sealer: Seals node states.
        clock_us: The time now, microseconds UTC.
        known: Edges known to be stored; the processor's memory, not state.
        ahead: What the processor has worked out of the next batch.
    """

    name: str
    log: EventLog
    store: ProfileStore
    judge: Judge
    identity: IdentitySettings
    hasher: Hasher
    profiles: ProfileSettings
    sealer: NodeSealer
    clock_us: Callable[[], int]
    known: KnownEdges = field(default_factory=KnownEdges)
    ahead: Ahead[Any] = field(default_factory=Ahead)
