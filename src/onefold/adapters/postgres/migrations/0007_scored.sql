-- Pairs that the matcher scored are listed by their score.
CREATE INDEX edge_scored ON edge (score DESC, a, b) WHERE kind = 4;
