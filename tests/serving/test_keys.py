"""Keys: random, stored as hashes, two alive to rotate, revoked within a second."""

import contextlib
import os
import shutil

import apsw
import msgspec
import pytest

from onefold.adapters.memory.keys import MemoryKeyStore
from onefold.adapters.sqlite import keys
from onefold.adapters.sqlite.keys import SqliteKeyStore
from onefold.errors import NotFoundError, UsageError
from onefold.governance import access
from onefold.serving.keys import Keyring

SECOND = 1_000_000
KEY = access.Key(
    id="a" * 16, kind="secret", workspace="w", name="query", digest=b"a" * 32, hint="of_secret_", scopes=("query",)
)


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryKeyStore() if request.param == "memory" else SqliteKeyStore(tmp_path / "keys.db")
    yield made
    made.close()


def issue(store, name="website", **more):
    return access.issue(store, kind="source", workspace="w", name=name, now_us=1, random=os.urandom, **more)


def test_a_source_may_have_two_keys_and_no_more(store):
    """Rotation without loss: both work; a third is refused until one is revoked."""
    _, first = issue(store)
    issue(store)
    with pytest.raises(UsageError):
        issue(store)
    access.revoke(store, first.id, 2)
    issue(store)
    with pytest.raises(NotFoundError):
        access.revoke(store, first.id, 3)


def test_a_revoked_key_is_refused_within_a_second(store):
    """A running server notices a revocation by another process when it next looks, at most a second later."""
    token, key = issue(store)
    now = [10 * SECOND]
    ring = Keyring(store, lambda: now[0])
    assert ring.find(token) == key
    access.revoke(store, key.id, now[0])
    now[0] += SECOND
    assert ring.find(token) is None


def test_only_hashes_are_stored(tmp_path):
    """The key itself is nowhere in the files."""
    store = SqliteKeyStore(tmp_path / "keys.db")
    token, key = issue(store)
    store.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert token.encode() not in content
    assert key.digest in content


def test_keys_show_what_they_are_and_mistypings_show_too():
    """The form is recognisable and ends in a checksum, so that scanners and people can tell."""
    token = access.mint("source", os.urandom)
    assert token.startswith("of_source_")
    assert access.well_formed(token)
    other = "a" if token[20] != "a" else "b"
    assert not access.well_formed(token[:20] + other + token[21:])
    assert len({access.mint("secret", os.urandom) for _ in range(1_000)}) == 1_000


def test_a_file_of_before_keys_had_roles_is_read_and_gets_them(tmp_path):
    """Whether it is the store in use, or part of a backup that cannot be written."""
    before = SqliteKeyStore(tmp_path / "before.db")
    before.put([KEY])
    before.close()
    with contextlib.closing(apsw.Connection(str(tmp_path / "before.db"))) as file:
        file.execute("ALTER TABLE key DROP COLUMN role")
    shutil.copy(tmp_path / "before.db", tmp_path / "backup.db")
    for path in (tmp_path / "before.db", tmp_path / "into.db"):
        if path.name == "into.db":
            keys.merge(tmp_path / "backup.db", path)
        store = SqliteKeyStore(path)
        assert store.keys() == [KEY]
        store.put([msgspec.structs.replace(KEY, id="b" * 16, digest=b"b" * 32, created_us=9, role="marketer")])
        assert [key.role for key in store.keys()] == [None, "marketer"]
        store.close()
