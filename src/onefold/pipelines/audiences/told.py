"""Reasons as they are told."""

from __future__ import annotations

from onefold.audiences import reason as reasons
from onefold.model import results


def reason_told(body: bytes) -> results.MembershipReason:
    """A stored reason as the service answers it."""
    reason = reasons.decode(body)
    return results.MembershipReason(
        because=reason.because,
        conditions=tuple(
            results.ConditionChange(condition=c.condition, before=c.before, now=c.now) for c in reason.conditions
        ),
        partition=reason.partition,
        offset=reason.offset,
        profile_id=reason.profile_id,
    )
