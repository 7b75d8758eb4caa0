-- From schema 3 to 4: which workspace the log belongs to ("id", "keys"), and how far every row is known to be where a
-- reader finds it ("reachable").
CREATE TABLE about (
    name TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;
