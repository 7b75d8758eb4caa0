-- From schema 4 to 5: audiences. Definitions, lists and memberships hold no personal data: people are keyed hashes.
CREATE TABLE audience (
    slug TEXT NOT NULL,
    version INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (slug, version)
) STRICT, WITHOUT ROWID;
-- One row.
CREATE TABLE evaluation (
    sequence INTEGER NOT NULL,
    active INTEGER NOT NULL, -- whether commits mark whom they touch
    body BLOB NOT NULL
) STRICT;
INSERT INTO evaluation VALUES (0, 0, x'');
-- Whom commits touched since the last evaluation, a row a piece of a batch.
CREATE TABLE mark (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- AUTOINCREMENT: a mark that was dealt with is never taken for a later one
    body BLOB NOT NULL
) STRICT;
CREATE TABLE standing (
    person BLOB PRIMARY KEY,
    due_us INTEGER,
    generation INTEGER NOT NULL,
    truths TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX standing_due ON standing (due_us) WHERE due_us IS NOT NULL;
CREATE TABLE membership (
    audience TEXT NOT NULL,
    person BLOB NOT NULL,
    since_us INTEGER NOT NULL,
    reason BLOB NOT NULL,
    PRIMARY KEY (audience, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_person ON membership (person);
CREATE TABLE listed (
    audience TEXT NOT NULL,
    node BLOB NOT NULL,
    PRIMARY KEY (audience, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX listed_node ON listed (node);
