from importlib import resources

import jsonschema
import pytest
import yaml

from onefold.config.kinds import json_schema
from onefold.config.mappings import MAPPING
from onefold.connectors.sources import mapping
from onefold.connectors.sources.dialect import FORMATS
from onefold.connectors.sources.language import TESTS
from onefold.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: recrod", r"m.yaml:1: 'recrod' is not possible here; did you mean `record`"),
        ("type: record\ntrats: {a: b}", r"m.yaml:2: .*'trats'; did you mean `traits`"),
        ("traits:\n  a:\n    colum: b", r"m.yaml:3: .*'colum'; did you mean `column`"),
        ("traits:\n  a: {column: b, as: decimla}", r"m.yaml:2: 'decimla'.*did you mean `decimal`"),
        ("type: track", r"m.yaml:1: a track mapping needs `event:`"),
        ("traits: {a: {column: b, value: c}}", r"either `column:` or `value:`"),
        ("traits: {a: b}\ntraits: {c: d}", r"m.yaml:2: 'traits' stands here twice"),
        ("consent: {email: Opt In}", r"granted"),
        ("consent: {email: {column: Opt In}}", r"granted"),
        ("traits: {a: {column: b, granted: [x]}}", r"belongs to consent"),
        ("timezone: America/Chikago", r"no time zone 'America/Chikago'"),
        ("encoding: utf-9", r"no encoding 'utf-9'"),
        ("delimiter: ';;'", r"one character"),
        ("- a", r"`name: value` pairs"),
        ("skip:\n- {when: {column: a, contians: b}, because: c}", r"m.yaml:2: .*'contians'; did you mean `contains`"),
        ("skip:\n- {when: {column: a, is: b}}", r"m.yaml:2: .*`because:`"),
        ("skip:\n- {when: {column: a}, because: b}", r"m.yaml:2: a condition needs `column:` and one of is, is_not"),
        ("skip:\n- {when: {column: a, below: x}, because: b}", r"m.yaml:2: `below:` needs a number"),
        ("statements:\n- tpye: record", r"m.yaml:2: a statement has no key 'tpye'; did you mean `type`"),
        ("statements:\n- type: track", r"m.yaml:2: a track mapping needs `event:`"),
        ("statements:\n- skip: []", r"m.yaml:2: a statement has no key 'skip'"),
        ("traits: {a: {column: b, unreadable: omitt}}", r"'omitt'.*did you mean `omit`"),
        ("traits: {a: {column: b, split: ;}}", r"`split:` is for identifiers"),
        ("consent: {email: {value: yes}}", r"'yes' is not possible here.*granted, denied"),
        ("skip_lines: few", r"a number of lines"),
        ("others: trait", r"did you mean `traits`"),
        ("a: [", r"m.yaml:\d+: this is not YAML"),
        ("", r"`name: value` pairs"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_nearest_word(text, message):
    """Whoever wrote the mapping learns where to look and what to write."""
    with pytest.raises(ConfigurationError, match=message):
        mapping.read(text, file="m.yaml")


def test_words_stay_as_they_are_written():
    """YAML's own ideas of yes, no and numbers do not apply."""
    plan = mapping.read("consent: {email: {column: Opt, granted: [Y, yes, 1, on]}}\ntraits: {zip: {value: 007}}")
    assert dict(plan.consent)["email"].granted == ("y", "yes", "1", "on")
    assert dict(plan.traits)["zip"].value == "007"


@pytest.mark.parametrize("name", mapping.presets())
def test_every_preset_is_valid(name):
    """What comes with the product can be read."""
    assert all(statement.identifiers for statement in mapping.preset(name).stated)


def test_an_unknown_preset_names_the_nearest():
    """A slip of the finger is answered with the right name."""
    with pytest.raises(ConfigurationError, match="did you mean `cdnow`"):
        mapping.preset("cdnwo")


def test_a_mapping_that_cannot_be_opened_says_so(tmp_path):
    """The message names the file."""
    with pytest.raises(ConfigurationError, match=r"none\.yaml"):
        mapping.load(tmp_path / "none.yaml")


def test_the_published_schema_knows_the_keys_that_are_read():
    """What editors complete is what `load` takes: statement by statement, field by field."""
    top = MAPPING.fields
    assert set(top) == {*mapping.STATEMENT_KEYS, *mapping.FILE_KEYS}
    assert set(top["statements"].kind.item.fields) == set(mapping.STATEMENT_KEYS)
    assert set(top["timestamp"].kind.mapping.fields) == set(mapping.FIELD_KEYS)
    assert top["format"].kind.choices == FORMATS
    assert top["when"].kind.mapping.fields.keys() == {"column", *TESTS}


@pytest.mark.parametrize("name", mapping.presets())
def test_every_preset_fits_the_published_schema(name):
    """A copy of one raises no complaint in an editor."""
    text = (resources.files("onefold.connectors.sources") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    jsonschema.validate(yaml.safe_load(text), json_schema(MAPPING))
