-- The event log: received items as they came, sealed. Rows are only ever appended.
CREATE TABLE entry (
    offset INTEGER PRIMARY KEY AUTOINCREMENT, -- AUTOINCREMENT: an offset is never given twice, even after retention
    sealed BLOB NOT NULL
) STRICT;

-- Items ever appended, per source: one side of the account "received = stored + duplicate + rejected + suppressed".
CREATE TABLE received (
    source TEXT PRIMARY KEY,
    items INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
