-- Audiences. Definitions, lists and memberships hold no personal data: people are keyed hashes.
CREATE TABLE audience (
    slug text NOT NULL,
    version integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (slug, version)
);
-- One row each. What commits ask is apart from what evaluations change, so that neither waits for the other.
CREATE TABLE evaluation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    sequence bigint NOT NULL DEFAULT 0,
    body bytea NOT NULL DEFAULT ''
);
CREATE TABLE marking (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    active boolean NOT NULL DEFAULT false -- whether commits mark whom they touch
);
INSERT INTO evaluation DEFAULT VALUES;
INSERT INTO marking DEFAULT VALUES;
-- Whom commits touched since the last evaluation, a row a batch.
CREATE TABLE mark (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body bytea NOT NULL
);
CREATE TABLE standing (
    person bytea PRIMARY KEY,
    due_us bigint,
    generation bigint NOT NULL,
    truths text NOT NULL
);
CREATE INDEX standing_due ON standing (due_us) WHERE due_us IS NOT NULL;
CREATE TABLE membership (
    audience text NOT NULL,
    person bytea NOT NULL,
    since_us bigint NOT NULL,
    reason bytea NOT NULL,
    PRIMARY KEY (audience, person)
);
CREATE INDEX membership_person ON membership (person);
CREATE TABLE listed (
    audience text NOT NULL,
    node bytea NOT NULL,
    PRIMARY KEY (audience, node)
);
CREATE INDEX listed_node ON listed (node);
DO $$
DECLARE
    found text;
BEGIN
    FOREACH found IN ARRAY ARRAY['audience', 'evaluation', 'marking', 'mark', 'standing', 'membership', 'listed']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', found);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', found);
        EXECUTE format(
            'CREATE POLICY workspace ON %I USING (current_setting(''onefold.workspace'', true) = %L)',
            found, current_schema()
        );
    END LOOP;
END $$;
