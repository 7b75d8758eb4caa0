"""Workspaces on one PostgreSQL server cannot see each other, and a role that policies do not bind is refused."""

from __future__ import annotations

import psycopg
import pytest
from tests import database

from onefold.adapters.postgres import migrations
from onefold.adapters.postgres.connections import schema_of
from onefold.adapters.postgres.store import PostgresProfileStore
from onefold.errors import ConfigurationError, UnavailableError
from onefold.model import Edge, IdentityChange, Judgement, Member, WorkspaceIdentity
from onefold.ports import Changes, DeadLetter, NodeRow, OutboxMessage, Tally, TimelineRow
from onefold.ports.audiences import Definition, Listed, Membership, Settlement, Standing
from onefold.ports.warehouse import FeedChunk, ManifestChange, Segment

A, B = b"a" * 16, b"b" * 16


def furnished() -> str:
    """A workspace with a row in every table."""
    name = database.workspace()
    store = database.store(name)
    store.leases.renew("somebody", [0], seconds=60)
    with store.transaction() as transaction:
        transaction.claim([A])
        transaction.write(
            Changes(
                offsets={0: 1},
                identity=WorkspaceIdentity("a" * 32, "1" * 32),
                nodes=[NodeRow(Member(n, "email", 1, n, n), b"k", 1, b"s") for n in (A, B)],
                edges=[Edge(A, B, "event", 1, 1, A, "web", "r/1")],
                judgements=[Judgement(A, "same", A, B, 1, "ann")],
                changes=[IdentityChange("merged", A, B, (B,), 1, 0, 1, "req")],
                timeline=[TimelineRow(A, 1, 0, 1)],
                dead_letters=[DeadLetter(0, 1, "web", "r", "d", 1)],
                tallies=[Tally("web", "stored", 1)],
                outbox=[OutboxMessage("t", A, b"{}")],
                feed=[FeedChunk(1, b"rows")],
                kept={"a": b"since"},
            )
        )
    with store.transaction() as transaction:
        transaction.revise(
            ManifestChange(
                loaded_before=0,
                add=[Segment("a.segment", "staging.event", 1, 1, 1, 1, b"key")],
                relations={"marts.gifts": b"definition"},
            )
        )
    with store.transaction() as transaction:
        transaction.settle(
            Settlement(
                before=0,
                active=True,
                define=[Definition("s", 1, b"{}")],
                marked=[b"whom"],
                standings=[Standing(A, 1, 1, "t")],
                entered=[Membership("s", A, 1, b"{}")],
                listed=[Listed("s", A)],
            )
        )
    store.close()
    return name


def visible(schema: str, says: str | None, *, role: str = database.WORKER) -> dict[str, int]:
    """Rows of each table of `schema` that a session sees which says it works for `says`, by SQL written by hand."""
    with psycopg.connect(database.address(role)) as connection:
        if says is not None:
            connection.execute("SELECT set_config('onefold.workspace', %s, true)", (says,))
        tables = [
            name
            for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,))
            if name != "migration"
        ]
        return {
            table: connection.execute(
                psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(schema, table))
            ).fetchone()[0]
            for table in tables
        }


@pytest.mark.parametrize("role", [database.WORKER, database.OWNER])
def test_a_session_sees_the_rows_of_the_workspace_it_names_and_no_others(role):
    mine, other = schema_of(furnished()), schema_of(furnished())
    assert all(count > 0 for count in visible(mine, mine, role=role).values())
    for says in (None, "", other, "public", "%"):
        assert set(visible(mine, says, role=role).values()) == {0}, says


def test_a_session_of_another_workspace_writes_nothing():
    mine, other = schema_of(furnished()), schema_of(furnished())
    with psycopg.connect(database.address(database.WORKER)) as connection:
        connection.execute("SELECT set_config('onefold.workspace', %s, true)", (other,))
        table = psycopg.sql.Identifier(mine, "dedupe")
        assert connection.execute(psycopg.sql.SQL("DELETE FROM {}").format(table)).rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(psycopg.sql.SQL("INSERT INTO {} VALUES ('x')").format(table))


def test_without_its_policy_a_table_is_seen_and_the_probe_shows_it():
    """The negative control of the two above."""
    mine, other = schema_of(furnished()), schema_of(furnished())
    with psycopg.connect(database.address(database.OWNER)) as connection:
        connection.execute(
            psycopg.sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(psycopg.sql.Identifier(mine, "dedupe"))
        )
    assert visible(mine, other)["dedupe"] == 1


def test_every_table_is_bound():
    """A table that a later migration forgets to protect is found here."""
    schema = schema_of(database.workspace())
    with psycopg.connect(database.server()) as connection:
        bare = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'"
            " AND NOT (relrowsecurity AND relforcerowsecurity)",
            (schema,),
        ).fetchall()
    assert bare == [("migration",)]


def test_the_workers_role_cannot_change_the_tables():
    schema = schema_of(database.workspace())
    with psycopg.connect(database.address(database.WORKER), autocommit=True) as connection:
        for statement in ("ALTER TABLE {}.node DISABLE ROW LEVEL SECURITY", "DROP TABLE {}.node", "TRUNCATE {}.node",
                          "CREATE TABLE {}.mine (x int)", "DELETE FROM {}.migration"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(psycopg.sql.SQL(statement).format(psycopg.sql.Identifier(schema)))


ALIKE = ("al-ike", "al_ike", "al-ike_", "a" * 55, "a" * 56, "a" * 57, "a" * 62 + "b", "a" * 62 + "c", "a" * 62 + "-")


def test_workspaces_whose_names_are_alike_have_schemas_of_their_own():
    """Whatever names a project may give: no two share tables, and what one holds the other does not see."""
    schemas = [schema_of(name) for name in ALIKE]
    assert len(set(schemas)) == len(ALIKE)
    assert all(len(schema) <= 63 for schema in schemas)
    assert schema_of("main") == "onefold_main"
    stores = []
    for name in ALIKE:
        migrations.migrate(database.address(database.OWNER), schema_of(name), role=database.WORKER)
        stores.append(database.store(name))
    for number, store in enumerate(stores):
        with store.transaction() as transaction:
            assert transaction.claim([A]) == [True]
            transaction.write(Changes(offsets={0: number + 1}))
    for number, store in enumerate(stores):
        with store.snapshot() as snapshot:
            assert snapshot.offsets() == {0: number + 1}
        store.close()


def test_a_superuser_is_refused():
    name = database.workspace()
    with pytest.raises(ConfigurationError, match="SUPERUSER"):
        PostgresProfileStore(database.server(), name, database.SEALER)
    PostgresProfileStore(database.server(), name, database.SEALER, trusted=True).close()


def test_a_workspace_without_tables_says_what_to_do():
    with pytest.raises(ConfigurationError, match="onefold migrate"):
        database.store("never_migrated")


def test_a_server_that_does_not_answer_is_unavailable():
    with pytest.raises(UnavailableError):
        PostgresProfileStore("postgresql://nobody@127.0.0.1:1/none", "w", database.SEALER)


def test_migrations_are_applied_once_and_go_on_where_they_were_stopped():
    schema = schema_of("stopped")
    steps = [*migrations.scripts(), (9000, "CREATE TABLE later (x int); SELECT 1/0")]
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrations.migrate(database.address(database.OWNER), schema, migrations=steps)
    steps[-1] = (9000, "CREATE TABLE later (x int)")
    assert migrations.migrate(database.address(database.OWNER), schema, migrations=steps) == [9000]
    assert migrations.migrate(database.address(database.OWNER), schema, migrations=steps) == []
