"""The published JSON Schemas: one a project file, so that editors complete and check while one types."""

from __future__ import annotations

import json
from pathlib import Path

from onefold.config.files import FILES
from onefold.config.kinds import json_schema

TITLES = {
    "onefold": "onefold.yaml",
    "source": "sources/*.yaml",
    "identity": "identity.yaml",
    "profile": "profile.yaml",
}


def schema_texts() -> dict[str, str]:
    """The text of each schema, by file name."""
    return {
        f"{name}.json": json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": f"Onefold: {TITLES[name]}",
                **json_schema(kind),
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
        for name, kind in FILES.items()
    }


def write_schemas(folder: Path) -> None:
    """Write all schemas into `folder`, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in schema_texts().items():
        (folder / file).write_text(text, encoding="utf-8")
