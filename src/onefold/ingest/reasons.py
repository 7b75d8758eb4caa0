"""The reasons for which gate 1 turns an entry away: a closed list, each with a sentence for a person."""

from __future__ import annotations

from onefold.model import Rejected, Suppressed

REASONS: dict[str, str] = {
    # The bytes.
    "empty": "There is nothing in it.",
    "malformed_json": "It is not JSON.",
    "bad_compression": "It starts like gzip or zlib and cannot be decompressed.",
    "bad_utf8": "It holds bytes that are not UTF-8.",
    "not_a_number": "It holds NaN or Infinity, which JSON has not.",
    "duplicate_key": "An object states the same key twice, so one of the values would be lost.",
    "not_an_object": "It is JSON, but no object.",
    # The limits.
    "too_large": "The event has more bytes than one event may have.",
    "too_deep": "Objects and lists are nested deeper than allowed.",
    "string_too_long": "A text has more characters than allowed.",
    "too_many_keys": "An object has more keys than allowed.",
    "too_many_identifiers": "The event states more identifiers than allowed.",
    "message_id_too_long": "The message id has more characters than allowed.",
    # The meaning.
    "wrong_type": "A field has a type that cannot be meant.",
    "unknown_type": "The call is none of track, identify, page, screen, group, alias and record.",
    "no_event_name": "A track call does not say what happened.",
    "no_identifier": "The event does not say who it is about.",
    # The source's tracking plan.
    "unplanned_event": "The source's tracking plan does not name this event and blocks what it does not name.",
    "plan_violation": "The event breaks the source's tracking plan, which blocks such events.",
    # The rows of files: the reader of the file says these.
    "ambiguous_column": "Several of the object's keys are like one that the mapping names, and none is exactly.",
    "bad_bytes": "The row holds bytes that the file's encoding has not.",
    "bad_cast": "A field cannot be read as the type its mapping states.",
    "bad_json": "The line is no JSON object.",
    "bad_quotes": "A quotation mark opens and never closes, or closes early.",
    "embedded_nul": "The row holds a NUL character.",
    "field_too_long": "A field is longer than allowed.",
    "missing_id": "A column that makes the row's id is blank.",
    "wrong_column_count": "The row has more or fewer fields than the header.",
    "malformed_row": "The row cannot be read.",
    # The records of a topic: the log on Kafka says these.
    "foreign_record": "Something other than Onefold wrote this record to the topic.",
    "damaged_record": "The record cannot be decrypted, although others beside it can.",
}
"""Every `Rejected.reason` that ingest gives, and what it means."""

SUPPRESSIONS: dict[str, str] = {
    "group_without_person": "A group is described on behalf of nobody; there is no profile it could belong to.",
    "not_for_us": "The sender's `integrations` say that the event is not for Onefold.",
    "nothing_to_do": "The request states no change and no event.",
}
"""Every `Suppressed.reason` that ingest gives, and what it means."""


def rejected(reason: str, detail: str = "") -> Rejected:
    """A rejection; `detail` says where, and is the reason's own sentence when left out.

    Raises:
        KeyError: The reason is not in `REASONS`: a metric's label would escape its closed list.
    """
    sentence = REASONS[reason]
    return Rejected(reason, detail or sentence)


def suppressed(reason: str) -> Suppressed:
    """A suppression.

    Raises:
        KeyError: The reason is not in `SUPPRESSIONS`.
    """
    if reason not in SUPPRESSIONS:
        raise KeyError(reason)
    return Suppressed(reason)


def wrong_type(pointer: str, expected: str) -> Rejected:
    """The rejection of a field whose type cannot be meant: its JSON pointer, and what it should have been."""
    return Rejected("wrong_type", f"{pointer} should be {expected}.")
