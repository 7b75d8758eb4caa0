-- From schema 5 to 6: which aggregates of events the states of nodes hold, and since when. No personal data.
CREATE TABLE kept (
    key TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
