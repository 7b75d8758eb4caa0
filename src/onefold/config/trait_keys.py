"""Trait files: which keys they know, and what each key means. `config.traits` reads them."""

from __future__ import annotations

from onefold.config.kinds import Boolean, Duration, Field, MapOf, Record, Text

_OF_EVENTS = Text()
_OF_PROPERTY = Text()

FUNCTIONS = {
    "count": Field(_OF_EVENTS, "How many such events there were: `count: Donation Completed`."),
    "exists": Field(_OF_EVENTS, "Whether there was such an event."),
    "sum": Field(_OF_PROPERTY, "Sum of a property: `sum: Donation Completed.amount`. Money is exact, in one currency."),
    "average": Field(_OF_PROPERTY, "Mean of a property."),
    "min": Field(_OF_PROPERTY, "Least number in a property."),
    "max": Field(_OF_PROPERTY, "Greatest number in a property."),
    "first": Field(_OF_EVENTS, "Time of the first such event or, with a property, what the first one states there."),
    "last": Field(_OF_EVENTS, "Time of the last such event or, with a property, what the last one states there."),
    "unique_count": Field(_OF_PROPERTY, "How many different values of a property, or, with `per`, how many periods."),
    "most_frequent": Field(_OF_PROPERTY, "The commonest value of a property."),
    "streak": Field(_OF_EVENTS, "How many periods (`per`) in a row have such an event, up to the latest that has one."),
}

TRAIT = Record(
    {
        **FUNCTIONS,
        "where": Field(Text(), "Which of the events count: a rule about their properties, such as `amount > 0`."),
        "within": Field(
            Duration(),
            "Only events of the last so many whole days (UTC), today besides, or of hours where it is not whole days; "
            "all there ever were when left out.",
        ),
        "per": Field(
            Text(("day", "week", "month", "year")),
            "The calendar period that `streak` and `unique_count` count, in UTC.",
        ),
        "then": Field(
            Record(
                {
                    "event": Field(Text(), "The event that follows.", required=True),
                    "where": Field(Text(), "Which of them count."),
                    "within": Field(Duration(), "At most how much later, in whole days or hours.", required=True),
                    "absent": Field(
                        Boolean(), "Whether it must not follow; so far this is true once the time is over. False."
                    ),
                }
            ),
            "Of `exists`: what has to follow such an event.",
        ),
        "currency": Field(
            Text(pattern=r"^[A-Z]{3}$", shape="a three-letter currency such as `USD`"),
            "Of money: the currency whose amounts count; the project's when left out.",
        ),
        "description": Field(Text(), "What it is for."),
        "owner": Field(Text(), "Who answers for it."),
    }
)

TRAITS = Record({"traits": Field(MapOf(TRAIT), "Computed traits by name.", required=True)})
