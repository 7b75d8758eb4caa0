"""The warehouse's files: which keys they know, and what each key means."""

from __future__ import annotations

from onefold.config.kinds import Either, Field, ListOf, MapOf, Record, Scalar, Secret, Text

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

ENGINE = Record(
    {
        "kind": Field(Text(("postgres",)), "What it is: `postgres`, version 14 or newer.", required=True),
        "url": Field(
            Secret(), "Where its address is, such as `env:ANALYTICS_URL`; it holds a password.", required=True
        ),
        "workspace": Field(Text(), "The workspace whose warehouse it holds; needed when the project has several."),
        "prefix": Field(
            Text(pattern=r"^[a-z][a-z0-9_]{0,39}$", shape="lower-case letters, digits and `_`, 40 at most"),
            "What stands before the names of the schemas there: with `cdp_` it is `cdp_golden.profile`. Nothing when "
            "left out.",
        ),
    }
)
