"""A cluster that is DuckDB in this process: the same queries and functions, a few rows a batch."""

import pickle

import duckdb
import pyarrow as pa

from onefold.errors import NotFoundError
from onefold.matching import batches


class LocalCluster:
    """See `onefold.ports.cluster`. What a function is sent to the rows by, pickling, it goes through here, too."""

    def __init__(self, tables, rows=400):
        self.db = duckdb.connect(":memory:")
        self.rows = rows
        self.sent_back = []
        for name, table in tables.items():
            self._make("TABLE", name, table)

    def _make(self, kind, name, table):
        self.db.register("made", table)
        self.db.execute(f"CREATE OR REPLACE {kind} {name} AS SELECT * FROM made")  # noqa: S608  names of the tests
        self.db.unregister("made")

    def source(self, name, table):
        try:
            self.db.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {table}")  # noqa: S608  as above
        except duckdb.CatalogException:
            raise NotFoundError("no such table") from None
        return self.fetch(f"SELECT * FROM {name} LIMIT 0").column_names  # noqa: S608  as above

    def map(self, name, query, function, schema):
        function = pickle.loads(pickle.dumps(function))  # noqa: S301  our own function
        rows = self.db.sql(query).to_arrow_table()
        made = [
            batch
            for start in range(0, rows.num_rows, self.rows)
            for batch in batches.over(function, schema, rows.slice(start, self.rows).to_batches())
        ]
        self._make("TABLE", name, pa.Table.from_batches(made, schema))

    def keep(self, name, query):
        self.db.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")

    def put(self, name, rows):
        self._make("TABLE", name, rows)

    def fetch(self, query):
        found = self.db.sql(query).to_arrow_table()
        self.sent_back.append(found)
        return found
