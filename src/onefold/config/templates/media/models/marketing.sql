-- For marketing: who can be reached and how engaged they are, without an address in it. Lists are sent by activation.
WITH recent AS (
    SELECT e.person, count(*) AS events_90d, count(DISTINCT CAST(e.event_at AS DATE)) AS active_days_90d,
        sum(CASE WHEN e.event_at >= as_of() - INTERVAL 30 DAY THEN 1 ELSE 0 END) AS events_30d
    FROM golden.engagement_event AS e
    WHERE e.event_at >= as_of() - INTERVAL 90 DAY AND e.kind <> 'record'
    GROUP BY e.person
)
SELECT
    p.person AS constituent_id,
    p.stage AS lifecycle_stage,
    q.has_email,
    q.has_phone,
    coalesce(p.consents ->> '$.email.granted' = 'true', FALSE) AS may_email,
    coalesce(p.consents ->> '$.sms.granted' = 'true', FALSE) AS may_text,
    p.last_active_at,
    p.sessions,
    coalesce(r.events_30d, 0) AS events_30d,
    coalesce(r.events_90d, 0) AS events_90d,
    coalesce(r.active_days_90d, 0) AS active_days_90d,
    CASE
        WHEN r.active_days_90d >= 10 THEN 'high'
        WHEN r.active_days_90d >= 3 THEN 'medium'
        WHEN r.active_days_90d >= 1 THEN 'low'
        ELSE 'none'
    END AS engagement,
    coalesce(g.total_gift_count, 0) AS total_gift_count
FROM golden.profile AS p
JOIN golden.profile_quality AS q ON q.person = p.person
LEFT JOIN recent AS r ON r.person = p.person
LEFT JOIN marts.giving AS g ON g.constituent_id = p.person
