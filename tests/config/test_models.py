"""Models are read from their folder; whatever is wrong with any file of it is told at once, with its line."""

from __future__ import annotations

import pytest

from onefold.config.models import read_models
from onefold.warehouse.models.model import ModelError

SQL = "SELECT city FROM golden.profile\n"
YAML = """\
models:
  cities:
    description: A row a city.
    owner: ann
    tags: [geography]
    materialized: incremental
    key: [city]
    columns:
      city: {description: Its name., personal: none, tests: [not_null, unique]}
"""


def _project(folder, **files):
    (folder / "models").mkdir()
    for name, text in files.items():
        path = folder / "models" / name.replace("__", ".")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_a_model_is_a_statement_and_what_its_description_says(tmp_path):
    """The name is the file's; the description may stand in any YAML file of the folder."""
    (found,) = read_models(_project(tmp_path, cities__sql=SQL, geography__yaml=YAML))
    assert (found.name, found.sql, found.file) == ("marts.cities", SQL, "models/cities.sql")
    assert (found.owner, found.tags, found.materialized, found.key) == ("ann", ("geography",), "incremental", ("city",))
    assert found.columns["city"].tests == ("not_null", "unique")
    assert found.lines["columns", "city"] == 9
    assert found.description_fault(("key",), "x").line == 7


def test_a_model_needs_no_description(tmp_path):
    """An undescribed statement is a view of its file's name."""
    (found,) = read_models(_project(tmp_path, cities__sql=SQL))
    assert (found.name, found.materialized) == ("marts.cities", "view")


def test_a_project_without_models_has_none(tmp_path):
    """The folder is optional."""
    assert read_models(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"citys__sql": SQL, "m__yaml": YAML}, "models/m.yaml:2: there is no models/cities.sql; did you mean `citys`?"),
        ({"cities__sql": SQL, "m__yml": YAML}, "models/m.yml:1: would not be read; did you mean `m.yaml`?"),
        ({"cities__sql": SQL, "m__yaml": YAML, "n__yaml": YAML}, "models/n.yaml:2: `cities` is already described in"),
        (
            {"cities__sql": SQL, "m__yaml": YAML.replace("    key: [city]\n", "")},
            "models/m.yaml:6: `cities` is incremental",
        ),
        ({"cities__sql": SQL, "m__yaml": YAML.replace("owner", "ownr")}, "models/m.yaml:4: .*did you mean `owner`"),
        ({"Cities__sql": SQL}, "models/Cities.sql:1: is not a name for a model"),
        ({"cities__sql": b"SELECT 1\n-- \xff"}, "models/cities.sql:2: is not UTF-8"),
    ],
)
def test_what_is_wrong_has_its_file_and_line(tmp_path, files, says):
    """Nothing in the folder is passed over in silence."""
    with pytest.raises(ModelError, match=says):
        read_models(_project(tmp_path, **files))
