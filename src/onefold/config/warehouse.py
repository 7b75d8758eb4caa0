"""The warehouse's files: which keys they know, and what each key means."""

from __future__ import annotations

from onefold.config.kinds import Either, Field, ListOf, MapOf, Record, Scalar, Text

CLASSES = ("none", "personal", "identifier", "sensitive")

MODELS = Record(
    {
        "models": Field(
            MapOf(
                Record(
                    {
                        "description": Field(Text(), "What one row is, and for whom."),
                        "owner": Field(Text(), "Who answers for it; `onefold run --select owner:…`."),
                        "tags": Field(ListOf(Text()), "Words to select it by; `onefold run --select tag:…`."),
                        "schema": Field(
                            Text(("marts", "golden", "dimensions")), "First part of its name; `marts` when left out."
                        ),
                        "materialized": Field(
                            Text(("view", "table", "incremental")),
                            "`view`: computed when it is asked. `table`: computed by `onefold run`. `incremental`: the same, "
                            "for the keys that changed since the last run. `view` when left out.",
                        ),
                        "key": Field(ListOf(Text(), 1), "Columns that together tell its rows apart."),
                        "columns": Field(
                            MapOf(
                                Record(
                                    {
                                        "description": Field(Text(), "What it holds."),
                                        "personal": Field(
                                            Text(CLASSES),
                                            "What its values tell of people; when left out, the highest class of the "
                                            "columns it is computed from.",
                                        ),
                                        "tests": Field(
                                            ListOf(
                                                Either(scalar=Text(("not_null", "unique")), mapping=MapOf(Scalar()))
                                            ),
                                            "What must hold of its values.",
                                        ),
                                    }
                                )
                            ),
                            "Its columns, by name; those not named are there, too.",
                        ),
                    }
                )
            ),
            "By file name without `.sql`.",
            required=True,
        )
    }
)
