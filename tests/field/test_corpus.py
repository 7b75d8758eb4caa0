"""Messy rows and messages: each is understood as written down here, or told; no wrong value passes in silence.

`*.tsv` holds what stands in a field and what is to become of it. Each line is tried as a message of an SDK and as a row of
a file. Add lines to the file of your kind; a new file needs nothing else.
"""

from pathlib import Path

import msgspec
import pytest
from tests import workbench
from tests.plain import balances, profiles

from onefold.model import Identifier, LogEntry
from onefold.pipelines.reading import tail
from onefold.pipelines.stream import process

LINES = [
    line.split("\t")
    for file in sorted(Path(__file__).parent.glob("*.tsv"))
    for line in file.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
FORMS = {
    "message": lambda number, kind, stated: workbench.entry(
        {"type": "identify", "userId": f"u-{number}", "messageId": f"m{number}", "traits": {kind: stated}}
        if kind in ("email", "phone")
        else {
            "type": "identify", "userId": f"u-{number}", "messageId": f"m{number}",
            "context": {"externalIds": [{"type": kind, "id": stated}]},
        }
    ),
    "row": lambda number, kind, stated: LogEntry(
        "record", "web", workbench.NOW_US, number,
        msgspec.json.encode({
            "type": "record", "messageId": f"r{number}",
            "identifiers": [{"type": "user_id", "value": f"u-{number}"}, {"type": kind, "value": stated}],
        }),
    ),
}  # fmt: skip


def of_line(line):
    kind, stated, values, codes = (*line, "")[:4]
    return kind, msgspec.json.decode(stated), msgspec.json.decode(values), set(codes.split())


def test_the_corpus_is_as_large_as_promised():
    """Three hundred rows and messages, of which each stated text stands once."""
    assert len(LINES) * len(FORMS) >= 300
    assert len({tuple(line[:2]) for line in LINES}) == len(LINES)


@pytest.mark.parametrize("form", FORMS)
def test_each_is_understood_or_told(form):
    """Exactly the identifiers that are meant, and exactly the findings that say what was done."""
    context = workbench.context()
    entries = [FORMS[form](number, *of_line(line)[:2]) for number, line in enumerate(LINES)]
    context.log.append(entries)
    process.drain(context)
    wrong, counted = [], {}
    for number, (line, sight) in enumerate(zip(LINES, tail.after(context, {}, len(LINES)), strict=True)):
        kind, stated, values, codes = of_line(line)
        named, _ = context.hasher.name((Identifier(kind, stated),), context.identity)
        found = profiles.profile(context, Identifier("user_id", f"u-{number}"))
        told = {finding.split()[0] for finding in sight.findings}
        if [n.value for n in named] != values or told != codes or sight.verdict != "stored":
            wrong.append((line, [n.value for n in named], told, sight.verdict))
        assert set(found["findings"]) == codes
        for code in codes:
            counted[code] = counted.get(code, 0) + 1
    assert wrong == []
    (account,) = (a for a in balances.sources(context) if a["source"] == "web")
    assert account["findings"] == counted
    assert account["balanced"]
