-- What constituents did, across all systems.
SELECT
    e.event_id,
    e.person AS constituent_id,
    e.name AS event_type,
    CAST(e.event_at AS DATE) AS event_date,
    e.event_at AS event_timestamp,
    e.source AS source_system,
    e.properties AS event_attributes,
    g.amount AS donation_amount,
    g.gift_type AS donation_type,
    g.campaign_code
FROM golden.engagement_event AS e
LEFT JOIN marts.gifts AS g ON g.event_id = e.event_id
WHERE e.kind <> 'record' AND e.kind <> 'identify' AND e.kind <> 'alias'
