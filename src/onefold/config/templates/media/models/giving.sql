-- What each giver gave.
SELECT
    g.constituent_id,
    count(*) AS total_gift_count,
    sum(g.amount) AS total_lifetime_giving,
    max(g.amount) AS largest_single_gift,
    CAST(sum(g.amount) / count(g.amount) AS DECIMAL(18, 2)) AS average_gift_amount,
    min(g.gift_date) AS first_gift_date,
    max(g.gift_date) AS last_gift_date,
    arg_min(g.campaign_code, g.given_at) AS first_gift_campaign,
    sum(CASE WHEN g.is_recurring THEN 1 ELSE 0 END) AS recurring_gift_count,
    min(CASE WHEN g.is_recurring THEN g.gift_date END) AS recurring_start_date,
    max(CASE WHEN g.is_recurring THEN g.gift_date END) AS last_recurring_date,
    arg_max(CASE WHEN g.is_recurring THEN g.amount END, CASE WHEN g.is_recurring THEN g.given_at END) AS recurring_amount
FROM marts.gifts AS g
GROUP BY g.constituent_id
