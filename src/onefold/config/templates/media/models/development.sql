-- For major-gift officers: giving by fiscal year, who gave last year but not this (LYBUNT) or some year but not this (SYBUNT).
WITH today AS (
    SELECT d.fiscal_year FROM dimensions.dim_date AS d WHERE d.full_date = CAST(as_of() AS DATE)
), yearly AS (
    SELECT g.constituent_id,
        sum(CASE WHEN g.fiscal_year = t.fiscal_year THEN g.amount END) AS this_year,
        sum(CASE WHEN g.fiscal_year = t.fiscal_year - 1 THEN g.amount END) AS last_year,
        sum(CASE WHEN g.fiscal_year < t.fiscal_year - 1 THEN g.amount END) AS earlier
    FROM marts.gifts AS g CROSS JOIN today AS t GROUP BY g.constituent_id
)
SELECT
    c.constituent_id,
    c.total_lifetime_giving,
    c.total_gift_count,
    c.largest_single_gift,
    c.first_gift_date,
    c.last_gift_date,
    coalesce(y.this_year, 0) AS given_this_fiscal_year,
    coalesce(y.last_year, 0) AS given_last_fiscal_year,
    y.this_year IS NULL AND y.last_year IS NOT NULL AS is_lybunt,
    y.this_year IS NULL AND y.last_year IS NULL AND y.earlier IS NOT NULL AS is_sybunt,
    CASE
        WHEN c.total_lifetime_giving >= 10000 THEN 'major'
        WHEN c.total_lifetime_giving >= 1000 THEN 'mid_level'
        ELSE 'annual'
    END AS giving_level,
    p.attributes ->> '$.estimated_capacity' AS estimated_capacity,
    TRY_CAST(p.attributes ->> '$.upgrade_propensity' AS DOUBLE) AS upgrade_propensity
FROM marts.giving AS c
JOIN golden.profile AS p ON p.person = c.constituent_id
LEFT JOIN yearly AS y ON y.constituent_id = c.constituent_id
