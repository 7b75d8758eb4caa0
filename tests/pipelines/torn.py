"""A commit that fails after all of its work was done: what was begun for the next batch is then for nothing."""

import contextlib

import pytest

from onefold.pipelines import stream


class TornError(Exception):
    """What tears a commit."""


def advance_torn(monkeypatch, parts, batch):
    """Work one batch whose commit is torn; nothing of it is stored."""
    store = type(parts.store)
    real = store.transaction

    @contextlib.contextmanager
    def torn(self):
        with real(self) as transaction:
            yield transaction
            raise TornError

    with monkeypatch.context() as patch:
        patch.setattr(store, "transaction", torn)
        with pytest.raises(TornError):
            stream.advance(parts, batch=batch)
