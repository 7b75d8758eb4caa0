"""A dbt project over golden relations: sources with their descriptions and keys as tests, and a model of each. Pure.

The relations are Parquet files beside the project, which dbt-duckdb reads where they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from onefold.model import Column, Relation

DATA = "data"
NAME = "onefold"


def project(relations: Iterable[Relation]) -> dict[str, str]:
    """The files of the project, by path."""
    relations = list(relations)
    files = {
        "dbt_project.yml": _yaml(
            {
                "name": NAME,
                "version": "1.0",
                "config-version": 2,
                "profile": NAME,
                "model-paths": ["models"],
                "models": {NAME: {"+materialized": "table"}},
            }
        ),
        "profiles.yml": _yaml(
            {
                NAME: {
                    "target": "local",
                    "outputs": {"local": {"type": "duckdb", "path": f"{NAME}.duckdb", "threads": 2}},
                }
            }
        ),
        "models/golden/sources.yml": _yaml({"version": 2, "sources": [_source(relations)]}),
        "models/golden/schema.yml": _yaml(
            {"version": 2, "models": [_described(each, keys=True) for each in relations]}
        ),
    }
    for relation in relations:
        columns = ",\n    ".join(f'"{column.name}"' for column in relation.columns)
        files[f"models/golden/{relation.name}.sql"] = (
            f"SELECT\n    {columns}\nFROM {{{{ source('{relation.schema}', '{relation.name}') }}}}\n"
        )
    return files


def _source(relations: list[Relation]) -> dict[str, Any]:
    return {
        "name": "golden",
        "description": "People, their identifiers and their events, exported from the warehouse.",
        "meta": {"external_location": f"{DATA}/{{name}}.parquet"},
        "tables": [_described(each, keys=False) for each in relations],
    }


def _described(relation: Relation, *, keys: bool) -> dict[str, Any]:
    """A relation as dbt describes it; its key is a test where it is of one column."""
    return {
        "name": relation.name,
        "description": relation.description,
        "columns": [_column(column, unique=keys and relation.key == (column.name,)) for column in relation.columns],
    }


def _column(column: Column, *, unique: bool) -> dict[str, Any]:
    tests = [*(["unique"] if unique else []), *(["not_null"] if column.required or unique else [])]
    found: dict[str, Any] = {"name": column.name, "description": column.description}
    if column.personal != "none":
        found["meta"] = {"personal": column.personal}
    return found | ({"data_tests": tests} if tests else {})


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
