-- Which aggregates of events the states of nodes hold, and since when. No personal data.
CREATE TABLE kept (
    key text PRIMARY KEY,
    body bytea NOT NULL
);
ALTER TABLE kept ENABLE ROW LEVEL SECURITY;
ALTER TABLE kept FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
    EXECUTE format(
        'CREATE POLICY workspace ON kept USING (current_setting(''onefold.workspace'', true) = %L)', current_schema()
    );
END $$;
