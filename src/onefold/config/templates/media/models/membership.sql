-- For the membership team: who is a member, until when, and who is about to lapse. A gift buys twelve months.
SELECT
    g.constituent_id,
    g.first_gift_date AS member_since,
    g.last_gift_date,
    CAST(g.last_gift_date + INTERVAL 12 MONTH AS DATE) AS expires_on,
    CASE
        WHEN g.last_gift_date > CAST(as_of() - INTERVAL 12 MONTH AS DATE) THEN 'active'
        WHEN g.last_gift_date > CAST(as_of() - INTERVAL 13 MONTH AS DATE) THEN 'grace'
        WHEN g.last_gift_date > CAST(as_of() - INTERVAL 36 MONTH AS DATE) THEN 'lapsed'
        ELSE 'deep_lapsed'
    END AS membership_status,
    coalesce(g.last_recurring_date >= CAST(as_of() - INTERVAL 62 DAY AS DATE), FALSE) AS is_sustainer,
    date_diff('month', g.first_gift_date, CAST(as_of() AS DATE)) AS tenure_months,
    date_diff('month', g.last_gift_date, CAST(as_of() AS DATE)) AS months_since_last_gift,
    g.total_gift_count,
    g.recurring_amount,
    p.stage AS lifecycle_stage
FROM marts.giving AS g
JOIN golden.profile AS p ON p.person = g.constituent_id
