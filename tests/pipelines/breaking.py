"""Bugs to plant: code of ours that breaks on events named `Break`, as a release might that nobody tested enough."""

from __future__ import annotations

from onefold.identity.hashing import Hasher
from onefold.ingest.gate import Gate
from onefold.model import Accepted
from onefold.pipelines.stream import process
from onefold.profiles import state as folds


def _break(value):
    raise ZeroDivisionError(value)


def breaking_judge(monkeypatch):
    """Gate 1 breaks."""
    check = Gate.check

    def broken(self, entry):
        said = check(self, entry)
        return _break("u0") if isinstance(said, Accepted) and said.event.name == "Break" else said

    monkeypatch.setattr(Gate, "check", broken)


def breaking_hasher(monkeypatch):
    """Naming breaks, which knows identifiers only: those of the events in question are remembered."""
    check, name, breaking = Gate.check, Hasher.name, []

    def watched(self, entry):
        said = check(self, entry)
        if isinstance(said, Accepted) and said.event.name == "Break":
            breaking.append(said.event.identifiers)
        return said

    def broken(self, identifiers, settings):
        return _break("u0") if any(identifiers is one for one in breaking) else name(self, identifiers, settings)

    monkeypatch.setattr(Gate, "check", watched)
    monkeypatch.setattr(Hasher, "name", broken)


def breaking_sighting(monkeypatch):
    """What is told to the resolver of an event breaks."""
    sighting = process._sighting
    monkeypatch.setattr(process, "_sighting", lambda c: _break("u0") if c.event.name == "Break" else sighting(c))


def breaking_resolve(monkeypatch):
    """Resolving the batch breaks, without a word on which event is the cause."""
    resolve, sighting, ids = process.resolve_identities, process._sighting, set()

    def watched(c):
        if c.event.name == "Break":
            ids.add(c.event.id)
        return sighting(c)

    def broken(reader, sightings, *rest):
        return _break("u0") if any(s.event in ids for s in sightings) else resolve(reader, sightings, *rest)

    monkeypatch.setattr(process, "_sighting", watched)
    monkeypatch.setattr(process, "resolve_identities", broken)


def breaking_fold(monkeypatch):
    """Folding breaks, in the midst of the batch's transaction and of the node's state."""
    fold = folds.fold

    def broken(state, event, settings, others=()):
        fold(state, event, settings, others)
        if event.name == "Break":
            _break("u0")

    monkeypatch.setattr(folds, "fold", broken)


def breaking_state(monkeypatch):
    """Folding goes well and leaves what cannot be written."""
    fold = folds.fold

    def broken(state, event, settings, others=()):
        fold(state, event, settings, others)
        if event.name == "Break":
            state.sources["u0"] = object()

    monkeypatch.setattr(folds, "fold", broken)
