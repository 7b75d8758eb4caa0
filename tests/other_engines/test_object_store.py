"""Segment files in an S3-compatible store, a real server: sealed there, exact, and only the loader waits when it is away."""

from __future__ import annotations

import io
from functools import partial

import pytest
from tests import workbench
from tests.other_engines.servers import ACCESS_KEY, BUCKET, SECRET_KEY, ObjectStore
from tests.own_relations import PLEDGE, pledges
from tests.running import project
from tests.warehouse.yard import Yard

from onefold import bootstrap
from onefold.adapters.duckdb.compaction import Compactor
from onefold.adapters.duckdb.erasure import Eraser
from onefold.adapters.duckdb.loader import Loader
from onefold.adapters.duckdb.remote_segments import RemoteSegmentFiles
from onefold.adapters.duckdb.warehouse import DuckDbWarehouse
from onefold.adapters.s3.bucket import Bucket
from onefold.bootstrap.backups import backup
from onefold.bootstrap.warehousing import segment_files, warehouse_of
from onefold.errors import ConfigurationError, IntegrityError, UnavailableError
from onefold.pipelines.reading import profile_rows

SECRET = "zq-7731-gonehopefully"
COUNT = "SELECT count(*) AS n FROM staging.event"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    running = ObjectStore(tmp_path_factory.mktemp("store"))
    running.start()
    yield running
    running.stop()


def remote(store, directory, queries, *, of=None, cache=1 << 30):
    """A warehouse whose files are in the store, with copies in a folder; of the same store and objects as another one."""
    yard = Yard(workbench.context(), directory, queries) if of is None else of
    sealer = yard.files._sealer
    prefix = f"{directory.parent.name}-{directory.name}/" if of is None else of.files._bucket._prefix
    files = RemoteSegmentFiles(directory / "copies", sealer, store.bucket(prefix), cache_bytes=cache)
    profiler = partial(profile_rows.profile_rows, yard.context)
    made = object.__new__(Yard)
    made.context, made.files = yard.context, files
    made.loader = Loader(yard.context.store, yard.context.feed, files, profiler)
    made.warehouse = DuckDbWarehouse(yard.context.store, yard.context.feed, files, profiler, queries)
    return made


def event(n, name="Read", **more):
    return {"type": "track", "event": name, "userId": f"u{n % 3}", "messageId": f"m{n}", **more}


def named(yard):
    with yard.context.store.snapshot() as snapshot:
        return {segment.name for segment in snapshot.segments()}


def objects(yard):
    return {each.name for each in yard.files._bucket.names()}


def test_files_are_in_the_store_sealed_and_read_from_there(store, queries, tmp_path):
    """What the manifest names is what the store has; no object has a word of anybody, and without copies all is read."""
    yard = remote(store, tmp_path, queries)
    for n in range(3):
        yard.receive(event(n, properties={"note": SECRET}))
        yard.load()
    yard.warehouse.replace(PLEDGE, pledges({(SECRET, 2024): 1}))
    assert objects(yard) == named(yard) != set()
    for name in objects(yard):
        file = io.BytesIO()
        yard.files._bucket.get(name, file)
        assert SECRET.encode() not in file.getvalue()
        assert file.getvalue()
    other = remote(store, tmp_path / "elsewhere", queries, of=yard)
    assert other.rows("SELECT DISTINCT properties ->> 'note' AS note FROM staging.event") == [{"note": SECRET}]
    assert other.rows("SELECT donor FROM marts.pledge") == [{"donor": SECRET}]
    other.receive(event(9))
    assert remote(store, tmp_path / "machine", queries, of=yard).load() > 0
    assert objects(yard) == named(yard)
    small = remote(store, tmp_path / "small", queries, of=yard, cache=0)
    assert small.rows(COUNT) == [{"n": 4}]
    assert len(list((tmp_path / "small" / "copies").iterdir())) == 1


def test_compaction_and_erasure_leave_no_object_behind(store, queries, tmp_path):
    """Files that were put together or written anew go from the store, too."""
    yard = remote(store, tmp_path, queries)
    for n in range(4):
        yard.receive(event(n), event(n + 10, properties={"by": SECRET}))
        yard.load()
    Compactor(yard.context.store, yard.files, rows=2, segments=2).compact()
    assert objects(yard) == named(yard)
    node = yard.rows("SELECT node FROM golden.identity WHERE value = 'u1'")[0]["node"]
    before = objects(yard)
    eraser = Eraser(yard.context.store, yard.context.feed, yard.files, yard.loader, yard.context.clock_us)
    nodes = [bytes.fromhex(str(node).replace("-", ""))]
    assert eraser.erase(nodes) > 0
    assert eraser.count(nodes) == 0
    assert objects(yard) == named(yard) != before


def test_a_store_that_is_away_delays_the_loader_alone(store, queries, tmp_path):
    """The stream goes on and queries see all of it; a load fails and changes nothing, and catches up later. No orphans."""
    yard = remote(store, tmp_path, queries)
    yard.receive(event(1))
    yard.load()
    before = named(yard)
    store.stop()
    try:
        yard.receive(event(2), event(3))
        with pytest.raises(UnavailableError, match="object store"):
            yard.load()
        assert named(yard) == before
        assert yard.rows(COUNT) == [{"n": 3}]
        assert len(list((tmp_path / "copies").iterdir())) == len(before)
        bare = remote(store, tmp_path / "bare", queries, of=yard)
        with pytest.raises(UnavailableError):
            bare.rows(COUNT)
        assert yard.files.sweep(named(yard), spared_seconds=0) == 0
    finally:
        store.start()
    assert yard.load() > 0
    assert yard.rows(COUNT) == [{"n": 3}]
    yard.files.sweep(named(yard), spared_seconds=0)
    assert objects(yard) == named(yard)


def test_a_file_that_only_seems_to_be_put_is_missed(store, queries, tmp_path, monkeypatch):
    """The negative control: where a put that fails is taken for one that did not, rows are in no store."""
    yard = remote(store, tmp_path, queries)
    monkeypatch.setattr(Bucket, "put", lambda *_: None)
    yard.receive(event(1))
    yard.load()
    assert objects(yard) != named(yard)
    with pytest.raises(IntegrityError, match="not in the object store"):
        remote(store, tmp_path / "bare", queries, of=yard).rows(COUNT)


def test_orphans_are_swept_and_named_files_are_not(store, queries, tmp_path):
    """What nobody names goes once it is old enough."""
    yard = remote(store, tmp_path, queries)
    yard.receive(event(1))
    yard.load()
    stray = tmp_path / "stray"
    stray.write_bytes(b"left by a kill")
    yard.files._bucket.put("staging.event-stray.segment", stray)
    assert yard.files.sweep(named(yard)) == 0
    assert yard.files.sweep(named(yard), spared_seconds=0) == 1
    assert objects(yard) == named(yard)
    assert yard.rows(COUNT) == [{"n": 1}]


def test_an_object_that_was_altered_is_told(store, queries, tmp_path):
    """Of another length, or of the same with other bytes: a query fails, and says so."""
    yard = remote(store, tmp_path, queries)
    yard.receive(event(1))
    yard.load()
    name = next(name for name in named(yard) if name.startswith("staging.event"))
    file = tmp_path / "altered"
    plain = (tmp_path / "copies" / name).read_bytes()
    for altered in (plain[:-1], bytes([plain[0] ^ 1]) + plain[1:]):
        file.write_bytes(altered)
        yard.files._bucket.put(name, file)
        with pytest.raises(IntegrityError):
            remote(store, tmp_path / f"with-{len(altered)}", queries, of=yard).rows(COUNT)


def test_wrong_credentials_are_told_without_showing_them(store):
    """The message tells where they are stated."""
    with pytest.raises(ConfigurationError, match=r"warehouse\.storage") as told:
        list(store.bucket("x/", "another-secret-key").names())
    assert "another-secret-key" not in str(told.value)


def test_a_project_states_its_store(store, monkeypatch, tmp_path):
    """By the project file: the workspace's own prefix, keys by reference, and backups that hold the files."""
    monkeypatch.setenv("STORE_ACCESS", ACCESS_KEY)
    monkeypatch.setenv("STORE_SECRET", SECRET_KEY)
    stated = (
        f"warehouse: {{storage: {{url: 's3://{BUCKET}/of-project', endpoint: '{store.endpoint}', "
        "access_key: 'env:STORE_ACCESS', secret_key: 'env:STORE_SECRET'}}\n"
    )
    with project(more=stated) as here, bootstrap.opened(here.directory, None) as opened:
        files = segment_files(opened)
        assert isinstance(files, RemoteSegmentFiles)
        bootstrap.load_warehouse(opened)
        warehouse = warehouse_of(opened)
        warehouse.replace(PLEDGE, pledges({("ann", 2024): 1}))
        warehouse.close()
        with opened.context.store.snapshot() as snapshot:
            names = {segment.name for segment in snapshot.segments()}
        assert {each.name for each in files._bucket.names()} == names != set()
        assert files._bucket._prefix == f"of-project/{opened.identity.id}/"
        for name in names:
            (files.directory / name).unlink()
        backup(opened.project, opened, tmp_path / "backup")
        assert names <= {path.name for path in (tmp_path / "backup").iterdir()}
