"""The project's files: which keys each knows, and what each key means."""

from __future__ import annotations

import re

from onefold.config.check_keys import CHECKS
from onefold.config.kinds import (
    Boolean,
    Duration,
    Either,
    Field,
    Free,
    Integer,
    ListOf,
    MapOf,
    Record,
    Scalar,
    Secret,
    Size,
    Text,
)
from onefold.config.mappings import MAPPING
from onefold.config.match_keys import MATCH
from onefold.config.rfm import RFM
from onefold.config.segments import SEGMENTS
from onefold.config.sign_in_keys import SIGN_IN
from onefold.config.survivorship_keys import SURVIVORSHIP
from onefold.config.trait_keys import TRAITS
from onefold.config.warehouse import CALENDAR, ENGINE, MODELS, PRIVACY, STORAGE
from onefold.warehouse.promoted import TYPES

NAME = Text(
    pattern=r"^[a-z][a-z0-9_-]{0,62}$",
    shape="a name of lower-case letters, digits, `_` and `-`, starting with a letter",
)
NAME_PATTERN = re.compile(NAME.pattern)

ONEFOLD = Record(
    {
        "version": Field(Integer(1, 1), "Version of this file's form; 1.", required=True),
        "workspace": Field(NAME, "Name of the workspace: everything one organisation knows, apart from all others."),
        "workspaces": Field(
            ListOf(NAME, 1), "Several workspaces, instead of `workspace`; each source then names its own."
        ),
        "data": Field(Text(), "Folder of the stores, relative to this file; `data` when left out."),
        "log": Field(
            Record(
                {
                    "kind": Field(Text(("sqlite", "kafka")), "What keeps it; `sqlite`, a file, when left out."),
                    "partitions": Field(Integer(1, 256), "How many workers can share the work at most; 1."),
                    "brokers": Field(Text(), "Kafka: `host:port`, several separated by commas."),
                    "prefix": Field(
                        NAME,
                        "Kafka: first part of the topics' names; `onefold`. Installations that share a cluster differ.",
                    ),
                    "replication": Field(Integer(1, 32), "Kafka: copies of each partition; 3 when left out."),
                    "min_insync": Field(
                        Integer(1, 32), "Kafka: copies that have an entry before it is acknowledged; a majority."
                    ),
                    "options": Field(
                        MapOf(Scalar()), "Kafka: further properties of librdkafka, such as `security.protocol`."
                    ),
                    "credentials": Field(
                        MapOf(Secret()), "Kafka: properties that are secrets, such as `sasl.password`, by reference."
                    ),
                }
            ),
            "The event log.",
        ),
        "store": Field(
            Record(
                {
                    "kind": Field(Text(("sqlite", "postgres")), "What keeps it; `sqlite`, a file, when left out."),
                    "dsn": Field(
                        Secret(), "PostgreSQL: where its address is, such as `env:ONEFOLD_STORE`; it holds a password."
                    ),
                }
            ),
            "The profile store. The environment variable ONEFOLD_STORE, a PostgreSQL address, goes before it.",
        ),
        "keys": Field(
            Record(
                {
                    "root": Field(
                        Secret(), "Where the root key is (32 random bytes): `file:…` or `env:…`.", required=True
                    )
                }
            ),
            "Encryption keys, by reference.",
            required=True,
        ),
        "warehouse": Field(
            Record(
                {
                    "engines": Field(
                        MapOf(ENGINE), "Databases of yours that hold copies of the warehouse, by a name of your choice."
                    ),
                    "retention": Field(
                        MapOf(Duration()),
                        "How long rows are kept: `staging.event` by when they happened, `golden.profile_change` by when they "
                        "became known, `raw` by when they were received; for ever when left out. What the present is made of "
                        "stays. Values of a class of personal data: `retention` of `privacy.yaml`.",
                    ),
                    "storage": Field(
                        STORAGE, "An S3-compatible store in which segment files are kept; on the disk when left out."
                    ),
                    "promoted": Field(
                        MapOf(Text(TYPES)),
                        "Properties of events that have a column of their own, `property_NAME`, beside the JSON, each with "
                        "its type; those that models read as text have one without being named here.",
                    ),
                }
            ),
            "The warehouse.",
        ),
        "worker": Field(
            Record(
                {
                    "stall": Field(
                        Duration(),
                        "How long a batch may make no progress before its worker is ended and the entry at fault set "
                        "aside; `30s` when left out.",
                    )
                }
            ),
            "Whoever processes what was collected.",
        ),
        "server": Field(
            Record(
                {
                    "host": Field(Text(), "Address to listen on; `127.0.0.1` when left out."),
                    "port": Field(Integer(1, 65535), "Port to listen on; 8484 when left out."),
                    "allow_public": Field(
                        Boolean(), "Whether `host` may be more than this machine; false when left out."
                    ),
                    "max_request": Field(
                        Size(), "Largest request body; decompressed it may have twice as much. `4MB` when left out."
                    ),
                    "public_url": Field(
                        Text(),
                        "The address by which browsers and SDKs reach it, such as `https://cdp.example.org`; "
                        "the one they call when left out.",
                    ),
                    "trusted_proxies": Field(
                        ListOf(Text()),
                        "Addresses or networks of proxies whose forwarded headers count; this machine when left out.",
                    ),
                    "max_head": Field(
                        Size(),
                        "Largest request line and headers together; `32KB` when left out. A larger one gets 431.",
                    ),
                    "head_timeout": Field(
                        Duration(), "Time within which a request's headers must arrive; `10s` when left out."
                    ),
                    "request_timeout": Field(
                        Duration(), "Time within which a whole request must arrive; `30s` when left out."
                    ),
                    "idle_timeout": Field(
                        Duration(), "Time for which a connection that nobody uses is kept; `65s` when left out."
                    ),
                    "connections": Field(
                        Integer(8, 1_000_000),
                        "Most connections at once; as many as the process may open files, less a reserve, when left out.",
                    ),
                    "connections_per_address": Field(
                        Integer(1, 1_000_000),
                        "Most connections of one address, trusted proxies apart; 256 when left out.",
                    ),
                }
            ),
            "The HTTP server.",
        ),
        "sign_in": Field(SIGN_IN, "Signing in to the console by an identity provider, beside accounts with passwords."),
        "limits": Field(
            Record(
                {
                    "enabled": Field(Boolean(), "Whether rates are limited; true when left out."),
                    "ingest_per_minute": Field(
                        Integer(1), "Collect requests of servers per source key and minute; 100."
                    ),
                    "lookups_per_minute": Field(Integer(1), "Profile look-ups per API key and minute; 300."),
                    "operations_per_minute": Field(Integer(1), "Source and webhook operations per key and minute; 30."),
                    "visitor_per_minute": Field(
                        Integer(1), "Collect requests per minute of one visitor (an address) to one source; 1,200."
                    ),
                    "visitor_burst": Field(Integer(1), "Of these, how many may come at once; 6,000."),
                    "visitors_per_minute": Field(
                        Integer(1), "Collect requests per minute of all visitors of a source together; 60,000."
                    ),
                }
            ),
            "Rate limits.",
        ),
        "events": Field(
            Record(
                {
                    "max_size": Field(
                        Size(), "Largest event; a larger one becomes a dead letter. `512KB` when left out."
                    ),
                    "warn_size": Field(Size(), "Size from which an event is flagged `large`; `32KB` when left out."),
                    "max_trait": Field(
                        Size(),
                        "Largest value of a trait; a larger one is not kept on the profile. `8KB` when left out.",
                    ),
                    "max_depth": Field(Integer(4, 128), "Deepest nesting of an event; 32 when left out."),
                }
            ),
            "Limits of a single event.",
        ),
    }
)

SOURCE = Record(
    {
        "name": Field(NAME, "Name of the source; the file's name when left out."),
        "kind": Field(Text(("http", "file")), "`http`: SDKs send events. `file`: rows are loaded.", required=True),
        "workspace": Field(NAME, "The workspace it feeds; needed when the project has several."),
        "rank": Field(Integer(1, 1000), "Trust in survivorship: 1 is trusted most; 100 when left out."),
        "ids": Field(
            NAME,
            "The source whose ids this one uses, too, when two exports come from one system: `.contact_id` in a mapping "
            "means the same ids in both. Its own when left out.",
        ),
        "allowed_origins": Field(
            ListOf(
                Text(pattern=r"^(\*|https?://[^/\s]+)$", shape="`*` or an origin such as `https://www.example.org`")
            ),
            "Web origins whose browsers may send; any when left out.",
        ),
        "sent_by": Field(
            Text(("servers", "visitors")),
            "Whose limits hold: a key's (`servers`) or each visitor's (`visitors`: pages, apps). "
            "When left out, requests of web pages and pixels count as visitors'.",
        ),
        "visitors_per_minute": Field(
            Integer(1), "Collect requests per minute of all its visitors; as in `limits` when left out."
        ),
        "tracking_plan": Field(
            Record(
                {
                    "unknown_events": Field(
                        Text(("allow", "block")), "What to do with an event the plan does not name; allow."
                    ),
                    "violations": Field(
                        Text(("allow", "block", "omit")),
                        "`allow`: keep and note. `block`: dead letter. `omit`: drop what breaks the plan.",
                    ),
                    "events": Field(
                        MapOf(Free()),
                        "For each event name, the JSON Schema of its properties; patterns are RE2's.",
                        required=True,
                    ),
                }
            ),
            "What events of this source must look like.",
        ),
    }
)

IDENTITY = Record(
    {
        "default_region": Field(
            Text(pattern=r"^[A-Z]{2}$", shape="a two-letter country such as `US`"),
            "Country of phone numbers written without a country code.",
        ),
        "alias_beyond_limits": Field(
            Boolean(),
            "Whether an alias call joins two identifiers of one type, such as two user ids, beyond its limit; true when left "
            "out. Values of a `unique` type are never joined.",
        ),
        "match": Field(
            MATCH, "Records are matched by names, addresses and dates of birth, too; every night where this is there."
        ),
        "types": Field(
            MapOf(
                Record(
                    {
                        "priority": Field(
                            Integer(0, 100), "Strength, 0 to 100: an event is anchored to its strongest identifier."
                        ),
                        "limit": Field(Integer(1, 10_000), "Most identifiers of this type that one person may have."),
                        "within": Field(Duration(), "The window the limit holds for; for ever when left out."),
                        "unique": Field(Boolean(), "Two different values are never one person."),
                        "shared_after": Field(
                            Integer(2, 10_000), "Known to this many people, it is shared and links nobody."
                        ),
                        "like": Field(
                            Text(("id", "email", "phone", "device_id")),
                            "How values are normalised; `id` when left out.",
                        ),
                    }
                )
            ),
            "Identifier types: changes to the built-in ones, and the project's own.",
        ),
        "property_identifiers": Field(
            MapOf(ListOf(Text(("email", "phone")))),
            "For each event name, which of its properties `email` and `phone` are the sender's own; an empty list for none.",
        ),
        "generic_addresses": Field(
            ListOf(Text()),
            "What stands before the @ of e-mail addresses that are nobody's own, in the place of the built-in list (`info`, "
            "`office`, `noreply` …); such an address links nobody. An empty list: none.",
        ),
        "blocked": Field(
            Record(
                {
                    "values": Field(ListOf(Scalar()), "Values that never identify anybody, besides the built-in ones."),
                    "patterns": Field(ListOf(Text()), "The same with `*` and `?` (`test*@example.com`)."),
                    "except": Field(
                        ListOf(Scalar()), "Values that look like placeholders and are somebody's all the same."
                    ),
                }
            ),
            "Values that identify nobody.",
        ),
    }
)

PROFILE = Record(
    {
        "survivorship": Field(SURVIVORSHIP, "Which of several values of a field is shown."),
        "max_state": Field(
            Size(),
            "About the most that what is known at one identifier may take; of more, a fixed choice is kept. `256KB`.",
        ),
        "sessions": Field(Record({"gap": Field(Duration(), "Pause that ends a session; `30m`.")}), "Visits."),
        "purchases": Field(
            Record(
                {
                    "events": Field(
                        MapOf(Either(scalar=Text(), sequence=ListOf(Text(), 1))),
                        "Events that are purchases, and the properties that hold the amount, first found first.",
                    ),
                    "currency": Field(
                        Text(pattern=r"^[A-Z]{3}$", shape="a three-letter currency such as `USD`"),
                        "Currency of amounts that state none; `USD`.",
                    ),
                }
            ),
            "What counts as a purchase.",
        ),
        "lifecycle": Field(
            Record(
                {
                    "churn_after": Field(
                        Duration(), "Time without activity after which a customer has churned; `90d`."
                    ),
                    "stages": Field(
                        ListOf(
                            Record(
                                {
                                    "name": Field(NAME, "Name of the stage.", required=True),
                                    "when": Field(
                                        Text(),
                                        "Rule that puts a person there; the last stage that holds wins.",
                                        required=True,
                                    ),
                                }
                            ),
                            1,
                        ),
                        "Stages in rising order.",
                    ),
                }
            ),
            "Where a person stands.",
        ),
    }
)

FILES = {
    "onefold": ONEFOLD,
    "source": SOURCE,
    "identity": IDENTITY,
    "profile": PROFILE,
    "mapping": MAPPING,
    "models": MODELS,
    "checks": CHECKS,
    "segments": SEGMENTS,
    "calendar": CALENDAR,
    "privacy": PRIVACY,
    "traits": TRAITS,
    "rfm": RFM,
}
"""By the name under which the JSON Schema is published."""
