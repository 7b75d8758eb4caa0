"""Exports of members: everybody in an audience, as rows."""

from __future__ import annotations

from collections.abc import Iterator

from onefold.model import results
from onefold.pipelines.audiences.asking import EVERYBODY, Chosen
from onefold.pipelines.audiences.service import Audiences

COLUMNS = ("profile_id", "identifier_type", "identifier", "since", "because")
PAGE = 1_000
Row = tuple[str | None, ...]


def pages(audiences: Audiences, audience: str, chosen: Chosen = EVERYBODY) -> Iterator[results.Members]:
    """All members of a segment or a stage, in order of their ids, page by page.

    Raises:
        NotFoundError: There is no such segment or stage.
    """
    cursor = None
    while True:
        page = audiences.members(audience, cursor=cursor, limit=PAGE, chosen=chosen)
        yield page
        if page.next is None:
            return
        cursor = page.next


def rows(page: results.Members) -> Iterator[Row]:
    """The members of a page as rows: `COLUMNS`."""
    for m in page.members:
        kind, value = (None, None) if m.identifier is None else (m.identifier.type, m.identifier.value)
        yield m.profile_id, kind, value, m.since, m.reason.because
