-- The calendar year in which each giver gave most, currency by currency; of equal years the first.
WITH by_year AS (
    SELECT
        g.constituent_id,
        g.currency,
        CAST(extract(YEAR FROM g.given_at) AS INTEGER) AS best_year,
        sum(g.amount) AS best_year_giving,
        count(*) AS best_year_gifts
    FROM marts.gifts AS g
    WHERE g.amount IS NOT NULL
    GROUP BY g.constituent_id, g.currency, CAST(extract(YEAR FROM g.given_at) AS INTEGER)
), ranked AS (
    SELECT
        y.*,
        row_number() OVER (PARTITION BY y.constituent_id, y.currency ORDER BY y.best_year_giving DESC, y.best_year) AS place
    FROM by_year AS y
)
SELECT r.constituent_id, r.currency, r.best_year, r.best_year_giving, r.best_year_gifts
FROM ranked AS r
WHERE r.place = 1
