"""The warehouse's files: which keys they know, and what each key means."""

from __future__ import annotations

from onefold.config.kinds import Duration, Field, Integer, ListOf, MapOf, Record, Secret, Text
from onefold.warehouse.calendar import SHAPE

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
                                            ListOf(Text(("not_null", "unique"))),
                                            "What must hold of its values; `onefold check` looks.",
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

_DATE = Text(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", shape="a date such as `2026-10-05`")
_NAME = Field(Text(), "Its name.", required=True)

CALENDAR = Record(
    {
        "fiscal_year_start": Field(Integer(1, 12), "Month in which fiscal years begin; 1 when left out."),
        "fiscal_year_named": Field(
            Text(("end", "start")), "Whether a fiscal year is called by the year it ends or starts in; `end`."
        ),
        "first_year": Field(Integer(1900, 2200), "First year of `dimensions.dim_date`; 2000 when left out."),
        "last_year": Field(Integer(1900, 2200), "Last year of it; 2040 when left out."),
        "holidays": Field(
            ListOf(Record({"name": _NAME, "when": Field(Text(), f"When it is: {SHAPE}.", required=True)})),
            "Holidays of every year, or of one.",
        ),
        "pledge_drives": Field(
            ListOf(
                Record(
                    {
                        "name": _NAME,
                        "from": Field(_DATE, "First day.", required=True),
                        "to": Field(_DATE, "Last day.", required=True),
                    }
                )
            ),
            "Pledge drives, or other periods that have a name.",
        ),
        "campaigns": Field(
            ListOf(
                Record(
                    {
                        "code": Field(
                            Text(), "What events name it by, in `campaign_code`, `campaign` or `appeal`.", required=True
                        ),
                        "name": _NAME,
                        "type": Field(Text(), "Such as pledge_drive, annual_appeal, special."),
                        "channel": Field(Text(), "Such as radio, email, direct_mail, digital."),
                        "from": Field(_DATE, "First day."),
                        "to": Field(_DATE, "Last day."),
                        "audience": Field(Text(), "Whom it is meant for."),
                        "goal": Field(
                            Text(pattern=r"^[0-9]{1,18}(\.[0-9]{1,9})?$", shape="an amount such as `250000`"),
                            "What it is to bring.",
                        ),
                    }
                )
            ),
            "Campaigns, for `dimensions.campaign`.",
        ),
    }
)

PRIVACY = Record(
    {
        "attributes": Field(
            MapOf(Text(CLASSES)), "What attributes of people (traits) tell of them; `personal` when left out."
        ),
        "properties": Field(
            MapOf(Text(CLASSES)), "What properties of events tell of people; `personal` when left out."
        ),
        "columns": Field(
            MapOf(Text(CLASSES)), "The class of a column of a relation, such as `golden.profile.stage`, beside its own."
        ),
        "roles": Field(
            MapOf(
                Record(
                    {
                        name: Field(Text(("show", "hide", "shorten")), f"How {name} values are shown; `hide`.")
                        for name in CLASSES[1:]
                    }
                )
            ),
            "Roles of readers: for each class of personal data `show`, `hide`, or `shorten` (`a***@example.org`).",
        ),
        "retention": Field(
            MapOf(Duration()),
            "How long the warehouse keeps values of a class, by class: those of events by when they happened, those of "
            "earlier rows of `golden.profile_change` by when they became known; for ever when left out.",
        ),
    }
)

ENGINE = Record(
    {
        "kind": Field(
            Text(("postgres", "clickhouse", "spark", "snowflake", "bigquery")),
            "What it is: `postgres`, version 14 or newer, `clickhouse`, 25.8 or newer, `spark`, 4.1 with Delta, `snowflake`"
            " or `bigquery`; the last two are tested against emulators only.",
            required=True,
        ),
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

STORAGE = Record(
    {
        "url": Field(
            Text(pattern=r"^s3://[a-z0-9][a-z0-9.-]{2,62}(/[A-Za-z0-9._/-]*)?$", shape="`s3://BUCKET/PREFIX`"),
            "Where the files are: `s3://BUCKET/PREFIX`.",
            required=True,
        ),
        "endpoint": Field(Text(), "Address of the store, such as `https://s3.example.org`; that of AWS when left out."),
        "region": Field(Text(), "Its region; `us-east-1` when left out."),
        "access_key": Field(Secret(), "Where the access key is.", required=True),
        "secret_key": Field(Secret(), "Where the secret key is.", required=True),
        "cache_mb": Field(
            Integer(16, 10_000_000),
            "MB of copies, sealed like the files, that are kept on the disk; 10000 when left out.",
        ),
    }
)
