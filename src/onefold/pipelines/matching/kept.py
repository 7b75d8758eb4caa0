"""What a run of the matcher leaves for the next: its model, a fingerprint of each record, and how far the log was.

All under a key of the workspace: nothing in it is a value, and without the key none can be tried against it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from onefold.matching.trained import Known
from onefold.model import NodeId
from onefold.pipelines.matching.records import Sources

Fingerprints = dict[NodeId, int]


class Kept(msgspec.Struct, frozen=True):
    """The state between runs.

    Attributes:
        known: The model.
        fingerprints: By record.
        read_to: Of the log, by partition, where it ended when it had the scores.
    """

    known: Known
    fingerprints: Fingerprints
    read_to: Mapping[int, int]

    def goes_on(self, region: str | None, offsets: Mapping[int, int], now: Fingerprints) -> bool:
        """Whether only what is new or changed has to be compared.

        Not where the store, which stands at `offsets`, lacks scores of the run; nor where values are read otherwise than
        then; nor where a record is gone: with what it was compared is not known any more.
        """
        if any(offsets.get(partition, 0) < end for partition, end in self.read_to.items()):
            return False
        return self.known.trained.region == region and self.fingerprints.keys() <= now.keys()

    def changed(self, now: Fingerprints) -> list[NodeId]:
        """Records that are new, or others than they were."""
        return [node for node, fingerprint in now.items() if self.fingerprints.get(node) != fingerprint]


def fingerprints(sources: Sources, key: bytes) -> Fingerprints:
    """Of each record, from all that it is compared by: 64 bits, signed."""
    return {node: _fingerprint(sorted(cells.items()), key) for node, cells in sources.records.items()}


def _fingerprint(cells: list[tuple[str, str]], key: bytes) -> int:
    digest = hashlib.blake2b(msgspec.json.encode(cells), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
