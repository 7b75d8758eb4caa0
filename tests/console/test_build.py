"""The build: small enough to open at once, and made for the API as it is."""

import gzip
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from onefold.serving.description import describe

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]

CONSOLE = Path(__file__).parents[2] / "console"
FIRST_LOAD_MAX = 250 * 1024
"""Bytes of script, gzipped, that a browser fetches before it shows a screen."""


def first_load(folder):
    """Bytes of script, gzipped, that the page names."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    scripts = set(re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', page))
    assert scripts, "the page has no scripts"
    return sum(len(gzip.compress((folder / name).read_bytes(), 9)) for name in scripts)


def test_the_first_load_is_small(built):
    """A page's scripts, without those of its screens, stay under the budget."""
    assert first_load(built) <= FIRST_LOAD_MAX


def test_a_large_script_breaks_the_budget(tmp_path):
    """Control: what does not compress is counted."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text('<script src="/assets/a.js"></script><link href="/assets/b.js">')
    (tmp_path / "assets" / "a.js").write_bytes(b"1")
    (tmp_path / "assets" / "b.js").write_bytes(random.Random(1).randbytes(FIRST_LOAD_MAX))
    assert first_load(tmp_path) > FIRST_LOAD_MAX


def test_nothing_comes_from_elsewhere(built):
    """No file that the page names is on another host."""
    page = (built / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!/(?!/))[^"]*"', page) == []


def generated(description, to):
    """The types of a description, as `make console-client` writes them."""
    subprocess.run(["node", "generate.mjs", str(to)], cwd=CONSOLE, input=json.dumps(description).encode(), check=True)
    return to.read_text(encoding="utf-8")


def test_the_types_of_the_api_are_those_of_today(tmp_path):
    """What is committed is what the API's description gives; without one of its routes it would not be."""
    description = describe(answers=True).openapi()
    kept = (CONSOLE / "src" / "api" / "schema.ts").read_text(encoding="utf-8")
    assert generated(description, tmp_path / "schema.ts") == kept, "run `make console-client`"
    del description["paths"]["/api/v1/home"]
    assert generated(description, tmp_path / "schema.ts") != kept


@pytest.fixture
def compiled(built, tmp_path):
    """What the compiler says of the console, written against the types of a description; empty where it fits."""
    shutil.copytree(CONSOLE / "src", tmp_path / "src")
    shutil.copy(CONSOLE / "tsconfig.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(CONSOLE / "node_modules")

    def compile_against(description):
        generated(description, tmp_path / "src" / "api" / "schema.ts")
        compiler = str(CONSOLE / "node_modules" / "typescript" / "bin" / "tsc")
        told = subprocess.run(["node", compiler, "--noEmit"], cwd=tmp_path, capture_output=True, text=True, check=False)
        return told.stdout

    return compile_against


def test_the_console_fits_the_api_as_it_is(compiled):
    """The API has every route and member that the console reads; without one of them it would not be built."""
    description = describe(answers=True).openapi()
    assert compiled(description) == ""
    del description["components"]["schemas"]["Profile"]["properties"]["lifecycle"]
    assert "lifecycle" in compiled(description)
