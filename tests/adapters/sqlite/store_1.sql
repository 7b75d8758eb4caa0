-- The profile store of one workspace. Identifier values and node states are sealed; the rest is keyed hashes and times.
-- `n` numbers the nodes in order of arrival. What hangs on nodes is keyed by it, not by the 16 random bytes of the id:
-- rows are shorter, and what belongs to new people lands on the last pages instead of on random ones.

CREATE TABLE node (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    type TEXT,             -- NULL while the node is only referred to and was never saved
    first_seen_us INTEGER,
    person BLOB,           -- NULL: itself
    component BLOB,        -- NULL: itself
    flags INTEGER,         -- 1 contested, 2 shared
    key BLOB,
    version INTEGER,
    sealed BLOB
) STRICT;
CREATE INDEX node_component ON node (component) WHERE component IS NOT NULL;

CREATE TABLE edge (
    a INTEGER NOT NULL,
    b INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- 1 event, 2 record, 3 alias, 4 scored
    strength INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    event BLOB NOT NULL,
    source TEXT NOT NULL,
    rule TEXT NOT NULL,
    score REAL,
    log_offset INTEGER NOT NULL,
    PRIMARY KEY (a, b, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_b ON edge (b);

CREATE TABLE judgement (
    id BLOB PRIMARY KEY,
    verdict TEXT NOT NULL,
    a BLOB NOT NULL,
    b BLOB,
    at_us INTEGER NOT NULL,
    said BLOB NOT NULL,    -- who said it and why, sealed
    log_offset INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX judgement_a ON judgement (a);
CREATE INDEX judgement_b ON judgement (b) WHERE b IS NOT NULL;

CREATE TABLE dedupe (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE timeline (
    node INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    log_partition INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    PRIMARY KEY (node, at_us, log_partition, log_offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    person BLOB NOT NULL,
    before BLOB NOT NULL,
    nodes BLOB NOT NULL,   -- 16 bytes each, one after the other
    at_us INTEGER NOT NULL,
    log_partition INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    request_id TEXT NOT NULL
) STRICT;
-- Whom a change is about: the nodes that moved, and both persons.
CREATE TABLE change_node (
    node INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (node, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    log_partition INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    received_at_us INTEGER NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (log_partition, log_offset)
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letter_open ON dead_letter (log_partition, log_offset) WHERE status = 'open';

CREATE TABLE tally (
    source TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    items INTEGER NOT NULL,
    emq TEXT NOT NULL,     -- JSON: ten counts, or none
    PRIMARY KEY (source, outcome, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    key BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE consumer (
    log_partition INTEGER PRIMARY KEY,
    log_offset INTEGER NOT NULL
) STRICT;

-- Exact counts, kept in the transaction that changes them, because counting rows of a large table takes seconds.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('nodes', 0), ('people', 0), ('edges', 0), ('judgements', 0), ('dead_letters', 0), ('numbers', 0);
