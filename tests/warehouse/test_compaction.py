"""Compaction changes no answer: fewer and larger files, the same rows."""

from __future__ import annotations

import random

import pytest
from tests import workbench
from tests.warehouse.test_exactness import agrees, live
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb import compaction, replacing, segments
from onefold.adapters.duckdb.compaction import Compactor, bucket_of
from onefold.adapters.duckdb.erasure import Eraser
from onefold.errors import IntegrityError

ALL = "SELECT * FROM staging.event ORDER BY sequence"


def compacted(tmp_path, queries) -> tuple[Yard, list[dict]]:
    yard = Yard(workbench.context(), tmp_path, queries, rows=10)
    live(yard, random.Random(5))
    yard.load()
    before = yard.rows(ALL)
    assert Compactor(yard.context.store, yard.files, rows=20).compact()
    return yard, before


def test_a_compaction_changes_no_answer(tmp_path, queries):
    """Rows, people and files: each row once, in a file of its node's bucket, and no file that nobody names."""
    yard, before = compacted(tmp_path, queries)
    assert yard.rows(ALL) == before
    agrees(yard)
    with yard.context.store.snapshot() as snapshot:
        named = snapshot.segments()
    events = [segment for segment in named if segment.relation == "staging.event"]
    assert {segment.level for segment in events} == {1}
    assert len(events) <= 8
    for segment in events:
        nodes = yard.files.read(segment, ["node"])["node"].to_pylist()
        assert {bucket_of(node.bytes) for node in nodes} == {segment.bucket}
    assert {path.name for path in yard.files.directory.iterdir()} == {segment.name for segment in named}


def _a_bucket_is_left_out(patch):
    patch.setattr(compaction, "bucket_of", lambda node: node[0] % 9)


def _rows_are_cut_off(patch):
    ordered = compaction._sorted
    patch.setattr(compaction, "_sorted", lambda rows: ordered(rows).slice(1))


def _buckets_overlap(patch):
    patch.setattr(compaction, "_in_bucket", lambda rows, _bucket: rows)


def _files_stay(patch):
    patch.setattr(segments.SegmentFiles, "remove", lambda *_: None)


def _the_old_files_stay_in_the_manifest(patch):
    change = replacing.ManifestChange
    patch.setattr(replacing, "ManifestChange", lambda **stated: change(**(stated | {"remove": ()})))


def _nodes_are_put_in_the_next_bucket(patch):
    write = segments.SegmentFiles.write

    def wrong(self, relation, rows, **stated):
        return write(self, relation, rows, **(stated | {"bucket": (stated.get("bucket", -1) + 1) % 8}))

    patch.setattr(segments.SegmentFiles, "write", wrong)


@pytest.mark.parametrize(
    "planted",
    [
        _a_bucket_is_left_out, _rows_are_cut_off, _buckets_overlap, _files_stay, _the_old_files_stay_in_the_manifest,
        _nodes_are_put_in_the_next_bucket,
    ],
)  # fmt: skip
def test_a_compaction_with_a_mistake_is_noticed(planted, tmp_path, queries, monkeypatch):
    """Negative control: with the mistake planted, the compaction refuses or the test of its answers fails."""
    planted(monkeypatch)
    with pytest.raises((AssertionError, IntegrityError)):
        test_a_compaction_changes_no_answer(tmp_path, queries)


def test_a_reader_keeps_the_files_that_a_compaction_removes(tmp_path, queries):
    """Files that were opened in one snapshot are read to the end, whatever is removed meanwhile."""
    yard = Yard(workbench.context(), tmp_path, queries, rows=10)
    live(yard, random.Random(5))
    yard.load()
    before = yard.rows(ALL)
    run = yard.warehouse._process.run

    def removed_meanwhile(request, descriptors):
        assert Compactor(yard.context.store, yard.files, rows=20).compact()
        return run(request, descriptors)

    yard.warehouse._process = type("Late", (), {"run": staticmethod(removed_meanwhile)})()
    assert yard.rows(ALL) == before


def test_who_is_erased_is_erased_from_compacted_files_too(tmp_path, queries):
    """An erasure finds a node in the large files as in the small ones."""
    yard, before = compacted(tmp_path, queries)
    node = before[0]["node"]
    eraser = Eraser(yard.context.store, yard.context.feed, yard.files, yard.loader, yard.context.clock_us)
    wanted = [bytes.fromhex(node.replace("-", ""))]
    assert eraser.erase(wanted)
    assert eraser.count(wanted) == 0
    assert [row["sequence"] for row in yard.rows(ALL)] == [row["sequence"] for row in before if row["node"] != node]
