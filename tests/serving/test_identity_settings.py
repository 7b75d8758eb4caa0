"""identity.yaml written over HTTP: over what was read only, by whom may, exactly undone, and told when a restart is due."""

from __future__ import annotations

import asyncio
import json
import random

import pytest
from tests.isolation.asgi import House, bearer

from onefold import bootstrap
from onefold.bootstrap.project import key_store
from onefold.config import read_project
from onefold.governance import access
from onefold.governance.roles import ROLES

PATH = "/api/v1/identity/settings"
FILE = """\
# Written by hand.
types:
  phone: {limit: 3}   # three at most
blocked: {values: [till@example.org]}
"""


class Server:
    """A project, served, with keys as roles."""

    def __init__(self, directory, house, keys, runner):
        self.directory, self.house, self.keys, self.runner = directory, house, keys, runner

    def call(self, method, target, body=None, *more, key="steward"):
        heads = (*bearer(self.keys[key]), ("content-type", "application/json"), *more)
        return self.runner.run(
            self.house.call(method, target, b"" if body is None else json.dumps(body).encode(), heads)
        )

    def read(self, key="steward"):
        answer = self.call("GET", PATH, key=key)
        assert answer.status == 200, answer.text
        return answer.json, (("if-match", dict(answer.headers)["etag"]),)

    @property
    def text(self):
        return (self.directory / "identity.yaml").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("settings") / "p"
    bootstrap.init(directory, "shop")
    (directory / "identity.yaml").write_text(FILE)
    bootstrap.furnish(directory)
    keys, seeded, project = {}, random.Random(3), read_project(directory)
    with key_store(project) as store:
        for role in ROLES:
            keys[role], _ = access.issue(
                store, kind="secret", workspace=project.workspaces[0], name=role, now_us=1, random=seeded.randbytes,
                scopes=ROLES[role].scopes, role=role,
            )  # fmt: skip
    with asyncio.Runner() as runner:
        house = House(directory)
        runner.run(house.start())
        yield Server(directory, house, keys, runner)
        runner.run(house.stop())


def test_settings_are_changed_and_taken_back_to_the_byte(server):
    """Comments stay; the answer says that a restart is due; the undo gives the very file back, and no restart is due."""
    told, tag = server.read()
    assert (told["restart"], told["undo"], told["locked"]) == (False, False, "")
    assert {one["name"]: one["limit"] for one in told["types"]}["phone"] == 3
    changed = server.call("PUT", PATH, {"types": {"phone": {"limit": 2}}}, *tag)
    assert changed.status == 200, changed.text
    assert server.text == FILE.replace("limit: 3", "limit: 2")
    assert (changed.json["restart"], changed.json["undo"]) == (True, True)
    _, newer = server.read()
    planned = server.call("POST", "/api/v1/identity/plan", {})
    applied = server.call("POST", "/api/v1/identity/apply", None, ("if-match", dict(planned.headers)["etag"]))
    assert (applied.status, "start it again" in applied.json["detail"]) == (503, True)
    back = server.call("POST", f"{PATH}/undo", None, *newer)
    assert (back.status, back.json["restart"], back.json["undo"]) == (200, False, False)
    assert server.text == FILE
    assert server.call("POST", f"{PATH}/undo", None, *server.read()[1]).status == 412


def test_nothing_is_written_over_what_was_not_read(server):
    """Without a tag 428, with an old one 412, with what cannot be used 422; the file stays."""
    _, tag = server.read()
    one = {"types": {"phone": {"limit": 4}}}
    assert server.call("PUT", PATH, one).status == 428
    (server.directory / "identity.yaml").write_text(FILE + "# later\n")
    assert server.call("PUT", PATH, one, *tag).status == 412
    _, tag = server.read()
    for wrong in ({"types": {"phone": {"limit": 0}}}, {"tipes": {}}, {"match": {"join_from": 2}}):
        assert server.call("PUT", PATH, wrong, *tag).status == 422, wrong
    assert server.text == FILE + "# later\n"
    assert server.call("PUT", PATH, one, *tag).status == 200
    (server.directory / "identity.yaml").write_text(server.text + "# by hand\n")
    assert server.call("POST", f"{PATH}/undo", None, *server.read()[1]).status == 412
    assert server.text.endswith("# by hand\n")
    (server.directory / "identity.yaml").write_text(FILE)


def test_only_who_may_judge_writes_and_blocked_values_are_masked(server):
    """Marketers may try and not write; a blocked address is seen as identifiers are."""
    for role in ROLES:
        told, tag = server.read(role)
        shown = told["blocked"]
        assert (shown == ["till@example.org"]) == (role in {"owner", "engineer", "steward"}), (role, shown)
        answer = server.call("PUT", PATH, {"types": {"phone": {"limit": 3}}}, *tag, key=role)
        assert (answer.status == 200) == (role in {"owner", "engineer", "steward"}), role
    assert server.text == FILE
