"""The models of a project: `models/**/*.sql`, and the YAML files beside them that describe them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onefold.config import files, warehouse
from onefold.config.reading import BYTES_MAX, At, Document, Problem, read
from onefold.errors import nearest
from onefold.warehouse.models.graph import DEFAULT_SCHEMA
from onefold.warehouse.models.model import Documented, Fault, Model, ModelError

FOLDER = "models"


def read_models(directory: Path) -> list[Model]:
    """The models in a project directory, by file name; what their statements mean is not looked at.

    Raises:
        ModelError: With everything that is wrong with any of the files.
    """
    problems = list[Problem]()
    folder = directory / FOLDER
    texts = {path: _text(path, directory, problems) for path in sorted(folder.rglob("*.sql"))}
    documents = [
        read(path, str(path.relative_to(directory)), warehouse.MODELS, problems)
        for path in sorted(folder.rglob("*.yaml"))
    ]
    problems += [
        Problem(str(path.relative_to(directory)), 1, f"would not be read; did you mean `{path.stem}.yaml`?")
        for path in sorted(folder.rglob("*.yml"))
    ]
    described = dict[str, tuple[Document, dict[str, Any]]]()
    stems = {path.stem for path in texts}
    for document in documents:
        for name, said in (document.value.get("models") or {}).items():
            at = ("models", name)
            if name not in stems:
                problems.append(document.problem(at, f"there is no {FOLDER}/{name}.sql{nearest(name, stems)}"))
            elif name in described:
                problems.append(document.problem(at, f"`{name}` is already described in {described[name][0].file}"))
            else:
                described[name] = (document, said or {})
    problems += [
        problem for name, (document, said) in described.items() for problem in _contradictions(document, name, said)
    ]
    if problems:
        raise ModelError(Fault(problem.file, problem.line, problem.message) for problem in problems)
    return [
        _model(str(path.relative_to(directory)), path.stem, text, *described.get(path.stem, (None, {})))
        for path, text in texts.items()
    ]


def _text(path: Path, directory: Path, problems: list[Problem]) -> str:
    file = str(path.relative_to(directory))
    if not files.NAME_PATTERN.fullmatch(path.stem):
        problems.append(Problem(file, 1, f"is not a name for a model: it needs {files.NAME.shape}"))
    try:
        if not path.is_file():
            problems.append(Problem(file, 1, "is not a file"))
            return ""
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.append(Problem(file, raw.count(b"\n", 0, error.start) + 1, "is not UTF-8"))
    except OSError as error:
        problems.append(Problem(file, 1, f"cannot be read: {error.strerror}"))
    return ""


def _contradictions(document: Document, name: str, said: dict[str, Any]) -> Iterator[Problem]:
    at: At = ("models", name)
    if said.get("materialized") == "incremental" and not said.get("key"):
        yield document.problem((*at, "materialized"), f"`{name}` is incremental, so it needs the `key` of its rows")


def _model(file: str, stem: str, sql: str, document: Document | None, said: dict[str, Any]) -> Model:
    lines = {} if document is None else _lines(document, stem)
    return Model(
        name=f"{said.get('schema', DEFAULT_SCHEMA)}.{stem}",
        sql=sql,
        file=file,
        description=said.get("description", ""),
        owner=said.get("owner", ""),
        tags=tuple(said.get("tags", ())),
        materialized=said.get("materialized", "view"),
        key=tuple(said.get("key", ())),
        columns={name: _documented(column or {}) for name, column in said.get("columns", {}).items()},
        described_in="" if document is None else document.file,
        lines=lines,
    )


def _documented(said: dict[str, Any]) -> Documented:
    return Documented(said.get("description", ""), said.get("personal"), tuple(said.get("tests", ())))


def _lines(document: Document, name: str) -> dict[tuple[str, ...], int]:
    """The lines of one model's keys, by the keys that lead there from its name."""
    return {
        tuple(map(str, at[2:])): line
        for at, line in document.lines.items()
        if len(at) > 1 and at[:2] == ("models", name)
    }
