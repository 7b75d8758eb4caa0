-- Which identifiers of which system belong to a constituent, and why.
SELECT
    l.person AS constituent_id,
    l.source AS source_system,
    l.type AS source_record_type,
    l.value AS source_record_id,
    CASE WHEN l.match_type = 'scored' THEN 'probabilistic' ELSE 'deterministic' END AS match_type,
    l.confidence AS match_confidence,
    l.first_event_at AS matched_at,
    l.rule AS match_rule_version
FROM golden.source_link AS l
