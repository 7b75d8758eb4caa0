"""The demo, before it begins."""

import socket

import pytest

from onefold.cli import demo
from onefold.errors import UnavailableError


def test_a_port_in_use_is_told_before_anything_is_written(tmp_path):
    """Its events would reach whatever server has the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"Port {port} is in use"):
            demo.demo(tmp_path / "demo", port=port, people=50, stay=False)
    assert not (tmp_path / "demo").exists()
