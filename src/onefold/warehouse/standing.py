"""Standing: how far the warehouse is behind what the stream has fed."""

from __future__ import annotations

from onefold.ports.warehouse import ManifestReader
from onefold.warehouse.relations import PROFILE_CHANGE


def profiled_up_to(manifest: ManifestReader) -> int:
    """The sequence at which profiles were last worked out."""
    name = PROFILE_CHANGE.full_name
    return max((segment.last for segment in manifest.segments() if segment.relation == name), default=0)


def settled(manifest: ManifestReader) -> bool:
    """Whether nothing waits: no row to be loaded, no profile to be worked out."""
    loaded = manifest.loaded()
    return manifest.fed() == loaded and profiled_up_to(manifest) >= loaded
