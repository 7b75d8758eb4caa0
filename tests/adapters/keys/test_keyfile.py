"""The key file: made once, read only when it is private and real."""

from __future__ import annotations

import os
import random

import pytest

from onefold.adapters.keys.keyfile import KeyFile
from onefold.errors import ConfigurationError, IntegrityError

KEY = random.Random(1).randbytes(32)
"""The same in every worker, for tests are named after it."""

SECRET = b"workspace key" * 3


def test_a_new_key_file_is_private_and_works(tmp_path):
    """Mode 0600 whatever the umask, and a later process reads the same key."""
    before = os.umask(0)
    try:
        made = KeyFile.create(tmp_path / "root.key")
    finally:
        os.umask(before)
    assert (tmp_path / "root.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["root.key"]
    assert KeyFile(tmp_path / "root.key").unwrap(made.wrap(SECRET, name="shop"), name="shop") == SECRET


def test_an_existing_key_is_never_replaced(tmp_path):
    """Everything sealed under it would be lost."""
    KeyFile.create(tmp_path / "root.key")
    before = (tmp_path / "root.key").read_bytes()
    with pytest.raises(ConfigurationError, match="not replaced"):
        KeyFile.create(tmp_path / "root.key")
    assert (tmp_path / "root.key").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["root.key"]


def test_wrapped_keys_open_only_under_their_name_and_root_key(tmp_path):
    """Another name, another root key or one altered byte: refused."""
    one, other = KeyFile.create(tmp_path / "one.key"), KeyFile.create(tmp_path / "other.key")
    wrapped = one.wrap(SECRET, name="shop")
    assert SECRET not in wrapped
    for manager, sealed, name in (
        (one, wrapped, "school"),
        (other, wrapped, "shop"),
        (one, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), "shop"),
        (one, b"", "shop"),
    ):
        with pytest.raises(IntegrityError):
            manager.unwrap(sealed, name=name)


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, 0o600, "no root key"),
        (KEY.hex(), 0o640, "chmod 600"),
        (KEY.hex(), 0o604, "chmod 600"),
        (KEY[:16].hex(), 0o600, "64 hexadecimal digits"),
        ("", 0o600, "64 hexadecimal digits"),
        ("my secret passphrase", 0o600, "64 hexadecimal digits"),
        ("00" * 32, 0o600, "placeholder"),
        ("deadbeef" * 8, 0o600, "placeholder"),
        (bytes(range(32)).hex(), 0o600, "placeholder"),
    ],
)
def test_an_unusable_key_file_is_refused_with_advice(tmp_path, content, mode, says):
    """Missing, readable by others, too short, or a placeholder."""
    path = tmp_path / "root.key"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(ConfigurationError, match=says) as refused:
        KeyFile(path)
    if content:
        assert content not in str(refused.value)
