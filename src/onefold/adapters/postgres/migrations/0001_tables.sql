-- The profile store of one workspace, in a schema of its own. Identifier values and node states are sealed; the rest is
-- keyed hashes and times. A row is visible only while `onefold.workspace` names this workspace: see 0002.

CREATE TABLE node (
    id bytea PRIMARY KEY,
    type text NOT NULL,
    first_seen_us bigint NOT NULL,
    person bytea NOT NULL,
    component bytea NOT NULL,
    flags smallint NOT NULL, -- 1 contested, 2 shared
    key bytea NOT NULL,
    version bigint NOT NULL,
    sealed bytea NOT NULL
) WITH (fillfactor = 70); -- room for the next version on the same page, so that a saved state touches no index
CREATE INDEX node_component ON node (component) WHERE component <> id;
ALTER TABLE node ALTER COLUMN sealed SET STORAGE EXTERNAL; -- ciphertext does not compress
ALTER TABLE node ALTER COLUMN key SET STORAGE PLAIN;

CREATE TABLE edge (
    a bytea NOT NULL,
    b bytea NOT NULL,
    kind smallint NOT NULL, -- 1 event, 2 record, 3 alias, 4 scored
    strength integer NOT NULL,
    at_us bigint NOT NULL,
    event bytea NOT NULL,
    source text NOT NULL,
    rule text NOT NULL,
    score double precision,
    log_offset bigint NOT NULL,
    PRIMARY KEY (a, b, kind)
);
CREATE INDEX edge_b ON edge (b);

CREATE TABLE judgement (
    id bytea PRIMARY KEY,
    verdict text NOT NULL,
    a bytea NOT NULL,
    b bytea,
    at_us bigint NOT NULL,
    said bytea NOT NULL, -- who said it and why, sealed
    log_offset bigint NOT NULL
);
CREATE INDEX judgement_a ON judgement (a);
CREATE INDEX judgement_b ON judgement (b) WHERE b IS NOT NULL;

CREATE TABLE dedupe (key bytea PRIMARY KEY);

CREATE TABLE timeline (
    node bytea NOT NULL,
    at_us bigint NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    PRIMARY KEY (node, at_us, log_partition, log_offset)
);

CREATE TABLE change (
    seq bigint PRIMARY KEY,
    kind text NOT NULL,
    person bytea NOT NULL,
    before bytea NOT NULL,
    nodes bytea NOT NULL, -- 16 bytes each, one after the other
    at_us bigint NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    request_id text NOT NULL
);
CREATE TABLE change_node (
    node bytea NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (node, seq)
);

CREATE TABLE dead_letter (
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    source text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    received_at_us bigint NOT NULL,
    status text NOT NULL,
    PRIMARY KEY (log_partition, log_offset)
);
CREATE INDEX dead_letter_open ON dead_letter (log_partition, log_offset) WHERE status = 'open';

CREATE TABLE tally (
    source text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    items bigint NOT NULL,
    emq bigint[] NOT NULL, -- ten counts, or none
    PRIMARY KEY (source, outcome, reason)
);

CREATE TABLE outbox (
    seq bigint PRIMARY KEY,
    topic text NOT NULL,
    key bytea NOT NULL,
    body bytea NOT NULL
);

CREATE TABLE consumer (
    log_partition integer PRIMARY KEY,
    log_offset bigint NOT NULL
);

-- One row. Every commit updates it, last of all but one, so commits end one after the other, and what they number is
-- visible in the order of the numbers.
CREATE TABLE totals (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    nodes bigint NOT NULL DEFAULT 0,
    people bigint NOT NULL DEFAULT 0,
    edges bigint NOT NULL DEFAULT 0,
    judgements bigint NOT NULL DEFAULT 0,
    dead_letters bigint NOT NULL DEFAULT 0,
    changes bigint NOT NULL DEFAULT 0, -- numbers given
    messages bigint NOT NULL DEFAULT 0 -- numbers given
);
INSERT INTO totals DEFAULT VALUES;

-- Workers that live, and the partition each processes.
CREATE TABLE worker (
    name text PRIMARY KEY,
    expires timestamptz NOT NULL
);
CREATE TABLE lease (
    log_partition integer PRIMARY KEY,
    worker text, -- NULL: nobody's
    epoch bigint NOT NULL DEFAULT 0,
    expires timestamptz NOT NULL DEFAULT '-infinity'
);
