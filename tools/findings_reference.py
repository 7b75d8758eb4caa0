"""The reference page of findings, written from their closed list. `python -m tools.findings_reference` writes it."""

from __future__ import annotations

from pathlib import Path

from onefold.ingest.findings import FINDINGS

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "findings.md"

_HEAD = """\
# Findings

A finding says that something an event stated was not understood, was refused or changed, or had to be decided.
The event is stored all the same, and what was understood of it counts.
What cannot be stored at all becomes a [dead letter](../how-to/mend-a-dead-letter.md) instead.

A finding is a code, and the place it is about: a JSON pointer, a column or an identifier type, never a value.
An event's findings follow from the entry in the log and today's configuration, so they show in `onefold tail` as they are
today; counts and profiles show them as of processing, and `onefold rebuild` brings those up to date after a change of rules.

| where | what it shows |
| --- | --- |
| `onefold load` | findings of the rows just loaded, by code |
| `onefold sources`, `GET /api/v1/sources` | events by source and code |
| `onefold tail --finding CODE --last 100000 --no-follow` | the events themselves |
| `GET /api/v1/events/stream?finding=CODE` | the events themselves, as they come |
| `onefold profile`, `GET /api/v1/profiles/…` | per person and code, how many events and when the last one happened |
| timeline of a profile | each event with its findings |
| `/metrics` | `onefold_findings_total{workspace,source,code}` |
| `onefold preview --since TIME` | what the findings would be under today's configuration |

This page is generated from the closed list in `src/onefold/ingest/findings.py`.

| code | what it means |
| --- | --- |
"""


def reference_text() -> str:
    """The page."""
    return _HEAD + "".join(f"| `{code}` | {sentence} |\n" for code, sentence in sorted(FINDINGS.items()))


if __name__ == "__main__":
    PAGE.write_text(reference_text(), encoding="utf-8")
