"""Erasure from PostgreSQL, down to its files. What is erased from any copy is in the contract of copies."""

import psycopg
from bench.postgres import server
from tests.contracts.copies import nodes_of, peopled
from tests.engines import copy

from onefold.adapters.postgres import engine as postgres
from onefold.adapters.sql_engines import clickhouse, erasure
from onefold.warehouse import relations

WORD = "zq-8842-inallfiles"
"""Of this test alone: others leave people in copies of theirs on the same server."""


def in_files(word):
    """Files of the server's tables that hold a word, after everything was written."""
    from pathlib import Path

    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        ((folder,),) = connection.execute("SHOW data_directory").fetchall()
    return {
        path.name for path in Path(folder, "base").rglob("*") if path.is_file() and word.encode() in path.read_bytes()
    }


def test_no_file_of_the_server_holds_a_word_of_whoever_was_erased(yard, make_engine):
    """Once the tables are rewritten, for deleted rows lie in their pages until then."""
    peopled(yard, WORD)
    engine = make_engine()
    copy(yard, engine)
    assert in_files(WORD), "the sweep finds what is there"
    engine.erase(nodes_of(yard, WORD))
    assert in_files(WORD), "deleted rows lie in their pages"
    engine.compact()
    assert in_files(WORD) == set()


def test_no_log_is_left_out():
    """Each log holds rows about people, so each has a condition in every engine."""
    assert set(erasure.concerned(clickhouse.KIND)) == set(relations.LOGS)
    assert {log for log, _ in postgres._CONCERNED} == set(relations.LOGS)
