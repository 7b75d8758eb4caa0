"""Bugs to plant: code of ours that breaks on events named `Break`, as a release might that nobody tested enough."""

from __future__ import annotations

from onefold.identity.hashing import Hasher
from onefold.ingest.judge import Judge
from onefold.model import Accepted
from onefold.profiles import state as folds


def _break(value):
    raise ZeroDivisionError(value)


def breaking_judge(monkeypatch):
    """Gate 1 breaks."""
    judge = Judge.judge

    def broken(self, entry):
        said = judge(self, entry)
        return _break("u0") if isinstance(said, Accepted) and said.event.name == "Break" else said

    monkeypatch.setattr(Judge, "judge", broken)


def breaking_hasher(monkeypatch):
    """Naming breaks, which knows identifiers only: the event before is remembered to know when."""
    judge, name, last = Judge.judge, Hasher.name, []

    def watched(self, entry):
        said = judge(self, entry)
        last[:] = [said.event.name] if isinstance(said, Accepted) else []
        return said

    def broken(self, identifiers, settings):
        return _break("u0") if last == ["Break"] else name(self, identifiers, settings)

    monkeypatch.setattr(Judge, "judge", watched)
    monkeypatch.setattr(Hasher, "name", broken)


def breaking_fold(monkeypatch):
    """Folding breaks, in the midst of the batch's transaction."""
    fold = folds.fold

    def broken(state, event, settings):
        return _break("u0") if event.name == "Break" else fold(state, event, settings)

    monkeypatch.setattr(folds, "fold", broken)
