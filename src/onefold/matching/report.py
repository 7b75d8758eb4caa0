"""The report of a match: one HTML page that reaches for nothing outside itself, and shows no value of any record."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from onefold.matching import clustering
from onefold.matching.accuracy import Accuracy
from onefold.matching.explanation import Explanation, of_levels
from onefold.matching.learning import HOUSEHOLD, SAME, STRANGERS
from onefold.matching.matcher import Matched

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #d8dee6}
table{border-collapse:collapse;margin:.8rem 0}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}
th{font-weight:600;color:#52606f}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.for{fill:#2a7f62}.against{fill:#b4472f}.muted{color:#66737f}
"""
_BINS = 40
_EXAMPLES = 3
_WIDTH = 220


def page(
    matched: Matched, *, title: str, accuracy: Accuracy | None = None, curve: Sequence[tuple[float, Accuracy]] = ()
) -> str:
    """The page as text.

    Args:
        matched: The match.
        title: Of the page: the file's name.
        accuracy: Against the truth, where there is one.
        curve: The same at other thresholds.
    """
    rows = matched.records
    sizes = clustering.sizes(matched.person)
    joined = int((sizes * (sizes - 1) // 2).sum())
    parts = [
        f"<h1>Who is who in {_text(title)}</h1>",
        _table(
            ("", ""),
            [
                ("records", f"{rows.count:,}"), ("people", f"{len(sizes):,}"),
                ("people with several records", f"{int((sizes > 1).sum()):,}"),
                ("largest person", f"{int(sizes[0]):,} records"),
                ("pairs compared", f"{matched.looked_at:,}"), ("pairs joined", f"{joined:,}"),
                ("sources that hold each person once", ", ".join(matched.exclusive) or "none"),
            ],
        ),
    ]  # fmt: skip
    parts += _accuracy(accuracy, curve)
    parts += ["<h2>Columns</h2>", _table(("column", "holds", "why"), [(f.column, f.kind.replace("_", " "), f.why or "stated")
                                                                     for f in matched.fields])]  # fmt: skip
    parts += [
        "<h2>Pairs by probability</h2>",
        _histogram(matched.scored.probability),
        *_learned(matched),
        *_examples(matched),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(title)}</title><style>{_STYLE}</style>'
        f"{''.join(parts)}</html>\n"
    )


def _accuracy(accuracy: Accuracy | None, curve: Sequence[tuple[float, Accuracy]]) -> list[str]:
    if accuracy is None:
        return []
    rows = [("as joined", accuracy), *((f"threshold {stop:+g}", each) for stop, each in curve)]
    head = ("", "precision", "recall", "F1", "B³ precision", "B³ recall", "B³", "people", "largest")
    body = [
        (name, *(f"{each:.4f}" for each in (a.precision, a.recall, a.f1, a.b3_precision, a.b3_recall, a.b3)),
         f"{a.people:,}", str(a.largest))
        for name, a in rows
    ]  # fmt: skip
    told = f"There are {accuracy.true_people:,} people; the largest has {accuracy.true_largest} records."
    return ["<h2>Accuracy</h2>", _table(head, body), f'<p class="muted">{told}</p>']


def _learned(matched: Matched) -> list[str]:
    model = matched.model
    if model is None:
        return []
    told = (
        "How often pairs are on a level, and what it says for one person: against a household, and against strangers, "
        "in natural-log odds."
    )
    parts = ["<h2>What was learned</h2>", f"<p>{told}</p>"]
    for comparison, chances in zip(model.comparisons, model.chances, strict=True):
        logs = np.log(chances)
        body = []
        for level, each in enumerate(comparison.levels, 1):
            weights = (logs[SAME, level] - logs[HOUSEHOLD, level], logs[SAME, level] - logs[STRANGERS, level])
            body.append((each.name, f"{chances[SAME, level]:.3%}", f"{chances[HOUSEHOLD, level]:.3%}",
                         f"{chances[STRANGERS, level]:.2g}", *(_bar(float(weight)) for weight in weights)))  # fmt: skip
        head = (
            comparison.field.column,
            "same person",
            "household",
            "strangers",
            "against household",
            "against strangers",
        )
        parts.append(_table(head, body))
    return parts


def _examples(matched: Matched) -> list[str]:
    """The waterfalls of pairs around the threshold, of both sorts, and of a clear one."""
    model, scored = matched.model, matched.scored
    if model is None or not len(scored.a):
        return []
    near = np.argsort(np.abs(scored.score), kind="stable")[:_EXAMPLES].tolist()
    parts = ["<h2>Pairs explained</h2>"]
    for index in dict.fromkeys([0, *near]):
        a, b = int(scored.a[index]), int(scored.b[index])
        told = of_levels(
            model,
            scored.levels[index : index + 1],
            matched.records.ids[a],
            matched.records.ids[b],
            one_person=bool(matched.person[a] == matched.person[b]),
        )
        parts.append(_waterfall(told))
    return parts


def _waterfall(told: Explanation) -> str:
    end = "one person" if told.one_person else "two people"
    head = (
        f"{told.record_a} and {told.record_b}: {end} ({told.probability:.1%}), else {told.instead}",
        "",
        "weight",
        "sum",
    )
    body = [(step.field, step.level, _bar(step.weight), f"{step.sum:+.1f}") for step in told.steps]
    return _table(head, body)


class _Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def _bar(weight: float) -> str:
    length = min(abs(weight) / 20, 1) * _WIDTH / 2
    start = _WIDTH / 2 if weight >= 0 else _WIDTH / 2 - length
    sort = "for" if weight >= 0 else "against"
    return _Markup(
        f'<svg width="{_WIDTH + 60}" height="14" role="img" aria-label="{weight:+.1f}">'
        f'<rect class="{sort}" x="{start:.1f}" y="2" width="{length:.1f}" height="10"></rect>'
        f'<text x="{_WIDTH + 8}" y="12" font-size="12">{weight:+.1f}</text></svg>'
    )


def _histogram(probability: Any) -> str:
    counts = np.histogram(probability, bins=_BINS, range=(0, 1))[0]
    most = max(int(counts.max(initial=0)), 1)
    bars = "".join(
        f'<rect class="for" x="{16 * n}" y="{110 - 100 * np.log1p(count) / np.log1p(most):.1f}" width="14" '
        f'height="{100 * np.log1p(count) / np.log1p(most):.1f}"><title>{n / _BINS:.3f}: {count:,}</title></rect>'
        for n, count in enumerate(counts.tolist())
    )
    ends = f'<text x="0" y="126" font-size="12">0</text><text x="{16 * _BINS - 8}" y="126" font-size="12">1</text>'
    return (
        f'<svg width="{16 * _BINS + 10}" height="130" role="img" aria-label="pairs by probability">{bars}{ends}</svg>'
    )


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{_text(cell)}</th>" for cell in head) if any(head) else ""
    rows = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in body)
    return f"<table>{f'<tr>{top}</tr>' if top else ''}{rows}</table>"


def _text(value: str) -> str:
    return value if isinstance(value, _Markup) else html.escape(value)
