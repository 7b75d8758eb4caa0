"""Findings of gate 1: the closed list of their codes, and what each means for the person who reads it."""

from __future__ import annotations

from typing import Any

from onefold.model import Finding

STATED_MAX = 50
"""Findings that are taken over from one row."""
_WHERE_MAX = 200

FINDINGS = {
    "bad_timestamp": "The stated time could not be read, so the event is dated to its receipt.",
    "bad_sent_at": "The stated sending time could not be read, so the sender's clock is not corrected.",
    "ambiguous_timestamp": "The stated time can be read day first or month first, so the event is dated to its receipt.",
    "clamped_future": "The stated time lies in the future, so the event is dated to its receipt.",
    "clamped_past": "The stated time lies before 1970, so the event is dated to 1970.",
    "identifier_ignored": "An identifier is stated in a form that is not an identifier, and is ignored.",
    "value_unreadable": "A field could not be read as the type its mapping states; its text is kept in the event's context.",
    "short_row": "The row leaves out fields at its end, which are taken for blank.",
    "text_garbled": "A text seems to have been read in a wrong encoding before (`Ã¼` for `ü`), and is kept as it is.",
    "encoding_unsure": "The file's encoding was not certain, and the row holds characters that depend on it.",
    "identifier_blocked": "An identifier is a value that identifies nobody (`null`, `anonymous`, zeros), and is refused.",
    "identifier_damaged": "An identifier lost characters on its way (half an emoji), and is refused.",
    "identifier_empty": "An identifier holds nothing but invisible characters, and is refused.",
    "identifier_too_long": "An identifier is longer than identifiers are, and is refused.",
    "identifier_placeholder": "An identifier is a placeholder by its form (`{{id}}`, `user_id`, `11111111`), and is refused.",
    "identifier_mangled": "An identifier is a spreadsheet's error or rounding (`#REF!`, `1.23457E+11`), and is refused.",
    "identifier_suspected": "An identifier may be a placeholder (`11111`, `noreply@…`) that identifies nobody; it counts.",
    "identifier_unwrapped": "An identifier was taken out of what stood around it (a name, quotation marks, an apostrophe).",
    "identifiers_split": "A field held several identifiers, and each was taken.",
    "invisible_characters": "An identifier held invisible characters, which were left out.",
    "decimal_id": "An identifier was written as a decimal number (`42.0`) and read as the whole number.",
    "phone_country_assumed": "A phone number is none of the region and was read as if it began with a plus.",
    "phone_impossible": "A phone number cannot exist (too short, too long, none of its region), and is refused.",
    "email_invalid": "An e-mail address could not be read, and is refused.",
    "phone_invalid": "A phone number could not be read, and is refused.",
    "field_ignored": "A field was not understood, and has no effect; it stays in the log.",
    "case_differs": "A field is named like one that Onefold knows but for its capitals, and is read as that one.",
    "text_damaged": "A text holds half of a character, which was replaced (U+FFFD).",
    "number_as_text": "A number is larger than 64 bits hold, and was kept as text.",
    "merge_requested": "The event asks to join two ids; the identity rules decide, and `onefold explain` tells.",
    "group_without_id": "A group is spoken of and not named, so what is said of it has no effect.",
    "group_ignored": "A group's id or traits have a type that cannot be meant, and have no effect.",
    "operation_ignored": "An operation on a profile is not one that Onefold carries out, and changes nothing.",
    "consent_unreadable": "A statement of consent could not be read, and counts as a no.",
    "contact_of_event": "An e-mail or phone in an event's properties may be somebody else's; it is kept and names nobody.",
    "omitted_by_plan": "Fields that the tracking plan does not allow were left out.",
    "trait_dropped": "A trait with a name or value that is too large is not kept on the profile; the log has it.",
    "list_cut": "A list of ids or groups is longer than is read of one event; what is behind the limit has no effect.",
    "more_findings": "More was found in the event than its findings list.",
    "large": "The event is larger than recommended.",
    "beyond_batch_limit": "The batch has more items than recommended.",
}
"""By code: a sentence for the person who reads it. A code is never renamed: it is counted, and stands in metrics."""


def stated(listed: Any) -> tuple[Finding, ...]:
    """The findings that the reader of a file wrote into a row, as `[{"code": …, "where": …}]`.

    What is not in the closed list, or places nothing, is dropped: a row is data from outside.
    """
    if type(listed) is not list:
        return ()
    read = []
    for found in listed[:STATED_MAX]:
        if type(found) is dict and type(code := found.get("code")) is str and code in FINDINGS:
            where = found.get("where", "")
            if type(where) is str:
                # Of a column whose name is a paragraph it is still told that there is something.
                read.append(Finding(code, where if len(where) <= _WHERE_MAX and where.isprintable() else ""))
    if len(listed) > STATED_MAX:
        read.append(Finding("more_findings"))
    return tuple(dict.fromkeys(read))


def finding(code: str, where: str = "") -> Finding:
    """A finding.

    Raises:
        KeyError: The code is not in the closed list.
    """
    FINDINGS[code]
    return Finding(code, where)
