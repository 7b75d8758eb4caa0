-- From schema 1 to 2: nodes refer to one another by number, and tables keyed by random bytes get a young tier.
CREATE TABLE number (id BLOB PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO number SELECT id, n FROM node ORDER BY id;

-- Who names others and has no row yet gets one.
INSERT INTO number (id, n)
    SELECT id, (SELECT coalesce(max(n), 0) FROM node) + row_number() OVER (ORDER BY id)
    FROM (SELECT person AS id FROM node WHERE person IS NOT NULL UNION SELECT component FROM node WHERE component IS NOT NULL)
    WHERE id NOT IN (SELECT id FROM number);
INSERT INTO node (n, id) SELECT n, id FROM number WHERE n > (SELECT coalesce(max(n), 0) FROM node);
UPDATE counter SET value = (SELECT coalesce(max(n), 0) FROM node) WHERE name = 'numbers';

CREATE TABLE node_by_number (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    type TEXT,
    first_seen_us INTEGER,
    person INTEGER,
    component INTEGER,
    flags INTEGER,
    key BLOB,
    version INTEGER,
    sealed BLOB
) STRICT;
INSERT INTO node_by_number
    SELECT x.n, x.id, x.type, x.first_seen_us, p.n, c.n, x.flags, x.key, x.version, x.sealed
    FROM node x LEFT JOIN number p ON p.id = x.person LEFT JOIN number c ON c.id = x.component ORDER BY x.n;
DROP TABLE node;
ALTER TABLE node_by_number RENAME TO node;
CREATE INDEX node_component ON node (component) WHERE component IS NOT NULL;

CREATE TABLE number_new (id BLOB PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE dedupe_new (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE timeline_new (
    node INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    log_partition INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    PRIMARY KEY (node, at_us, log_partition, log_offset)
) STRICT, WITHOUT ROWID;
CREATE TABLE tier (
    name TEXT PRIMARY KEY,
    items INTEGER NOT NULL,
    place ANY
) STRICT, WITHOUT ROWID;
INSERT INTO tier VALUES ('dedupe', 0, NULL), ('number', 0, NULL), ('timeline', 0, NULL);
