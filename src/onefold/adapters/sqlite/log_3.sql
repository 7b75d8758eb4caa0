-- From schema 2 to 3: a row of the log holds several entries; those there are stay as they are.
ALTER TABLE place ADD COLUMN items INTEGER NOT NULL DEFAULT 1; -- entries of the row at this place, which is its last one's
