"""What a store's node states hold of each aggregate: since when the stream keeps it, and how far its past is filled in.

The first batch of a configuration records the aggregates that are new, with the offsets that it begins at: what is in the
log after them the stream folds, what was processed before them is filled in later, once. An aggregate that is configured
again after it was gone gets another epoch, and with it another place in the states, for what stands there has a gap.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from onefold.errors import IntegrityError, UnavailableError
from onefold.profiles.computed.plan import Plan


class Begun(msgspec.Struct, frozen=True, array_like=True):
    """Since when an aggregate is kept.

    Attributes:
        offsets: By partition, up to where events were processed without it.
        epoch: How often it was configured anew.
        filled: The last node, in order of their ids, whose past is filled in.
        live: Whether all of it is.
        gone: Whether the configuration has it no more.
    """

    offsets: dict[int, int]
    epoch: int = 0
    filled: bytes = b""
    live: bool = False
    gone: bool = False


encode = msgspec.msgpack.Encoder().encode
_read = msgspec.msgpack.Decoder(Begun).decode


def read(kept: Mapping[str, bytes]) -> dict[str, Begun]:
    """What a store knows, by key.

    Raises:
        IntegrityError: It is of another version.
    """
    try:
        return {key: _read(body) for key, body in kept.items()}
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise IntegrityError("What is known of computed traits cannot be read; run `onefold rebuild`.") from error


def epochs(kept: Mapping[str, bytes]) -> dict[str, int]:
    """Under which epoch each aggregate is kept from now on, where that is not the first one."""
    found = {key: begun.epoch + begun.gone for key, begun in read(kept).items()}
    return {key: epoch for key, epoch in found.items() if epoch}


def changed(plan: Plan, kept: Mapping[str, bytes], offsets: Mapping[int, int]) -> dict[str, bytes]:
    """What a batch that begins at these offsets has to record: what is new, and what is gone.

    Raises:
        UnavailableError: Another process has begun an aggregate anew since this one read the configuration.
    """
    known = read(kept)
    found = {}
    for key, epoch in plan.epochs.items():
        begun = known.get(key)
        if begun is None or begun.gone:
            found[key] = encode(Begun(dict(sorted(offsets.items())), epoch, live=not any(offsets.values())))
        elif begun.epoch != epoch:
            raise UnavailableError("Computed traits were changed by another process; start this one again.")
    for key, begun in known.items():
        if key not in plan.epochs and not begun.gone:
            found[key] = encode(msgspec.structs.replace(begun, gone=True))
    return found


def live(kept: Mapping[str, bytes]) -> frozenset[str]:
    """The keys of aggregates that hold all events."""
    return frozenset(key for key, begun in read(kept).items() if begun.live and not begun.gone)
