"""What no tracked file may hold: registry addresses, paths of one machine, and files that outgrew their noun."""

import re

import pytest
from tests.house.tree import ROOT, modules, texts, tracked

REGISTRIES = re.compile(
    r"https?://[^\s\"'`)]*(?:pypi\.org/simple|pythonhosted|registry\.(?:npmjs|yarnpkg)|/simple/|/artifactory/|/nexus/)"
    r"|\bresolved\b\": |--(?:extra-)?index-url|_authToken"
)
MACHINE_PATHS = re.compile(r"(?<![\w.~:])/(?:home|Users|work|root|tmp/wt)/[\w.-]+")
LINES_MAX = 400


def breaches(pattern: re.Pattern[str], files: tuple[tuple[str, str], ...]) -> list[str]:
    # This file has to write down what it looks for.
    return [
        f"{name}:{number}"
        for name, text in files
        if name != "tests/house/test_hygiene.py"
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_registry_addresses():
    """Where packages come from is the reader's affair; hashes say which they are."""
    assert breaches(REGISTRIES, texts()) == []


def test_no_paths_of_one_machine():
    """A clone works wherever it stands."""
    assert breaches(MACHINE_PATHS, texts()) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRIES, "--index-url x"),
        (REGISTRIES, '"resolved": "https://registry.' + "npm" + 'js.org/a"'),
        (REGISTRIES, "https://files." + "python" + "hosted.org/a.whl"),
        (MACHINE_PATHS, "open('/home/someone/data')"),
        (MACHINE_PATHS, "cd /" + "work/x"),
    ],
)
def test_the_search_finds_what_was_planted(pattern, text):
    """The negative control: each pattern is red on a planted breach."""
    assert breaches(pattern, (("planted", text),)) == ["planted:1"]


def test_requirements_are_hashed_and_without_addresses():
    """Every pinned package has a hash, and nothing says where it comes from."""
    for name in ("runtime", "dev", "build"):
        text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text
        pins = re.findall(r"^([a-z0-9.-]+)==.*\\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^\S", text, re.MULTILINE)) > 0


def test_lock_files_are_not_tracked():
    """`uv.lock` holds registry addresses, so it stays out."""
    assert not [path.name for path in tracked() if path.name in {"uv.lock", "pylock.toml", ".npmrc"}]


def test_modules_stay_small():
    """A module over 400 lines holds two nouns."""
    long = [
        name
        for name, text in texts()
        if name.endswith(".py") and name.startswith(("src/", "bench/")) and text.count("\n") > LINES_MAX
    ]
    assert long == []


def test_no_module_is_named_for_what_it_is_not():
    """utils, helpers, common, manager and base are names for a noun not found yet."""
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert [name for name, _ in modules() if vague & set(name.removesuffix(".py").split("/"))] == []


def test_no_unfinished_business():
    """What is left to do stands in issues."""
    marks = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    code = tuple((name, text) for name, text in texts() if name.endswith((".py", ".md", ".yaml", ".sql", "Makefile")))
    assert breaches(marks, code) == []
