-- The places of entries in a partitioned log. A log is partitioned once it was opened with more than one partition; what
-- came before is partition 0, and all that comes after is in partitions from 1.
CREATE TABLE place (
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (partition, offset)
) STRICT, WITHOUT ROWID;

-- The last offset of each partition; empty while the log is not partitioned.
CREATE TABLE partition_end (
    partition INTEGER PRIMARY KEY,
    offset INTEGER NOT NULL
) STRICT;
