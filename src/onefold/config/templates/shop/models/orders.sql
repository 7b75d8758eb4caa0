-- Every order.
SELECT
    e.event_id,
    e.person AS customer_id,
    e.source,
    e.event_at AS ordered_at,
    CAST(e.event_at AS DATE) AS order_date,
    e.properties ->> '$.order_id' AS order_id,
    TRY_CAST(coalesce(e.properties ->> '$.revenue', e.properties ->> '$.total') AS DECIMAL(18, 2)) AS revenue,
    coalesce(e.properties ->> '$.currency', 'USD') AS currency,
    row_number() OVER (PARTITION BY e.person ORDER BY e.event_at, e.event_id) AS order_number
FROM golden.engagement_event AS e
WHERE e.name = 'Order Completed'
