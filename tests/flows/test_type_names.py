"""Names of identifier types that no project file declares are text from outside: they lie nowhere in the clear."""

import json
from pathlib import Path

from bench.stream import fill
from tests.plain import explanations, profiles
from tests.running import project

from onefold import bootstrap
from onefold.identity.hashing import Hasher
from onefold.model import Identifier
from onefold.pipelines.maintenance import rebuild

TYPE, OWN = "anna.petrova-1987", "clinic.anna_petrova_id"
"""One that holds a name, and one in the form of a source's own ids."""
BODIES = [
    {"type": "identify", "userId": "u1", "identifiers": [{"type": TYPE, "value": "v-4711"}]},
    {"type": "track", "event": "Read", "identifiers": [{"type": TYPE, "value": "v-4711"}, {"type": OWN, "value": "7"}]},
    {"type": "track", "event": "Read", "userId": "u2", "identifiers": [{"type": OWN, "value": "8"}]},
    # Two ids of one system are two people.
    {"type": "track", "event": "Read", "identifiers": [{"type": OWN, "value": "7"}, {"type": OWN, "value": "8"}]},
    {"type": "track", "event": "Read", "identifiers": [{"type": TYPE, "value": "null"}]},
]


def processed(directory: Path):
    fill(directory, (json.dumps(body | {"messageId": f"m{n}"}).encode() for n, body in enumerate(BODIES)))
    with bootstrap.opened(directory, None) as workspace:
        bootstrap.catch_up(workspace)
        return (
            profiles.profile(workspace.context, Identifier(TYPE, "v-4711")),
            explanations.explain(workspace.context, Identifier(OWN, "7"), Identifier(OWN, "8")),
            rebuild.state_hash(workspace.context),
        )


def holding(directory: Path, *texts: str) -> set[str]:
    """The files that hold one of the texts, whatever its capitals and encoding."""
    wanted = [text.lower().encode(encoding) for text in texts for encoding in ("utf-8", "utf-16-le")]
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert len(files) > 3
    return {path.name for path in files if any(text in path.read_bytes().lower() for text in wanted)}


def test_a_type_nobody_declared_is_hidden_and_means_what_it_meant():
    """Not a byte of it is on the disk, and it is found, shown and explained by its name."""
    with project() as here:
        ann, explained, _ = processed(here.directory)
        assert holding(here.directory, TYPE, OWN, "v-4711") == set()
    named = {(i["type"], i["value"]) for i in ann["identifiers"]}
    assert {(TYPE, "v-4711"), (OWN, "7"), ("user_id", "u1")} <= named
    assert (OWN, "8") not in named
    told = " ".join(explained["sentences"])
    assert f"{OWN}:7" in told
    assert OWN in told.replace(f"{OWN}:", "")
    assert "hidden." not in json.dumps([ann, explained])


def test_the_sweep_finds_what_lies_in_the_clear(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(Hasher, "stored_type", lambda _self, kind, _settings: kind)
    with project() as here:
        processed(here.directory)
        assert holding(here.directory, TYPE) != set()


def test_a_declared_type_keeps_its_name():
    """The configuration's own words are no secret, and rules are read by them."""
    with project() as here:
        (here.directory / "identity.yaml").write_text(f"types:\n  {TYPE}: {{limit: 1}}\n")
        ann, _, _ = processed(here.directory)
        assert holding(here.directory / "data", TYPE) != set()
    assert (TYPE, "v-4711") in {(i["type"], i["value"]) for i in ann["identifiers"]}
