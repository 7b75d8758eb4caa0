-- For advisers: who is active, who is going quiet.
WITH recent AS (
    SELECT e.person, count(DISTINCT CAST(e.event_at AS DATE)) AS active_days_30d
    FROM golden.engagement_event AS e
    WHERE e.event_at >= as_of() - INTERVAL 30 DAY AND e.kind <> 'record' GROUP BY e.person
)
SELECT
    p.person AS student_id,
    p.stage AS lifecycle_stage,
    coalesce(r.active_days_30d, 0) AS active_days_30d,
    date_diff('day', CAST(p.last_active_at AS DATE), CAST(as_of() AS DATE)) AS days_since_active,
    coalesce(date_diff('day', CAST(p.last_active_at AS DATE), CAST(as_of() AS DATE)) > 14, TRUE) AS is_at_risk,
    coalesce(p.consents ->> '$.email.granted' = 'true', FALSE) AS may_email,
    coalesce(p.consents ->> '$.whatsapp.granted' = 'true', FALSE) AS may_whatsapp
FROM golden.profile AS p
LEFT JOIN recent AS r ON r.person = p.person
