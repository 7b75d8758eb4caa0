"""Files brought over HTTP: shown as what they would become, loaded through the one pipeline, bounded, and kept on no disk."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import tempfile
from pathlib import Path

import pytest
from tests.isolation.asgi import House, bearer

from onefold import bootstrap
from onefold.bootstrap import upload_desk
from onefold.bootstrap.project import key_store
from onefold.config import read_project
from onefold.governance import access
from onefold.governance.roles import ROLES
from onefold.serving import access as doors
from onefold.serving.uploads import _name

PEOPLE = "Customer ID,Email,First Name,Shoe Size,Note\n" + "".join(
    f"{n},u{n}@example.org,Una,{36 + n},seal-{n}\n" for n in range(30)
)
BROKEN = PEOPLE + '31,"u31@example.org,Una,39,\n'


class Server:
    """A project, served, with keys as roles."""

    def __init__(self, directory, house, keys, runner):
        self.directory, self.house, self.keys, self.runner = directory, house, keys, runner

    def send(self, target, said, file=b"", key="engineer"):
        heads = (*(bearer(self.keys[key]) if key else ()), ("content-type", "application/octet-stream"))
        raw = (said if isinstance(said, bytes) else json.dumps(said).encode()) + b"\n"
        raw += file if isinstance(file, bytes) else file.encode()
        return self.runner.run(self.house.call("POST", target, raw, heads))

    def preview(self, content, **said):
        return self.send("/api/v1/sources/preview", {"file": "people.csv", **said}, content)

    def load(self, file, mapping, source="crm", **said):
        return self.send(f"/api/v1/sources/{source}/load", {"file": "people.csv", "mapping": mapping, **said}, file)

    def get(self, target, key="engineer"):
        self.runner.run(self.house.settled())
        return self.runner.run(self.house.call("GET", target, b"", bearer(self.keys[key]))).json


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("uploads") / "p"
    bootstrap.init(directory, "shop")
    bootstrap.furnish(directory)
    keys, seeded = {}, random.Random(3)
    project = read_project(directory)
    with key_store(project) as store:
        for role in ROLES:
            keys[role], _ = access.issue(
                store, kind="secret", workspace=project.workspaces[0], name=role, now_us=1, random=seeded.randbytes,
                scopes=ROLES[role].scopes, role=role,
            )  # fmt: skip
        keys["web"], _ = access.issue(
            store, kind="source", workspace=project.workspaces[0], name="web", now_us=1, random=seeded.randbytes
        )
    with asyncio.Runner() as runner:
        house = House(directory)
        runner.run(house.start())
        yield Server(directory, house, keys, runner)
        runner.run(house.stop())


def test_a_file_is_shown_as_it_is_and_as_what_it_would_become(server):
    """The first rows, each cell and each event; columns with what they are; nothing of it is kept."""
    shown = server.preview(PEOPLE, source="crm")
    assert shown.status == 200, shown.text
    told = shown.json
    assert [column["name"] for column in told["columns"]] == ["Customer ID", "Email", "First Name", "Shoe Size", "Note"]
    assert (told["guessed"], len(told["rows"])) == (True, 20)
    first = told["rows"][0]
    assert (first["line"], first["cells"]) == (2, ["0", "u0@example.org", "Una", "36", "seal-0"])
    (event,) = first["events"]
    assert {"type": "email", "value": "u0@example.org"} in event["identifiers"]
    assert {"type": "crm.customer_id", "value": "0"} in event["identifiers"]
    assert event["traits"]["shoe_size"] == "36"
    assert all(one["source"] != "crm" for one in server.get("/api/v1/sources")["sources"])


def test_a_column_is_said_to_be_something_else_and_is(server):
    """A change of one column comes back in the mapping, and shows on the rows."""
    mapping = server.preview(PEOPLE).json["mapping"]
    changed = server.preview(
        PEOPLE, mapping=mapping, columns=[{"column": "Shoe Size", "kind": "property", "name": "size"},
                                          {"column": "Note", "kind": "none"}],
    )  # fmt: skip
    assert changed.status == 200, changed.text
    (event,) = changed.json["rows"][0]["events"]
    assert event["properties"] == {"size": "36"}
    assert "seal-0" not in json.dumps(event)
    assert {c["name"]: c["uses"] for c in changed.json["columns"]}["Note"] == []
    refused = server.preview(PEOPLE, mapping=mapping, columns=[{"column": "Shoe Sise", "kind": "none"}])
    assert (refused.status, "did you mean `Shoe Size`" in refused.json["detail"]) == (422, True)


def test_a_file_is_loaded_and_what_cannot_be_read_is_a_dead_letter(server):
    """People are there, the broken row is in the dead letters with its line, and the same file again adds nothing."""
    mapping = server.preview(BROKEN).json["mapping"]
    done = server.load(BROKEN, mapping, source="shopfile")
    assert done.status == 200, done.text
    assert (done.json["rows"], sum(done.json["rejected"].values())) == (31, 1)
    (account,) = [one for one in server.get("/api/v1/sources")["sources"] if one["source"] == "shopfile"]
    assert (account["stored"], account["rejected"], account["pending"]) == (30, 1, 0)
    assert server.get("/api/v1/profiles/email:u7@example.org")["attributes"]["shoe_size"]["value"] == "43"
    (letter,) = server.get("/api/v1/dead-letters?source=shopfile")["dead_letters"]
    assert letter["reason"] in done.json["rejected"]
    assert server.load(PEOPLE, mapping, source="shopfile").json["rows"] == 30
    (again,) = [one for one in server.get("/api/v1/sources")["sources"] if one["source"] == "shopfile"]
    assert (again["stored"], again["duplicate"]) == (30, 30)


def test_forms_that_the_command_takes_are_taken(server):
    """Lines of JSON, and a compressed file; the name of a file is a name only."""
    lines = "".join(json.dumps({"email": f"j{n}@example.org", "shoe": n}) + "\n" for n in range(5))
    shown = server.preview(lines, file="../../etc/people.ndjson")
    assert (shown.status, shown.json["file"]) == (200, "people.ndjson")
    packed = server.preview(gzip.compress(PEOPLE.encode()), file="people.csv.gz")
    assert packed.json["rows"] == server.preview(PEOPLE).json["rows"]


@pytest.mark.parametrize(
    ("said", "file"),
    [
        (b"not json", "a,b\n1,2\n"),
        ({"file": "x.csv"}, b""),
        ({"file": "x.csv", "workspace": "other"}, "a,b\n1,2\n"),
        ({"file": "x.csv", "mapping": "a: &a [x]\ntraits: {b: *a}\n"}, "a,b\n1,2\n"),
        ({"file": "x.csv", "mapping": "[" * 5_000}, "a,b\n1,2\n"),
        ({"file": "x.csv", "mapping": "traits: {b: nowhere}\n"}, "a,b\n1,2\n"),
        ({"file": "x.pdf"}, b"%PDF-1.7"),
        (b"x" * 300_000, ""),
    ],
)
def test_what_makes_no_sense_is_refused(server, said, file):
    """422 with what to do, and nothing is received."""
    answer = server.send("/api/v1/sources/preview", said, file)
    assert answer.status == 422, answer.text
    assert answer.json["detail"]


def test_a_source_has_a_name_of_its_own(server):
    """The product's own source takes no files, nor does one of a strange name; one close to another's is asked about."""
    mapping = server.preview(PEOPLE).json["mapping"]
    for name, status in (("onefold", 422), ("No", 422), ("a%2fb", 404)):
        assert server.load(PEOPLE, mapping, source=name).status == status
    assert server.load(PEOPLE, mapping, source="donors").status == 200
    assert "did you mean `donors`" in server.load(PEOPLE, mapping, source="donorz").json["detail"]
    assert server.load(PEOPLE, mapping, source="donorz", new=True).status == 200
    nobody = "traits: {note: Note}\n"
    assert "identifier" in server.load(PEOPLE, nobody, source="donors").json["detail"]


def test_only_who_keeps_sources_may_bring_files(server, monkeypatch):
    """By role; without one, and with a key that only sends, not at all. A file over the bound is refused."""
    for role in ROLES:
        answer = server.send("/api/v1/sources/preview", {"file": "people.csv"}, PEOPLE, key=role)
        assert (answer.status == 200) == (role in {"owner", "engineer"}), role
    assert server.send("/api/v1/sources/preview", {"file": "people.csv"}, PEOPLE, key="web").status == 403
    assert server.send("/api/v1/sources/preview", {"file": "people.csv"}, PEOPLE, key="").status == 401
    large = PEOPLE + "# \n" * 400_000
    assert len(large) > doors.BODY_BYTES_MAX
    assert server.send("/api/v1/sources/preview", {"file": "people.csv"}, large, key="read-only").status == 403
    assert server.send("/api/v1/sources/preview", {"file": "people.csv"}, large).status != 413
    monkeypatch.setattr(doors, "UPLOAD_BYTES_MAX", 1_000)
    assert server.preview(PEOPLE).status == 413


def test_a_file_is_on_no_disk(server, monkeypatch, tmp_path):
    """While it is read it is a link into memory; afterwards that is gone, too, and the log has it sealed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []
    real = upload_desk.append_file

    def looking(context, path, plan, **more):
        beside = [one for one in tmp_path.rglob("*") if one.is_file() and not one.is_symlink()]
        seen.append((path.is_symlink(), str(path.readlink()), beside))
        return real(context, path, plan, **more)

    monkeypatch.setattr(upload_desk, "append_file", looking)
    mapping = server.preview(PEOPLE).json["mapping"]
    assert server.load(PEOPLE.replace("seal", "secret"), mapping, source="memory").status == 200
    ((link, target, beside),) = seen
    assert (link, target.partition("/fd/")[0], beside) == (True, f"/proc/{os.getpid()}", [])
    assert list(tmp_path.iterdir()) == []
    for path in server.directory.rglob("*"):
        assert not path.is_file() or b"secret-7" not in path.read_bytes(), path


def test_what_is_on_a_disk_is_found(server):
    """Control: the same text in a file of the project is seen."""
    (server.directory / "data" / "left.csv").write_text("secret-7")
    try:
        assert any(path.is_file() and b"secret-7" in path.read_bytes() for path in server.directory.rglob("*"))
    finally:
        (server.directory / "data" / "left.csv").unlink()


def test_a_few_files_are_read_at_once(server):
    """More are told to come again; the turn is given back when one fails."""
    desk = next(iter(server.house.opened.project_desks.values())).uploads
    for _ in range(5):
        assert server.preview(b"%PDF-1.7").status == 422
    with desk._turn(), desk._turn():
        answer = server.preview(PEOPLE)
        assert (answer.status, dict(answer.headers)["retry-after"]) == (429, "5")
    assert server.preview(PEOPLE).status == 200


def test_a_name_leads_nowhere(tmp_path):
    """No name leads out of the folder of an upload."""
    for stated in ("../x.csv", "/etc/passwd", "..", ".", "", "a\\..\\b.csv", "x\n.csv", "C:\\people.csv", "a" * 300):
        name = _name(stated)
        assert ((tmp_path / name).parent, Path(name).name) == (tmp_path, name), stated
