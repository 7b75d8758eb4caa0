-- A session that has not said which workspace it works for sees nothing and writes nothing, the tables' owner included.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
        AND c.relkind = 'r' AND c.relname <> 'migration'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', found.relname);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', found.relname);
        EXECUTE format(
            'CREATE POLICY workspace ON %I USING (current_setting(''onefold.workspace'', true) = %L)',
            found.relname, current_schema()
        );
    END LOOP;
END $$;
