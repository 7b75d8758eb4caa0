"""Bugs to plant: code of ours that breaks on events named `Break`, as a release might that nobody tested enough."""

from __future__ import annotations

from onefold.identity.hashing import Hasher
from onefold.ingest.judge import Judge
from onefold.model import Accepted
from onefold.pipelines import stream
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


def breaking_sighting(monkeypatch):
    """What is told to the resolver of an event breaks."""
    sighting = stream._sighting
    monkeypatch.setattr(stream, "_sighting", lambda c: _break("u0") if c.event.name == "Break" else sighting(c))


def breaking_resolve(monkeypatch):
    """Resolving the batch breaks, without a word on which event is the cause."""
    resolve, sighting, ids = stream.resolve, stream._sighting, set()

    def watched(c):
        if c.event.name == "Break":
            ids.add(c.event.id)
        return sighting(c)

    def broken(reader, sightings, *rest):
        return _break("u0") if any(s.event in ids for s in sightings) else resolve(reader, sightings, *rest)

    monkeypatch.setattr(stream, "_sighting", watched)
    monkeypatch.setattr(stream, "resolve", broken)


def breaking_fold(monkeypatch):
    """Folding breaks, in the midst of the batch's transaction and of the node's state."""
    fold = folds.fold

    def broken(state, event, settings):
        fold(state, event, settings)
        if event.name == "Break":
            _break("u0")

    monkeypatch.setattr(folds, "fold", broken)


def breaking_state(monkeypatch):
    """Folding goes well and leaves what cannot be written."""
    fold = folds.fold

    def broken(state, event, settings):
        fold(state, event, settings)
        if event.name == "Break":
            state.sources["u0"] = object()

    monkeypatch.setattr(folds, "fold", broken)
