-- From schema 2 to 3: which workspace the store belongs to ("id", "keys"), and by which entry of each partition its log is
-- to be recognised.
CREATE TABLE about (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE consumer ADD COLUMN fingerprint BLOB NOT NULL DEFAULT x''; -- of the entry at the offset
ALTER TABLE consumer ADD COLUMN at_us INTEGER NOT NULL DEFAULT 0;      -- when the offset was stored
