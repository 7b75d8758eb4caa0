-- The warehouse's feed and the manifest of its segment files.
-- Rows on their way to the warehouse, in chunks. `last` is the sequence of a chunk's last row.
CREATE TABLE feed (
    last bigint PRIMARY KEY,
    items integer NOT NULL,
    sealed bytea NOT NULL
);
ALTER TABLE feed ALTER COLUMN sealed SET STORAGE EXTERNAL; -- ciphertext does not compress
CREATE TABLE segment (
    name text PRIMARY KEY,
    relation text NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    items bigint NOT NULL,
    size bigint NOT NULL,
    key bytea NOT NULL, -- the file's own key, wrapped: destroying it erases the file
    level integer NOT NULL,
    bucket integer NOT NULL
);
CREATE TABLE relation (
    name text PRIMARY KEY,
    definition bytea NOT NULL
);
-- One row. The sequence up to which the feed is in segments.
CREATE TABLE warehouse (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    loaded bigint NOT NULL DEFAULT 0
);
INSERT INTO warehouse DEFAULT VALUES;
ALTER TABLE totals ADD COLUMN fed bigint NOT NULL DEFAULT 0; -- numbers given
DO $$
DECLARE
    found text;
BEGIN
    FOREACH found IN ARRAY ARRAY['feed', 'segment', 'relation', 'warehouse']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', found);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', found);
        EXECUTE format(
            'CREATE POLICY workspace ON %I USING (current_setting(''onefold.workspace'', true) = %L)',
            found, current_schema()
        );
    END LOOP;
END $$;
