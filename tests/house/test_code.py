"""What the product's code may not do, read from its syntax."""

import ast
import re

import pytest
from tests.house.tree import modules, texts

FORBIDDEN_CALLS = {
    "eval": "runs a string as code",
    "exec": "runs a string as code",
    "compile": "runs a string as code",
    "__import__": "runs what a string names",
    "pickle.load": "runs what the bytes say",
    "pickle.loads": "runs what the bytes say",
    "marshal.loads": "runs what the bytes say",
    "yaml.load": "builds any object",
    "yaml.unsafe_load": "builds any object",
    "yaml.full_load": "builds any object",
    "os.system": "runs a shell",
    "os.popen": "runs a shell",
    "datetime.utcnow": "is naive",
    "datetime.datetime.utcnow": "is naive",
    "tempfile.mktemp": "races",
}
CLOCK_CALLS = {"time.time", "time.time_ns", "datetime.now", "datetime.datetime.now", "datetime.today", "date.today"}
RANDOM_CALLS = {"os.urandom", "secrets.token_bytes", "secrets.token_hex", "uuid.uuid4", "uuid.uuid1"}
PURE = ("model", "rules", "ingest", "identity", "profiles", "governance", "pipelines")
"""Packages to which clock and randomness are arguments."""
SUPPRESSED = re.compile(r"^(?::\s*[A-Z]+[0-9]*(?:\s*,\s*[A-Z]+[0-9]*)*|\[[\w, -]+\])")
EMPTY_MODULE = "src/onefold/planted.py"


def called(node: ast.Call) -> str:
    parts = []
    function: ast.expr = node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if isinstance(function, ast.Name):
        parts.append(function.id)
    return ".".join(reversed(parts))


def package(name: str) -> str:
    return name.removeprefix("src/onefold/").split("/")[0].removesuffix(".py")


def breaches(files) -> list[str]:
    found = []
    for name, tree in files:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            call = called(node)
            where = f"{name}:{node.lineno}: {call}"
            if call in FORBIDDEN_CALLS:
                found.append(f"{where} {FORBIDDEN_CALLS[call]}")
            if any(word.arg == "shell" and getattr(word.value, "value", None) is True for word in node.keywords):
                found.append(f"{where} runs a shell")
            if call == "print" and package(name) != "cli":
                found.append(f"{where} belongs to the command line")
            if call in CLOCK_CALLS | RANDOM_CALLS and package(name) in PURE:
                found.append(f"{where} must come in as an argument")
    return found


def test_no_forbidden_calls():
    """No string becomes code, no bytes become objects, no shell, no hidden clock, no stray print."""
    assert breaches(modules()) == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (EMPTY_MODULE, "eval('1')"),
        (EMPTY_MODULE, "import pickle; pickle.loads(b'')"),
        (EMPTY_MODULE, "import yaml; yaml.load('', yaml.Loader)"),
        (EMPTY_MODULE, "import subprocess; subprocess.run('ls', shell=True)"),
        (EMPTY_MODULE, "print('x')"),
        ("src/onefold/identity/planted.py", "import time; time.time()"),
        ("src/onefold/profiles/planted.py", "from datetime import datetime; datetime.now()"),
        ("src/onefold/governance/planted.py", "import os; os.urandom(16)"),
    ],
)
def test_planted_calls_are_found(file, code):
    """The negative control: each rule is red on a planted breach."""
    assert len(breaches([(file, ast.parse(code))])) == 1


def test_every_module_says_what_it_is():
    """Each module and package opens with a sentence saying what that noun is."""
    silent = [
        name for name, tree in modules() if not (ast.get_docstring(tree) or "").split("\n")[0].endswith((".", ":"))
    ]
    assert silent == []


def test_every_suppression_has_its_reason():
    """A rule switched off without a reason is a rule nobody can switch on again."""
    bare = []
    for name, text in texts():
        if not (name.endswith(".py") and name.startswith(("src/", "bench/"))):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for mark in ("# noqa", "# type: ignore"):
                _, found, rest = line.partition(mark)
                if found and not _reason(rest):
                    bare.append(f"{name}:{number}")
    assert bare == []


def _reason(rest: str) -> bool:
    """Whether words follow the rule codes (`: S101, ANN  why`, `[attr-defined]  # why`)."""
    return len(SUPPRESSED.sub("", rest).replace("#", " ").split()) >= 2


def test_a_bare_suppression_is_found():
    """The negative control of the above."""
    assert not _reason(": S101")
    assert not _reason("[attr-defined]")
    assert _reason(": S101  tests assert")
    assert _reason("[attr-defined]  # the library leaves it bare")
