-- Campaigns of calendar.yaml and those that only gifts name, with what they brought.
WITH raised AS (
    SELECT g.campaign_code, sum(g.amount) AS actual_amount, count(*) AS gifts, min(g.gift_date) AS first_gift,
        max(g.gift_date) AS last_gift
    FROM marts.gifts AS g WHERE g.campaign_code IS NOT NULL GROUP BY g.campaign_code
), named AS (
    SELECT c.campaign_code FROM dimensions.campaign AS c UNION SELECT r.campaign_code FROM raised AS r
)
SELECT
    CAST(row_number() OVER (ORDER BY n.campaign_code) AS INT) AS campaign_key,
    n.campaign_code,
    coalesce(c.campaign_name, n.campaign_code) AS campaign_name,
    c.campaign_type,
    coalesce(c.start_date, r.first_gift) AS start_date,
    coalesce(c.end_date, r.last_gift) AS end_date,
    c.channel,
    c.target_audience,
    c.goal_amount,
    coalesce(r.actual_amount, 0) AS actual_amount,
    coalesce(r.gifts, 0) AS gift_count,
    CAST(as_of() AS DATE) BETWEEN c.start_date AND c.end_date AS is_active
FROM named AS n
LEFT JOIN dimensions.campaign AS c ON c.campaign_code = n.campaign_code
LEFT JOIN raised AS r ON r.campaign_code = n.campaign_code
