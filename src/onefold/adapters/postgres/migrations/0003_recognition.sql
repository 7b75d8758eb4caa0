-- Which workspace the store belongs to ("id", "keys"), and by which entry of each partition its log is to be recognised.
CREATE TABLE about (
    name text PRIMARY KEY,
    value text NOT NULL
);
ALTER TABLE about ENABLE ROW LEVEL SECURITY;
ALTER TABLE about FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
    EXECUTE format(
        'CREATE POLICY workspace ON about USING (current_setting(''onefold.workspace'', true) = %L)', current_schema()
    );
END $$;

ALTER TABLE consumer ADD COLUMN fingerprint bytea NOT NULL DEFAULT '';
ALTER TABLE consumer ADD COLUMN at_us bigint NOT NULL DEFAULT 0;
-- The offset of the entry that the fingerprint is of: workers of the version before move the offset and nothing else.
ALTER TABLE consumer ADD COLUMN marked bigint NOT NULL DEFAULT 0;
