"""Files under the fuzzer: each row becomes an entry or a dead letter, in order, and no file breaks the reader.

The first byte chooses the mapping (format, delimiter, encoding, columns), the rest is the file.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from onefold.connectors.sources import files, mapping
from onefold.errors import ConfigurationError, UsageError
from onefold.ingest.gate import Gate
from onefold.ingest.reasons import REASONS
from onefold.ingest.settings import IngestSettings
from onefold.model import Accepted, Rejected

_RECORD = """\
identifiers: {user_id: {column: id, optional: true}, email: {column: [email, mail], optional: true}}
traits: {name: {column: name, optional: true}, age: {column: age, as: integer, optional: true}}
"""
_GIFT = """\
type: track
event: Donation Completed
id: id
timestamp: {column: date, optional: true, formats: ["%m/%d/%Y", iso]}
identifiers: {user_id: {column: id, optional: true}}
properties: {revenue: {column: amount, as: decimal, optional: true, decimal_mark: ","}, currency: {value: USD}}
consent: {email: {column: opt, optional: true, granted: [Y, yes]}}
"""
MAPPINGS = tuple(
    mapping.read(body + more)
    for body in (_RECORD, _GIFT)
    for more in (
        "", "format: csv\n", "format: jsonl\n", "format: whitespace\n", "format: csv\nencoding: utf-16\n",
        "format: csv\nencoding: cp1252\ndelimiter: ';'\n", "format: csv\ndelimiter: tab\n",
        "format: jsonl\nencoding: utf-8\n",
    )
)  # fmt: skip
JUDGE = Gate(IngestSettings())
_FOLDER = Path(tempfile.mkdtemp(prefix="onefold-fuzz-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def check(data: bytes) -> None:
    """Read one file to its end, and judge its rows."""
    plan = MAPPINGS[data[0] % len(MAPPINGS)] if data else MAPPINGS[0]
    content = data[1:]
    if content.startswith(b"PAR1"):
        # Parquet is read by polars, whose own fuzzing this is not.
        return
    path = _FOLDER / "file"
    path.write_bytes(content)
    try:
        files.header(path)
        found = list(files.rows(path, plan))
    except (ConfigurationError, UsageError):
        # What can be said of a whole file: it is none of ours.
        return
    lines = [row.line for row in found]
    assert lines == sorted(set(lines)), "rows out of order, or one line twice"
    assert sum(len(r.raw) for r in found if isinstance(r, files.BadRow)) <= 4 * len(content) + 4
    if plan.encoding == "utf-8":
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            stated = sum(1 for line in file if line.strip())
        assert len(found) == stated, "a line got lost"
    entries = list(files.entries(found, source="crm", received_at_us=1, request_id="r", file="file"))
    assert len(entries) == len(found)
    for entry, row in zip(entries, found, strict=True):
        verdict = JUDGE.check(entry)
        if isinstance(row, files.BadRow):
            assert isinstance(verdict, Rejected)
            assert verdict.reason == row.reason in REASONS
        else:
            assert isinstance(verdict, Accepted) or verdict.reason in REASONS
