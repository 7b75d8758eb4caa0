-- One row a person, in the words of a shop.
SELECT
    p.person AS customer_id,
    p.attributes ->> '$.email' AS email,
    p.attributes ->> '$.first_name' AS first_name,
    p.attributes ->> '$.last_name' AS last_name,
    p.stage AS lifecycle_stage,
    p.first_seen_at,
    p.last_active_at,
    p.purchases,
    p.revenue,
    q.data_quality_score
FROM golden.profile AS p
LEFT JOIN golden.profile_quality AS q ON q.person = p.person
