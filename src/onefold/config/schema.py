"""What is published of the project files: a JSON Schema each for editors, and the reference page for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from onefold.config import kinds
from onefold.config.files import FILES
from onefold.config.kinds import Kind, json_schema

TITLES = {
    "onefold": "onefold.yaml",
    "source": "sources/*.yaml",
    "identity": "identity.yaml",
    "profile": "profile.yaml",
    "mapping": "a mapping file",
    "models": "models/*.yaml",
    "checks": "checks/*.yaml",
    "segments": "segments/*.yaml",
    "calendar": "calendar.yaml",
    "privacy": "privacy.yaml",
    "traits": "traits/*.yaml",
    "rfm": "rfm/*.yaml",
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
    """Write all schemas into `folder`, made where it is missing, and the reference page beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in schema_texts().items():
        (folder / file).write_text(text, encoding="utf-8")
    (folder.parent / "configuration.md").write_text(reference_text(), encoding="utf-8")


def reference_text() -> str:
    """The reference page: every key of every file, its form and its meaning."""
    lines = [
        "# Configuration",
        "",
        "A project is a directory of YAML files, written by `onefold init` and kept in Git.",
        "Only `onefold.yaml` is required.",
        "All errors are reported at once, each with its file, its line and the nearest valid word; unknown keys are errors.",
        "Secrets stand in no file: `env:NAME` and `file:path` say where they are.",
        "JSON Schemas for editors: " + ", ".join(f"[{TITLES[name]}](schemas/{name}.json)" for name in FILES) + ".",
        "",
        "`make schemas` writes this page from the code.",
    ]
    for name, kind in FILES.items():
        lines += ["", f"## {TITLES[name]}", "", "| key | form | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{key}` | {form} | {says} |" for key, form, says in _rows(kind, "")]
    return "\n".join(lines) + "\n"


def _rows(kind: Kind, prefix: str) -> Iterator[tuple[str, str, str]]:
    """(key, form, meaning) of every key at or below `kind`."""
    match kind:
        case kinds.Record():
            for name, field in kind.fields.items():
                key = f"{prefix}.{name}".lstrip(".")
                yield key, _form(field.kind), field.says + (" Required." if field.required else "")
                yield from _rows(field.kind, key)
        case kinds.MapOf():
            yield from _rows(kind.value, f"{prefix}.*")
        case kinds.ListOf():
            yield from _rows(kind.item, f"{prefix}[]")
        case _:
            pass


def _form(kind: Kind) -> str:
    match kind:
        case kinds.Text(choices=choices) if choices:
            return ", ".join(f"`{choice}`" for choice in choices)
        case kinds.Text():
            return kind.shape or "text"
        case kinds.Integer():
            return f"whole number, {kind.minimum:,} to {kind.maximum:,}"
        case kinds.Share():
            return "number, 0 to 1"
        case kinds.Either():
            return " or ".join(_form(form) for form in (kind.scalar, kind.sequence, kind.mapping) if form is not None)
        case kinds.ListOf():
            return f"list of {_form(kind.item)}"
        case kinds.MapOf():
            return "mapping of names"
    words = {
        kinds.Boolean: "`true` or `false`",
        kinds.Duration: "duration (`30m`, `90d`)",
        kinds.Size: "size (`512KB`, `4MB`)",
        kinds.Secret: "reference (`env:NAME`, `file:path`)",
        kinds.Scalar: "value",
        kinds.Free: "JSON Schema",
    }
    return words.get(type(kind), "keys below")
