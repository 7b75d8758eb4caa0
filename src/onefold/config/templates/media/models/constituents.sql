-- The golden record, in the words of a station: one row a person.
SELECT
    p.person AS constituent_id,
    p.attributes ->> '$.email' AS canonical_email,
    p.attributes ->> '$.first_name' AS canonical_first_name,
    p.attributes ->> '$.last_name' AS canonical_last_name,
    p.attributes ->> '$.phone' AS canonical_phone,
    coalesce(p.attributes ->> '$.street', p.attributes ->> '$.delivery_address') AS canonical_address_line1,
    p.attributes ->> '$.street2' AS canonical_address_line2,
    p.attributes ->> '$.city' AS canonical_city,
    p.attributes ->> '$.state' AS canonical_state,
    p.attributes ->> '$.postal_code' AS canonical_zip,
    coalesce(p.attributes ->> '$.country', 'USA') AS canonical_country,
    p.stage AS lifecycle_stage,
    CAST(p.first_seen_at AS DATE) AS first_engagement_date,
    CAST(p.last_seen_at AS DATE) AS last_engagement_date,
    coalesce(g.total_lifetime_giving, 0) AS total_lifetime_giving,
    coalesce(g.total_gift_count, 0) AS total_gift_count,
    g.largest_single_gift,
    g.average_gift_amount,
    coalesce(g.last_recurring_date >= CAST(as_of() - INTERVAL 62 DAY AS DATE), FALSE) AS is_sustainer,
    g.recurring_amount,
    p.attributes ->> '$.recurring_frequency' AS recurring_frequency,
    g.recurring_start_date,
    -- Scores are attributes like any others: they are here once a model or a vendor states them.
    TRY_CAST(p.attributes ->> '$.churn_risk_score' AS DOUBLE) AS churn_risk_score,
    TRY_CAST(p.attributes ->> '$.upgrade_propensity' AS DOUBLE) AS upgrade_propensity,
    p.attributes ->> '$.estimated_capacity' AS estimated_capacity,
    p.first_seen_at AS created_at,
    p.known_at AS updated_at,
    q.data_quality_score
FROM golden.profile AS p
LEFT JOIN marts.giving AS g ON g.constituent_id = p.person
LEFT JOIN golden.profile_quality AS q ON q.person = p.person
