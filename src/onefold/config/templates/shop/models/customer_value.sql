-- Recency, frequency and money of each customer.
SELECT
    o.customer_id,
    count(*) AS orders,
    sum(o.revenue) AS revenue,
    CAST(sum(o.revenue) / count(o.revenue) AS DECIMAL(18, 2)) AS average_order,
    min(o.order_date) AS first_order_date,
    max(o.order_date) AS last_order_date,
    date_diff('day', max(o.order_date), CAST(as_of() AS DATE)) AS days_since_order
FROM marts.orders AS o
GROUP BY o.customer_id
