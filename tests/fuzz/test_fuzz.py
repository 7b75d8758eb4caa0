"""Fuzzing finds nothing in a while, and finds what was planted; every input ever of use is tried again.

`make fuzz` takes a minute each.
"""

import importlib
import os

import pytest
from tests.fuzz.__main__ import CORPUS, FOUND, TARGETS, start

SECONDS = int(os.environ.get("ONEFOLD_FUZZ_SECONDS", "15"))
PLANTED_SECONDS = 240
KNOWN = [pytest.param(target, path, id=f"{target}-{path.name}") for target in TARGETS
         for path in sorted((CORPUS / target).iterdir())]  # fmt: skip


@pytest.mark.parametrize(("target", "path"), KNOWN)
def test_what_is_in_the_corpus_breaks_nothing(target, path):
    """Seeds, and inputs that once broke something: each keeps every promise."""
    importlib.import_module(f"tests.fuzz.{target}").check(path.read_bytes())


@pytest.mark.timeout(SECONDS * 2 + 120)
@pytest.mark.parametrize("target", TARGETS)
def test_fuzzing_finds_nothing(target):
    """Thousands of inputs, led by what they reach in the code; what breaks a promise is in build/fuzz."""
    process = start(target, seconds=SECONDS, quiet=True)
    words, _ = process.communicate()
    assert process.returncode == 0, words[-3_000:]
    assert runs(words) > 20  # on a machine with as much else to do; alone it is thousands


@pytest.mark.timeout(PLANTED_SECONDS + 120)
@pytest.mark.parametrize("target", TARGETS)
def test_a_planted_bug_is_found(target):
    """The control: the same harness on a product that breaks on two bytes that no seed holds together."""
    process = start(target, seconds=PLANTED_SECONDS, planted=True, quiet=True)
    words, _ = process.communicate()
    assert process.returncode == 77, words[-3_000:]
    assert "ZeroDivisionError" in words
    for left in FOUND.glob(f"planted-{target}-*"):
        left.unlink()


def runs(words: str) -> int:
    """How many inputs were tried."""
    stated = next(line for line in words.splitlines() if line.startswith("stat::number_of_executed_units"))
    return int(stated.split()[-1])
