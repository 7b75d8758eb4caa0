"""Findings of gate 1: the closed list of their codes, and what each means for the person who reads it."""

from __future__ import annotations

from onefold.model import Finding

FINDINGS = {
    "bad_timestamp": "The stated time could not be read, so the event is dated to its receipt.",
    "bad_sent_at": "The stated sending time could not be read, so the sender's clock is not corrected.",
    "ambiguous_timestamp": "The stated time can be read day first or month first, so the event is dated to its receipt.",
    "clamped_future": "The stated time lies in the future, so the event is dated to its receipt.",
    "clamped_past": "The stated time lies before 1970, so the event is dated to 1970.",
    "identifier_ignored": "An identifier is stated in a form that is not an identifier, and is ignored.",
    "value_unreadable": "A field could not be read as the type its mapping states; its text is kept in the event's context.",
    "short_row": "The row leaves out fields at its end, which are taken for blank.",
    "encoding_unsure": "The file's encoding was not certain, and the row holds characters that depend on it.",
    "consent_unreadable": "A statement of consent could not be read, and changes nothing.",
    "omitted_by_plan": "Fields that the tracking plan does not allow were left out.",
    "large": "The event is larger than recommended.",
    "beyond_batch_limit": "The batch has more items than recommended.",
}
"""By code: a sentence for the person who reads it. A code is never renamed: it is counted, and stands in metrics."""


def finding(code: str, where: str = "") -> Finding:
    """A finding.

    Raises:
        KeyError: The code is not in the closed list.
    """
    FINDINGS[code]
    return Finding(code, where)
