"""Imports go down only: the contracts of pyproject.toml hold, and they are able to fail."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.house.tree import ROOT


def lint_imports(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", config, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder), "PATH": str(Path(sys.executable).parent)},
    )


def test_import_contracts_hold():
    """Every layer imports only what lies below it."""
    done = lint_imports(ROOT / "src", ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("model/event.py", "import onefold.cli"),
        ("identity/__init__.py", "import onefold.profiles"),
        ("serving/__init__.py", "import onefold.adapters"),
        ("model/event.py", "import sqlite3"),
        ("newcomer.py", ""),
    ],
)
def test_a_planted_import_breaks_a_contract(tmp_path, module, line):
    """The negative control: an import upwards, sideways, past bootstrap or to a database is red."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    for layer in packages["contracts"][0]["layers"]:
        for name in layer.split(" | "):
            (tmp_path / "onefold" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "onefold" / name / "__init__.py").write_text("")
    (tmp_path / "onefold/__init__.py").write_text("")
    for name in ("adapters", "connectors", "model"):
        (tmp_path / f"onefold/{name}/__init__.py").write_text("")
    (tmp_path / "onefold" / module).write_text(f"{line}\n")
    assert lint_imports(tmp_path, ROOT / "pyproject.toml").returncode == 1
