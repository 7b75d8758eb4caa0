"""Queries that every warehouse answers alike, and the rows that they ask: every primitive a dialect translates is in one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pyarrow as pa

from onefold.model import Column, Relation

A, B, C = (UUID(int=n << 64 | n) for n in (3, 1, 2))
GIFT = Relation(
    "marts",
    "gift",
    (
        Column("id", "bigint", required=True),
        Column("donor", "uuid"),
        Column("name", "text", "personal"),
        Column("amount", "decimal"),
        Column("weight", "double"),
        Column("many", "integer"),
        Column("at", "timestamp"),
        Column("day", "date"),
        Column("kept", "boolean"),
        Column("about", "json"),
        Column("nodes", "uuids"),
    ),
    description="Gifts, with whatever engines are apt to tell otherwise.",
    key=("id",),
)
_ROWS = [
    (1, A, "Ärmel", "10.50", 0.1, 3, "2026-01-31 23:59:59.999999", date(2026, 1, 31), True,
     '{"city":"Zürich","n":1.5,"deep":{"x":"y"},"on":true,"none":null}', [A, B]),
    (2, A, "arm", "0.000000001", 2.5, -7, "2026-02-01 00:00:00.000000", date(2026, 2, 1), False, '{"city":"a\\"b"}', []),
    (3, B, "Zoë", "9999999999999999999999999999.999999999", -1e300, 2147483647, "1969-12-31 23:00:00.000000",
     date(1969, 12, 31), None, None, [C]),
    (4, None, None, None, None, None, None, None, None, None, None),
    (5, C, "", "-3.333333333", 0.0, 0, "2024-02-29 12:00:00.000000", date(2024, 2, 29), True, "{}", None),
    (6, B, "a%b\\c_d'\"\n,", "7", 1e-5, 5, "2026-11-22 01:02:03.004000", date(2026, 11, 22), False,
     '{"city":"日本","list":[1,2],"n":12345678901}', [B, A, C]),
    (7, C, "İstanbul ß 😀", "12.00", 3.5, 5, "2026-11-23 00:00:00.000000", date(2026, 11, 23), True, '{"city":""}', [A]),
]  # fmt: skip


def gifts() -> pa.Table:
    """The rows of `GIFT`."""
    columns = dict(zip((column.name for column in GIFT.columns), zip(*_ROWS, strict=True), strict=True))
    columns["donor"] = [donor and str(donor) for donor in columns["donor"]]
    columns["nodes"] = [nodes if nodes is None else [str(node) for node in nodes] for nodes in columns["nodes"]]
    exact = [amount and Decimal(amount) for amount in columns.pop("amount")]
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    return table.append_column("amount", pa.array(exact, pa.decimal128(38, 9)))


QUERIES = {
    "whole division, towards nought": """
        SELECT id, many // 2 AS half, many // NULLIF(many - 5, 0) AS other FROM marts.gift ORDER BY id
    """,
    "the end of a text": "SELECT id, RIGHT(name, 2) AS two, RIGHT(name, 0) AS none FROM marts.gift ORDER BY id",
    "every column as it is": "SELECT * FROM marts.gift ORDER BY id",
    "text in the order of its bytes": "SELECT name, id FROM marts.gift ORDER BY name",
    "text in falling order, nulls last": "SELECT name, id FROM marts.gift ORDER BY name DESC, id",
    "nulls first where that is said": "SELECT id FROM marts.gift ORDER BY amount DESC NULLS FIRST, id",
    "ids in order": "SELECT donor, id FROM marts.gift ORDER BY donor, id DESC",
    "comparisons of text": "SELECT id FROM marts.gift WHERE name > 'Z' AND name <> '' ORDER BY id",
    "nothing": "SELECT id, amount FROM marts.gift WHERE id > 100",
    "some": "SELECT DISTINCT donor FROM marts.gift WHERE donor IS NOT NULL ORDER BY donor LIMIT 2 OFFSET 1",
    "nulls in conditions": (
        "SELECT id, kept IS NULL AS unsaid, NOT kept AS lost, amount BETWEEN 0 AND 11 AS small, "
        "kept IS DISTINCT FROM true AS other, kept IS NOT DISTINCT FROM NULL AS same FROM marts.gift ORDER BY id"
    ),
    "sums": (
        "SELECT donor, sum(amount) AS amount, sum(many) AS many, sum(id) AS ids, sum(weight) AS weight, count(*) AS rows, "
        "count(name) AS names, count(DISTINCT kept) AS kinds FROM marts.gift GROUP BY donor ORDER BY donor"
    ),
    "sums of nothing": (
        "SELECT sum(amount) AS s, avg(id) AS a, count(*) AS n, max(name) AS m, "
        "count_if(kept) AS c FROM marts.gift WHERE id < 0"
    ),
    "averages": (
        "SELECT avg(amount) AS a, avg(many) AS m, avg(id) AS i, median(many) AS d, quantile_cont(many, 0.9) AS q "
        "FROM marts.gift WHERE id <> 3"
    ),
    "extremes": (
        "SELECT min(name) AS a, max(name) AS b, min(amount) AS c, max(at) AS d, min(day) AS e, min(donor) AS f, "
        "max(donor) AS g, bool_and(kept) AS h, bool_or(kept) AS i FROM marts.gift"
    ),
    "values of the greatest": (
        "SELECT arg_max(name, amount) AS most, arg_min(name, amount) AS least, arg_max(kept, id) AS kept FROM marts.gift"
    ),
    "conditions of aggregates": (
        "SELECT count_if(kept) AS kept, count(*) FILTER (WHERE many > 2) AS many, count_if(id < 0) AS none, "
        "any_value(name) FILTER (WHERE id = 6) AS one FROM marts.gift"
    ),
    "lists of values": (
        "SELECT donor, list(id ORDER BY id) AS ids, string_agg(name, '|' ORDER BY id) AS names "
        "FROM marts.gift GROUP BY donor ORDER BY donor"
    ),
    "groups with conditions": (
        "SELECT donor, count(*) AS n FROM marts.gift GROUP BY donor HAVING count(*) > 1 ORDER BY n, donor"
    ),
    "arithmetic": (
        "SELECT id, amount + 1 AS a, amount - many AS b, many * 2 AS c, -many AS d, id % 4 AS e, many / 2 AS f, "
        "amount / 3 AS g, abs(many) AS h FROM marts.gift WHERE id NOT IN (3) ORDER BY id"
    ),
    "functions of numbers": (
        "SELECT id, ceil(weight) AS a, floor(weight) AS b, round(weight) AS c, round(weight, 1) AS d, exp(weight) AS e, "
        "sqrt(abs(weight)) AS f, ln(abs(weight) + 1) AS g, pow(weight, 2) AS h, greatest(many, 1, NULL) AS i, "
        "least(many, 1) AS j FROM marts.gift WHERE id <> 3 ORDER BY id"
    ),
    "functions of text": (
        "SELECT id, lower(name) AS a, upper(name) AS b, length(name) AS c, trim(name) AS d, name || '!' AS e, "
        "concat(name, NULL, '!') AS f, replace(name, 'a', 'ö') AS g, substr(name, 2, 3) AS h, substr(name, 2) AS i, "
        "strpos(name, 'a') AS j, starts_with(name, 'a') AS k, contains(name, 'b') AS l, split_part(name, ' ', 2) AS m "
        "FROM marts.gift WHERE id <> 7 ORDER BY id"
    ),
    "patterns": (
        "SELECT id, name LIKE 'a%' AS a, name LIKE '%\\%' AS b, name LIKE '%\\_%' AS c, name ILIKE 'ZOË' AS d, "
        "name ILIKE 'ärm%' AS e, name LIKE '%!%b%' ESCAPE '!' AS f, name NOT LIKE 'a%' AS g FROM marts.gift ORDER BY id"
    ),
    "patterns that are not there": (
        "SELECT id, name NOT ILIKE 'ärm%' AS a, name NOT LIKE '%!%b%' ESCAPE '!' AS b, NOT name ILIKE 'zoë' AS c "
        "FROM marts.gift ORDER BY id"
    ),
    "regular expressions of whole texts": (
        "SELECT id, regexp_matches(name, '^[a-z]{3}$') AS a, regexp_matches(name, '^(Z|a)[^x]{2}$') AS b, "
        "regexp_matches(CAST(amount AS VARCHAR), '^[+-]?[0-9]{1,15}([.][0-9]{1,9})?$') AS c FROM marts.gift ORDER BY id"
    ),
    "parts of times": (
        "SELECT id, date_trunc('month', at) AS a, date_trunc('week', at) AS b, date_trunc('day', day) AS c, "
        "extract(year FROM at) AS d, extract(dow FROM at) AS e, extract(hour FROM at) AS f, year(at) AS g, "
        "month(at) AS h, day(at) AS i, strftime(at, '%Y-%m-%dT%H:%M:%S') AS j, extract(week FROM day) AS k, "
        "date_trunc('quarter', at) AS l, extract(isodow FROM day) AS m, extract(doy FROM day) AS n, epoch(at) AS o, "
        "date_trunc('month', at::DATE) AS p "
        "FROM marts.gift ORDER BY id"
    ),
    "differences of times": (
        "SELECT a.id AS a, b.id AS b, date_diff('day', a.at, b.at) AS days, "
        "date_diff('month', a.at, b.at) AS months, date_diff('quarter', a.at, b.at) AS quarters, "
        "date_diff('year', a.at, b.at) AS years, date_diff('hour', a.at, b.at) AS hours, "
        "date_diff('minute', a.at, b.at) AS minutes, date_diff('second', a.at, b.at) AS seconds, "
        "date_diff('day', a.day, b.day) AS by_date FROM marts.gift AS a CROSS JOIN marts.gift AS b ORDER BY a.id, b.id"
    ),
    "times moved": (
        "SELECT id, at - INTERVAL 30 DAY AS a, at + INTERVAL 1 MONTH AS b, day + INTERVAL 1 DAY AS c, "
        "at >= TIMESTAMP '2026-02-01 00:00:00' AS d, day = DATE '2026-02-01' AS e FROM marts.gift ORDER BY id"
    ),
    "minutes added": "SELECT id, date_add(at, INTERVAL (many) MINUTE) AS a FROM marts.gift WHERE id <> 3 ORDER BY id",
    "casts": (
        "SELECT id, CAST(many AS VARCHAR) AS a, CAST(many AS DOUBLE) AS b, CAST(amount AS DOUBLE) AS c, "
        "CAST(at AS DATE) AS d, CAST(day AS TIMESTAMP) AS e, CAST(kept AS VARCHAR) AS f, CAST(donor AS VARCHAR) AS g, "
        "CAST('12' AS INTEGER) AS h, CAST('1.25' AS DECIMAL(9, 2)) AS i, CAST(weight AS BIGINT) AS j, "
        "CAST('true' AS BOOLEAN) AS k, CAST(amount AS VARCHAR) AS l FROM marts.gift WHERE id <> 3 ORDER BY id"
    ),
    "members of JSON": (
        "SELECT id, json_extract_string(about, '$.city') AS a, about ->> '$.deep.x' AS b, about ->> 'on' AS c, "
        "about ->> '$.none' AS d, about ->> '$.n' AS e, CAST(about -> '$.list' AS VARCHAR) AS f, "
        "json_extract_string(about, '$.deep') AS g FROM marts.gift ORDER BY id"
    ),
    "lists taken apart": "SELECT id, unnest(nodes) AS node FROM marts.gift ORDER BY id, node",
    "members of lists": (
        "SELECT id, list_contains(nodes, CAST('00000000-0000-0003-0000-000000000003' AS UUID)) AS has FROM marts.gift "
        "WHERE nodes IS NOT NULL ORDER BY id"
    ),
    "windows": (
        "SELECT id, row_number() OVER (PARTITION BY donor ORDER BY id) AS a, rank() OVER (ORDER BY many) AS b, "
        "ntile(3) OVER (ORDER BY donor, id) AS j, "
        "dense_rank() OVER (ORDER BY many DESC) AS c, lag(id) OVER (ORDER BY id) AS d, "
        "lead(name, 2) OVER (ORDER BY id) AS e, "
        "sum(id) OVER (PARTITION BY donor ORDER BY id) AS f, first_value(id) OVER (ORDER BY amount) AS g, "
        "last_value(id) OVER (ORDER BY id) AS h, "
        "sum(many) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS i FROM marts.gift ORDER BY id"
    ),
    "cases": (
        "SELECT id, CASE WHEN amount > 5 THEN 'much' WHEN amount IS NULL THEN 'none' ELSE 'little' END AS a, "
        "CASE donor WHEN NULL THEN 1 ELSE 2 END AS b, if(kept, 1, 0) AS c, coalesce(name, 'nobody') AS d, "
        "nullif(many, 5) AS e, ifnull(many, 0) AS f FROM marts.gift ORDER BY id"
    ),
    "joins": (
        "SELECT a.id AS a, b.id AS b FROM marts.gift AS a LEFT JOIN marts.gift AS b ON b.donor = a.donor AND b.id > a.id "
        "ORDER BY a.id, b.id"
    ),
    "sub-queries": (
        "WITH big AS (SELECT donor, sum(amount) AS total FROM marts.gift GROUP BY donor) "
        "SELECT id, (SELECT count(*) FROM big) AS n FROM gift AS g WHERE donor IN (SELECT donor FROM big WHERE total > 5) "
        "AND EXISTS (SELECT 1 FROM big WHERE big.donor = g.donor) ORDER BY id"
    ),
    "sets": (
        "SELECT donor FROM marts.gift UNION SELECT donor FROM marts.gift WHERE id < 3 "
        "EXCEPT SELECT donor FROM marts.gift WHERE id = 1 ORDER BY donor"
    ),
    "sets kept whole": (
        "SELECT many FROM marts.gift UNION ALL SELECT 5 INTERSECT SELECT many FROM marts.gift ORDER BY many"
    ),
    "names in capitals": "SELECT G.ID AS Number FROM MARTS.GIFT AS G ORDER BY ID",
    "people": "SELECT count(*) AS people, sum(events) AS events, max(last_seen_at) AS last FROM golden.profile",
    "consents": "SELECT purpose, granted, count(*) AS n FROM consent_change GROUP BY 1, 2 ORDER BY purpose, granted",
    "links": "SELECT * FROM golden.source_link ORDER BY node, source",
}
"""By what they show."""

REFUSED = {
    "a regular expression": "SELECT regexp_matches(name, '(?i)a') AS m FROM marts.gift",
    "a hash": "SELECT md5(name) AS m FROM marts.gift",
    "the time now": "SELECT now() AS t FROM marts.gift",
    "a cast that may fail": "SELECT TRY_CAST(name AS BIGINT) AS m FROM marts.gift",
    "an estimate": "SELECT approx_count_distinct(name) AS m FROM marts.gift",
    "a unit": "SELECT date_trunc('decade', at) AS m FROM marts.gift",
    "weeks between": "SELECT date_diff('week', at, day) AS m FROM marts.gift",
    "a format": "SELECT strftime(at, '%A') AS m FROM marts.gift",
    "a path with an index": "SELECT about ->> '$.list[0]' AS m FROM marts.gift",
}
"""What engines mean differently, and no table has an equivalent of: refused by name, never passed on."""
