"""Which sites' browsers may send: what the source's file says when the server starts, also for keys made before."""

import pytest
from bench.ground import wait_until
from tests.running import Server, project

pytestmark = pytest.mark.xdist_group("server")


def sent(here, origin):
    server = Server(here)
    wait_until(f"http://127.0.0.1:{here.port}/livez")
    return server.send(
        "POST", "/v1/track", b'{"userId":"u","event":"Read"}', Authorization=f"Bearer {here.write_key}", Origin=origin
    )  # fmt: skip


def test_a_list_that_was_tightened_holds_for_the_keys_there_are():
    with project() as here:
        with here.server():
            assert sent(here, "https://other.example")[0] == 200
        (here.directory / "sources" / "web.yaml").write_text(
            "name: web\nkind: http\nallowed_origins: ['https://shop.example']\n"
        )
        with here.server():
            status, _, headers = sent(here, "https://shop.example")
            assert status == 200
            assert headers["access-control-allow-origin"] == "https://shop.example"
            assert "retry-after" in headers["access-control-expose-headers"].lower()
            assert sent(here, "https://other.example")[0] == 403
            assert sent(here, "https://shop.example.evil.example")[0] == 403
