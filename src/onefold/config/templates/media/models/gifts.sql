-- Every gift, whatever the system it came from. Add events that bring money in your house to the list.
SELECT
    e.event_id,
    e.person AS constituent_id,
    e.source AS source_system,
    e.event_at AS given_at,
    CAST(e.event_at AS DATE) AS gift_date,
    d.fiscal_year,
    d.fiscal_quarter,
    d.is_pledge_drive,
    TRY_CAST(coalesce(e.properties ->> '$.amount', e.properties ->> '$.total', e.properties ->> '$.revenue') AS DECIMAL(18, 2))
        AS amount,
    coalesce(e.properties ->> '$.currency', 'USD') AS currency,
    coalesce(e.properties ->> '$.gift_type', 'one_time') AS gift_type,
    coalesce(lower(e.properties ->> '$.gift_type') LIKE '%recurring%'
        OR lower(e.properties ->> '$.gift_type') LIKE '%sustain%'
        OR lower(e.properties ->> '$.gift_type') LIKE '%month%', FALSE) AS is_recurring,
    coalesce(e.properties ->> '$.campaign_code', e.properties ->> '$.campaign', e.properties ->> '$.appeal') AS campaign_code,
    e.properties ->> '$.fund' AS fund
FROM golden.engagement_event AS e
LEFT JOIN dimensions.dim_date AS d ON d.full_date = CAST(e.event_at AS DATE)
WHERE e.name = 'Donation Completed'
