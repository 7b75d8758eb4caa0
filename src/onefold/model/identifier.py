"""An identifier: one name that one system has for a person."""

from __future__ import annotations

import uuid

import msgspec

NodeId = bytes
"""16 bytes: the keyed hash of a normalised identifier. The identity graph knows people only by these."""


class Identifier(msgspec.Struct, frozen=True, gc=False, order=True):
    """A name as somebody stated it, before normalisation.

    Attributes:
        type: `user_id`, `email`, `phone`, `device_id`, `anonymous_id`, or a type the project defines (`crm_id`).
        value: The stated text; personal data, so it never enters a message, a log line or a metric.
    """

    type: str
    value: str

    def __repr__(self) -> str:
        """Show the type only: values are personal data."""
        return f"<Identifier {self.type}=…>"


def format_profile_id(node: NodeId) -> str:
    """Write the id of the profile that `node` names, in the form of a UUID.

    Every profile id is the id of one identity node, the oldest of the person's, so an id once given
    resolves for ever: look up the node, and see whose it is now.
    """
    return str(uuid.UUID(bytes=node))


def parse_profile_id(text: str) -> NodeId | None:
    """Read what `format_profile_id` wrote; None when it is not a profile id."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return None
