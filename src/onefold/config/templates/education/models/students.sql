-- One row a person, in the words of a school.
SELECT
    p.person AS student_id,
    p.attributes ->> '$.email' AS email,
    p.attributes ->> '$.first_name' AS first_name,
    p.attributes ->> '$.last_name' AS last_name,
    p.attributes ->> '$.phone' AS phone,
    p.stage AS lifecycle_stage,
    p.first_seen_at,
    p.last_active_at,
    p.events,
    p.sessions,
    q.completeness,
    q.data_quality_score
FROM golden.profile AS p
LEFT JOIN golden.profile_quality AS q ON q.person = p.person
