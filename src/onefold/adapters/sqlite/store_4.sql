-- From schema 3 to 4: the warehouse's feed and the manifest of its segment files.
-- Rows on their way to the warehouse, in chunks. `last` is the sequence of a chunk's last row.
CREATE TABLE feed (
    last INTEGER PRIMARY KEY,
    items INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE TABLE segment (
    name TEXT PRIMARY KEY,
    relation TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    items INTEGER NOT NULL,
    size INTEGER NOT NULL,
    key BLOB NOT NULL,        -- the file's own key, wrapped: destroying it erases the file
    level INTEGER NOT NULL,
    bucket INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE relation (
    name TEXT PRIMARY KEY,
    definition BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- "fed": the last sequence given. "loaded": up to which the feed is in segments.
CREATE TABLE sequence (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sequence VALUES ('fed', 0), ('loaded', 0);
