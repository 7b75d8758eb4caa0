"""An identifier of implausibly many people is told; one word stops it, and the people it had glued come apart exactly."""

import pytest
from tests import workbench
from tests.plain import profiles

from onefold import config
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.config import blocking
from onefold.errors import ConfigurationError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.identity.settings import IdentitySettings
from onefold.model import Identifier
from onefold.pipelines import judgements
from onefold.pipelines.reading import hubs
from onefold.pipelines.reading import people as reading
from onefold.pipelines.stream import process

PEOPLE = 12
TILL = Identifier("card_id", "N-K")


def events():
    """A dozen people with an address each; the till typed the same card number for all of them."""
    for number in range(PEOPLE):
        email = f"p{number}@mail.example"
        yield {"type": "identify", "messageId": f"m{number}", "traits": {"email": email},
               "identifiers": [{"type": "card_id", "value": "N-K"}]}  # fmt: skip
        yield {
            "type": "track",
            "event": "Read",
            "messageId": f"n{number}",
            "identifiers": [{"type": "email", "value": email}],
        }


def filled(store=None, **identity):
    context = workbench.context(store=store, identity=IdentitySettings(**identity))
    context.log.append([workbench.entry(body) for body in events()])
    process.drain(context)
    return context


def people(context):
    return [profiles.profile(context, Identifier("email", f"p{n}@mail.example"))["id"] for n in range(PEOPLE)]


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield None
        return
    opened = SqliteProfileStore(
        tmp_path / "p.db", EntrySealer(WorkspaceKeys("t", b"h" * 32, b"w" * 32, b"l" * 32), lambda n: b"n" * n)
    )
    yield opened
    opened.close()


def test_a_hub_is_told_and_what_it_glued_comes_apart(store):
    """Before, several are one person; after the word, everybody is themselves, as if the value had never been there."""
    context = filled(store)
    assert len(set(people(context))) < PEOPLE
    (hub,) = hubs.suspected(context)
    assert (hub.linked, hub.shared) == (PEOPLE, False)
    assert "N-K" not in hubs.sentence([hub])
    assert reading.value_of(context, Identifier("profile", hub.id)) == "N-K"
    judgements.say(context, "shared", Identifier("profile", hub.id), None, by="ann")
    process.drain(context)
    assert len(set(people(context))) == PEOPLE
    assert hubs.suspected(context)[0].shared


def test_a_blocked_value_is_no_longer_there_after_a_rebuild():
    """The same log under the changed configuration: nobody is linked, and the refusal is told."""
    context = filled(blocked_values=frozenset({"n-k"}))
    assert len(set(people(context))) == PEOPLE
    assert hubs.suspected(context) == []
    assert profiles.profile(context, TILL) is None
    found = profiles.profile(context, Identifier("email", "p0@mail.example"))["findings"]
    assert found["identifier_blocked"]["count"] == 1


def test_large_people_are_told_by_size(store, monkeypatch):
    """By how many identifiers, or events at one of them; nobody where nobody is large, and no value is shown."""
    monkeypatch.setattr(hubs, "IDENTIFIERS_MIN", 4)
    monkeypatch.setattr(hubs, "EVENTS_MIN", 6)
    context = workbench.context(store=store, identity=IdentitySettings().declare("anonymous_id", limit=50))
    bodies = [{"type": "identify", "userId": "big", "anonymousId": f"c{n}"} for n in range(5)]
    bodies += [{"type": "track", "event": "Read", "userId": "busy"} for _ in range(7)]
    bodies += [{"type": "identify", "userId": "plain", "anonymousId": f"d{n}"} for n in range(2)]
    context.log.append([workbench.entry(b | {"messageId": f"m{n}"}) for n, b in enumerate(bodies)])
    process.drain(context)
    big, busy = (profiles.profile(context, Identifier("user_id", who))["id"] for who in ("big", "busy"))
    found = hubs.largest(context)
    assert [(p.id, p.identifiers, p.events) for p in found] == [(big, 6, 0), (busy, 1, 7)]
    assert f"{big} with 6 identifiers; {busy} with 1 identifiers and 7 events" in hubs.sentence_of_largest(found)
    monkeypatch.setattr(hubs, "IDENTIFIERS_MIN", 7)
    monkeypatch.setattr(hubs, "EVENTS_MIN", 8)
    assert hubs.sentence_of_largest(hubs.largest(context)).startswith("nobody has")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "default_region: GB\n",
        "# who\nblocked:\n  # typed\n  values: [none@none.com] # these\n  patterns: ['*@x.org']\n",
        "blocked:\n  values:\n    - none@none.com\n    - other # why\ndefault_region: GB\n",
        "blocked:\n  patterns: ['*@x.org']\n",
    ],
)
def test_blocking_adds_to_the_file_and_leaves_the_rest(tmp_path, text):
    """Comments and other keys stay; saying it twice adds it once."""
    project = tmp_path / "p"
    config.init(project, "media")
    file = project / "identity.yaml"
    file.unlink() if text is None else file.write_text(text, encoding="utf-8")
    for _ in range(2):
        blocking.block(project, 'N"K')
    after = file.read_text(encoding="utf-8")
    assert config.read_project(project).stages.blocked_values.count('N"K') == 1
    for line in (text or "").splitlines():
        assert line.split(" #")[0].rstrip("]") in after
    assert after.count("#") == (text or "").count("#")


def test_blocking_in_a_broken_project_changes_nothing(tmp_path):
    """The file is checked first."""
    config.init(tmp_path / "p", "media")
    file = tmp_path / "p" / "identity.yaml"
    file.write_text("blokced: {}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError):
        blocking.block(tmp_path / "p", "x")
    assert file.read_text(encoding="utf-8") == "blokced: {}\n"
