"""What the tests of connectors share: the shared data folder, and short ways to write and read a file."""

import msgspec
import pytest

from onefold.connectors.sources import files, mapping


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read it with a mapping: (good rows as JSON, bad rows)."""

    def run(content: bytes, yaml: str, name: str = "people.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        found = list(files.rows(path, mapping.read(yaml)))
        good = [msgspec.json.decode(row.body) for row in found if isinstance(row, files.Row)]
        return good, [row for row in found if isinstance(row, files.BadRow)]

    return run
