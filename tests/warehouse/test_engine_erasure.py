"""Erasure from a copy: what is somebody's goes, as it goes from the embedded warehouse, and every other row stays."""

import psycopg
from bench.postgres import server
from tests.engines import contents, copy, postgres_engine

from onefold.adapters.duckdb.erasure import Eraser
from onefold.adapters.postgres import engine as postgres
from onefold.adapters.sql_engines import clickhouse, erasure
from onefold.warehouse import relations
from onefold.warehouse.query import parse

SECRET = "zq-7731-gonehopefully"


def peopled(yard):
    """Two people who once had a device in common, which events of both name."""
    for who in ("ann", SECRET):
        yard.receive(
            {
                "type": "identify",
                "userId": who,
                "anonymousId": f"d-{who}",
                "messageId": f"i{who}",
                "traits": {"note": who},
            },
            {"type": "track", "event": "Read", "userId": who, "properties": {"by": who}, "messageId": f"t{who}"},
        )
        yard.load()
    yard.receive({"type": "track", "event": "Read", "userId": "ann", "anonymousId": f"d-{SECRET}", "messageId": "both"})
    yard.load()


def nodes_of(yard, value):
    found = yard.warehouse.run(parse("SELECT node, value FROM golden.identity")).to_pylist()
    return [bytes.fromhex(row["node"].replace("-", "")) for row in found if value in row["value"]]


def in_files(word):
    """Files of the server's tables that hold a word, after everything was written."""
    from pathlib import Path

    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        ((folder,),) = connection.execute("SHOW data_directory").fetchall()
    return {
        path.name for path in Path(folder, "base").rglob("*") if path.is_file() and word.encode() in path.read_bytes()
    }


def test_a_copy_erases_what_the_warehouse_erases(yard, queries):
    """What is left is what a new copy of the erased warehouse has, a load brings none back, and no file holds their words."""
    peopled(yard)
    engine, fresh = postgres_engine(queries), postgres_engine(queries)
    try:
        copy(yard, engine)
        nodes = nodes_of(yard, SECRET)
        assert nodes
        assert in_files(SECRET), "the sweep finds what is there"
        eraser = Eraser(yard.context.store, yard.loader._feed, yard.files, yard.loader, yard.context.clock_us)
        assert engine.count(nodes) == eraser.count(nodes)
        assert engine.erase(nodes) == eraser.erase(nodes)
        assert engine.count(nodes) == 0
        assert engine.erase(nodes) == 0
        copy(yard, engine)  # relations that tell of the erasure
        copy(yard, fresh)
        assert contents(engine) == contents(fresh)
        assert in_files(SECRET), "deleted rows lie in their pages until the tables are rewritten"
        engine.compact()
        assert in_files(SECRET) == set()
        again = copy(yard, engine)
        assert (again.rows, again.anew) == (0, False)
        assert engine.count(nodes) == 0
    finally:
        fresh.close()
        engine.close()


def test_no_log_is_left_out():
    """Each log holds rows about people, so each has a condition in every engine."""
    assert set(erasure.concerned(clickhouse.KIND)) == set(relations.LOGS)
    assert {log for log, _ in postgres._CONCERNED} == set(relations.LOGS)
