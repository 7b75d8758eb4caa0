"""A template: the commented project files that `onefold init` writes for one kind of organisation."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal, get_args

from onefold.config.schema import schema_texts
from onefold.errors import UsageError

Template = Literal["media", "education", "shop"]
TEMPLATES: tuple[Template, ...] = get_args(Template)


def init(directory: Path, template: Template) -> list[Path]:
    """Write a project into `directory`, made where it is missing; files that are there stay as they are.

    Returns:
        The files written, in order of their names.

    Raises:
        UsageError: There is a project there already; nothing was written.
    """
    if (directory / "onefold.yaml").exists():
        raise UsageError("there is already an onefold.yaml here; edit it, or choose another directory")
    texts = {f".schemas/{name}": text for name, text in schema_texts().items()} | template_texts(template)
    # Keys and stores are the organisation's secrets and people; Git keeps configuration only.
    texts[".gitignore"] = "/data/\n/onefold.state\n*.key\n"
    written = []
    for name in sorted(texts):
        path = directory / name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[name], encoding="utf-8")
        written.append(path)
    return written


def template_texts(template: Template) -> dict[str, str]:
    """The texts of a template's files, by name relative to the project."""
    root = resources.files("onefold.config") / "templates" / template
    names = ("sources", "checks", "models", "segments", "rfm", "traits")
    folders = ((root, ""), *((root / name, f"{name}/") for name in names))
    return {
        f"{prefix}{entry.name}": entry.read_text(encoding="utf-8")
        for folder, prefix in folders
        for entry in folder.iterdir()
        if entry.name.endswith((".yaml", ".sql"))
    }
