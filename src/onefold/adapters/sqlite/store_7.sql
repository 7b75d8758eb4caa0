-- From schema 6 to 7: pairs that the matcher scored are listed by their score.
CREATE INDEX edge_scored ON edge (score) WHERE kind = 4;
