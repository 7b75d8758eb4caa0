"""The published schemas are those the code has, and they refuse what the reader refuses."""

import json
from pathlib import Path

import jsonschema
import pytest

from onefold.config import schema_texts
from onefold.config.schema import reference_text

PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "schemas"


def test_published_schemas_are_fresh():
    """`make schemas` has been run since the files' keys last changed."""
    assert {path.name: path.read_text(encoding="utf-8") for path in PUBLISHED.glob("*.json")} == schema_texts()
    assert (PUBLISHED.parent / "configuration.md").read_text(encoding="utf-8") == reference_text()


def test_reference_page_has_every_key():
    """A key that no page explains does not exist for the reader."""
    assert all(
        f"`{key}`" in reference_text() for key in ("types.*.shared_after", "lifecycle.stages[].when", "keys.root")
    )


@pytest.mark.parametrize("name", sorted(schema_texts()))
def test_schema_is_json_schema_and_refuses_unknown_keys(name):
    """An editor marks a typing error in a key, as the reader does."""
    schema = json.loads(schema_texts()[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"no_such_key": 1}, schema)
