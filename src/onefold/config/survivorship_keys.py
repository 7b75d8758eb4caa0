"""The keys of `survivorship` in profile.yaml: which of several values of a field is shown."""

from __future__ import annotations

from collections.abc import Mapping

from onefold.config.kinds import Field, ListOf, MapOf, Record, Text

_STRATEGIES = (
    "most_recent", "source_rank", "longest", "most_frequent", "most_complete", "mobile_first", "latest_engagement",
)  # fmt: skip
_NAMES = ("name", "first_name", "middle_name", "last_name")
_LATEST = ("address", "street", "city", "state", "region", "postal_code", "country")

PRESETS: Mapping[str, Mapping[str, str]] = {
    "contact": {
        **dict.fromkeys(_NAMES, "longest"),
        **dict.fromkeys(_LATEST, "most_recent"),
        "phone": "mobile_first",
        "email": "latest_engagement",
    }
}
"""Strategies of the usual fields, by one word."""

SURVIVORSHIP = Record(
    {
        "default": Field(Text(_STRATEGIES), "Which value of a field wins; `most_recent` when left out."),
        "preset": Field(
            Text(tuple(PRESETS)),
            "Strategies of the usual fields at once. `contact`: names the longest, phone the mobile first where a number "
            "with its country code tells, e-mail the one used last (`engagement`), address the latest.",
        ),
        "engagement": Field(
            ListOf(Text()),
            "Events that use the values they carry, for `latest_engagement`, in the place of the built-in list (`Email "
            "Opened`, `Email Link Clicked`, `Subscribed`, `Signed In` …); purchases always do.",
        ),
        "fields": Field(MapOf(Text(_STRATEGIES)), "The strategy of single fields, before those of a preset."),
    }
)
