"""A commit that fails after all of its work was done: what was begun for the next batch is then for nothing."""

import contextlib

import pytest

from onefold.pipelines.stream import process


class TornError(Exception):
    """What tears a commit."""


def advance_torn(monkeypatch, context, batch):
    """Work one batch whose commit is torn; nothing of it is stored."""
    store = type(context.store)
    real = store.transaction

    @contextlib.contextmanager
    def torn(self):
        with real(self) as transaction:
            yield transaction
            raise TornError

    with monkeypatch.context() as patch:
        patch.setattr(store, "transaction", torn)
        with pytest.raises(TornError):
            process.advance(context, batch=batch)
