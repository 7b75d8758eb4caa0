"""Findings on the command line: a table of codes, counts and what each means; and a code that somebody typed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from onefold.cli.output import Output
from onefold.errors import UsageError
from onefold.ingest.findings import FINDINGS


def show(out: Output, findings: Mapping[str, Mapping[str, int]]) -> None:
    """Print how many events of each source have which finding; nothing where there are none."""
    rows = [
        (source, code, count, FINDINGS.get(code, "A finding of another version of Onefold."))
        for source, counts in findings.items()
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    if rows:
        out.table("Findings", ("source", "finding", "events", "what it means"), rows)
        out.say(f"`onefold tail --finding {rows[0][1]} --last 100000 --no-follow` shows the events.")


def code(text: str) -> str:
    """A finding's code as somebody typed it; empty for none.

    Raises:
        UsageError: There is no such code.
    """
    if text and text not in FINDINGS:
        # By words in any order: who types `invalid_email` means `email_invalid`.
        by_words = {_words(code): code for code in FINDINGS}
        near = difflib.get_close_matches(_words(text), by_words, n=1, cutoff=0.4)
        told = f" Did you mean {by_words[near[0]]}?" if near else ""
        raise UsageError(f"There is no finding {text}.{told} docs/reference/findings.md lists them all.")
    return text


def _words(code: str) -> str:
    return "_".join(sorted(code.lower().split("_")))
