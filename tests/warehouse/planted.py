"""Bugs to plant in the warehouse, each of which the laws of exactness have to notice."""

from __future__ import annotations

import msgspec

from onefold.adapters.duckdb import loader
from onefold.adapters.duckdb import warehouse as reading
from onefold.pipelines.reading import profile_rows
from onefold.pipelines.stream import feeding
from onefold.warehouse import touched, views


def moves_are_not_fed(patch):
    patch.setattr(feeding, "moved_rows", lambda _: [])


def new_nodes_are_not_fed(patch):
    patch.setattr(feeding, "_seen", lambda *_: [])


def an_event_is_fed_twice(patch):
    feed = feeding.feed
    patch.setattr(feeding, "feed", lambda context, piece, *rest: feed(context, [*piece, *piece[:1]], *rest))


def events_belong_to_the_weakest_node(patch):
    columns = feeding.event_columns
    patch.setattr(
        feeding, "event_columns", lambda events, places, nodes: columns(events, places, [[*reversed(n)] for n in nodes])
    )


def neighbours_are_forgotten(patch):
    patch.setattr(profile_rows.neighbours, "near", lambda snapshot, nodes: set(nodes))


def words_of_consent_concern_nobody_else(patch):
    happened = touched.Touched.happened
    patch.setattr(touched.Touched, "happened", lambda self, nodes, *, spoke: happened(self, nodes, spoke=False))


def people_that_are_gone_stay(patch):
    rows = profile_rows.profile_rows
    patch.setattr(
        profile_rows, "profile_rows", lambda *stated: [row for row in rows(*stated) if not row[1]]
    )  # fmt: skip


def the_first_profile_is_shown(patch):
    queries = views.queries()
    wrong = dict(queries)
    text = wrong["golden.profile"].sql(dialect="duckdb").replace("ORDER BY sequence DESC", "ORDER BY sequence")
    wrong["golden.profile"] = views.parse(text)
    patch.setattr(reading.views, "queries", lambda: wrong)


def the_tail_is_not_read(patch):
    patch.setattr(reading.DuckDbWarehouse, "_tail", lambda *_: {})


def a_chunk_is_lost_on_the_way(patch):
    opened = loader.opened
    patch.setattr(loader, "opened", lambda feed, chunks: opened(feed, chunks)[-1:])


def attributes_lose_what_is_empty(patch):
    made = profile_rows.profile_row

    def row(profile):
        found = list(made(profile))
        found[5] = msgspec.json.encode({})
        return tuple(found)

    patch.setattr(profile_rows, "profile_row", row)


BUGS = [
    moves_are_not_fed,
    new_nodes_are_not_fed,
    an_event_is_fed_twice,
    events_belong_to_the_weakest_node,
    people_that_are_gone_stay,
    the_first_profile_is_shown,
    the_tail_is_not_read,
    a_chunk_is_lost_on_the_way,
    attributes_lose_what_is_empty,
]
ABOUT_NEIGHBOURS = [neighbours_are_forgotten, words_of_consent_concern_nobody_else]
