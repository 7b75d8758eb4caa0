-- The event log: received items as they came, sealed. Rows are only ever appended. A row holds a chunk of one append's
-- entries, or a single entry as schemas 1 and 2 wrote them. A chunk of n entries has the n offsets up to its row's.
CREATE TABLE entry (
    offset INTEGER PRIMARY KEY AUTOINCREMENT, -- AUTOINCREMENT: an offset is never given twice, even after retention
    sealed BLOB NOT NULL                      -- how many entries it holds stands inside, where it is authenticated
) STRICT;

-- Items ever appended, per source: one side of the account "received = stored + duplicate + rejected + suppressed".
CREATE TABLE received (
    source TEXT PRIMARY KEY,
    items INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
