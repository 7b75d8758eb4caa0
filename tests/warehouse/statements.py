"""What tests of models share: relations, statements, and models made of them."""

from __future__ import annotations

from onefold.model import Column, Relation
from onefold.warehouse.models.model import Model

PROFILE = Relation(
    "golden",
    "profile",
    (
        Column("profile_id", "bigint"),
        Column("city", "text", "personal"),
        Column("email", "text", "identifier"),
        Column("revenue", "integer"),
        Column("attributes", "json", "personal"),
    ),
    "view",
)
EVENT = Relation(
    "staging",
    "event",
    (
        Column("event_id", "bigint"),
        Column("profile_id", "bigint"),
        Column("name", "text"),
        Column("amount", "integer"),
        Column("day", "date"),
        Column("campaign", "text"),
    ),
    "log",
)
RELATIONS = (PROFILE, EVENT)

STATEMENTS = {
    "copy": "SELECT profile_id, city FROM golden.profile",
    "star": "SELECT * FROM staging.event",
    "computed": "SELECT profile_id + revenue AS total, upper(city) AS city FROM golden.profile",
    "filter": "SELECT profile_id, city FROM golden.profile WHERE revenue > 5",
    "aggregate": "SELECT name, sum(amount) AS total, count(*) AS n FROM staging.event GROUP BY name",
    "group all": "SELECT name, max(amount) AS most FROM staging.event GROUP BY ALL",
    "having": "SELECT name, max(day) AS last FROM staging.event GROUP BY 1 HAVING sum(amount) > 40",
    "join": "SELECT p.city, e.amount FROM golden.profile AS p JOIN staging.event AS e ON p.profile_id = e.profile_id",
    "left join": "SELECT p.city, e.name FROM golden.profile p LEFT JOIN staging.event e USING (profile_id)",
    "with": """WITH gift AS (SELECT profile_id, sum(amount) AS given FROM staging.event WHERE name = 'a' GROUP BY 1)
        SELECT p.city, g.given FROM golden.profile p JOIN gift g ON g.profile_id = p.profile_id""",
    "nested": "SELECT o.c FROM (SELECT i.city AS c, i.revenue AS r FROM golden.profile AS i) AS o WHERE o.r > 4",
    "union all": "SELECT city AS word FROM golden.profile UNION ALL SELECT name FROM staging.event",
    "union": "SELECT city AS word, revenue AS n FROM golden.profile UNION SELECT name, amount FROM staging.event",
    "except": "SELECT profile_id FROM golden.profile EXCEPT SELECT profile_id FROM staging.event",
    "intersect": "SELECT profile_id FROM golden.profile INTERSECT SELECT profile_id FROM staging.event",
    "distinct": "SELECT DISTINCT name, campaign FROM staging.event",
    "window": "SELECT event_id, sum(amount) OVER (PARTITION BY name ORDER BY day) AS running FROM staging.event",
    "qualify": """SELECT event_id, amount FROM staging.event
        QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY day, event_id) = 1""",
    "top": "SELECT event_id FROM staging.event ORDER BY amount DESC, event_id LIMIT 5",
    "in": """SELECT p.city FROM golden.profile AS p
        WHERE p.profile_id IN (SELECT e.profile_id FROM staging.event AS e WHERE e.amount > 12)""",
    "exists": """SELECT p.city FROM golden.profile AS p
        WHERE EXISTS (SELECT 1 FROM staging.event AS e WHERE e.profile_id = p.profile_id AND e.name = 'a')""",
    "scalar": """SELECT p.city, (SELECT max(e.amount) FROM staging.event AS e WHERE e.profile_id = p.profile_id) AS most
        FROM golden.profile AS p""",
    "case": "SELECT profile_id, CASE WHEN revenue > 5 THEN city ELSE email END AS shown FROM golden.profile",
    "filtered aggregate": "SELECT name, sum(amount) FILTER (WHERE campaign = 'x') AS x FROM staging.event GROUP BY name",
    "presence": "SELECT profile_id, city IS NULL AS unknown FROM golden.profile",
    "member": "SELECT profile_id, attributes ->> '$.plan' AS plan, attributes ->> 'seats' AS seats FROM golden.profile",
    "member through with": "WITH a AS (SELECT attributes AS x FROM golden.profile) SELECT a.x ->> '$.plan' AS plan FROM a",
    "self join": "SELECT a.event_id, b.amount FROM staging.event a JOIN staging.event b ON a.event_id = b.profile_id",
}


def model(name: str, sql: str, **said) -> Model:
    """A model of the project."""
    return Model(name=f"marts.{name}", sql=sql, file=f"models/{name}.sql", **said)
