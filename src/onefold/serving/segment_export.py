"""Exports of members over HTTP: everybody in a segment as CSV, or as Arrow, a page at a time, as its caller may see it."""

from __future__ import annotations

from collections.abc import Iterator

from onefold.pipelines.audiences import export
from onefold.pipelines.audiences.asking import Chosen
from onefold.pipelines.audiences.service import Audiences
from onefold.serving.pieces import Pieces
from onefold.serving.sight import shown
from onefold.warehouse import cells

CSV = "text/csv"


def csv(audiences: Audiences, audience: str, chosen: Chosen) -> Iterator[bytes]:
    """The members as CSV, which a spreadsheet takes for nothing but texts."""
    yield cells.csv_line(export.COLUMNS).encode()
    for page in export.pages(audiences, audience, chosen):
        yield "".join(cells.csv_line(row, spreadsheet=True) for row in export.rows(shown(page))).encode()


def arrow(audiences: Audiences, audience: str, chosen: Chosen) -> Iterator[bytes]:
    """The members as a stream of Arrow."""
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    schema = pa.schema([(name, pa.string()) for name in export.COLUMNS])
    sink = Pieces()
    with pa.ipc.new_stream(sink, schema) as writer:
        for page in export.pages(audiences, audience, chosen):
            rows = list(export.rows(shown(page)))
            columns = zip(*rows, strict=True) if rows else [()] * len(export.COLUMNS)
            writer.write_batch(pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema))
            yield sink.taken()
    yield sink.taken()
