-- How far each student is in each course.
SELECT
    e.person AS student_id,
    e.properties ->> '$.course_id' AS course_id,
    min(CASE WHEN e.name = 'Course Enrolled' THEN e.event_at END) AS enrolled_at,
    sum(CASE WHEN e.name = 'Lesson Completed' THEN 1 ELSE 0 END) AS lessons_completed,
    max(e.event_at) AS last_active_at,
    min(CASE WHEN e.name = 'Course Completed' THEN e.event_at END) AS completed_at
FROM golden.engagement_event AS e
WHERE e.properties ->> '$.course_id' IS NOT NULL
GROUP BY e.person, e.properties ->> '$.course_id'
