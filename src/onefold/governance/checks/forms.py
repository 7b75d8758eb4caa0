"""Forms of texts: the regular expressions that say whether a text is written as an integer, a date, and so on.

Engines disagree about casts that may fail, and agree about anchored expressions without look-around.
"""

from __future__ import annotations

from onefold.governance.checks.definition import ValueType

_YEAR_MONTH_DAY = (
    r"[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
# Years that 4 divides, of those that 100 divides only where 400 does.
_LEAP_DAY = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
_DAY = rf"(?:{_YEAR_MONTH_DAY}|{_LEAP_DAY})"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?"

FORMS: dict[ValueType, str] = {
    "integer": r"^[+-]?[0-9]{1,18}$",
    "decimal": r"^[+-]?(?:[0-9]{1,38}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})$",
    "boolean": r"^(?:true|false)$",
    "date": rf"^{_DAY}$",
    "time": rf"^{_DAY}[T ]{_CLOCK}{_OFFSET}$",
    "uuid": r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
}
"""By type of value."""
