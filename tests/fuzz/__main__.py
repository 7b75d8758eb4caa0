"""`python -m tests.fuzz [TARGET …] [--seconds N]`: fuzz each target in a process of its own, all at once.

Exit code 1 when one of them found something; the input that does it is kept in build/fuzz/.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

TARGETS = ("events", "identifiers", "rows")
CORPUS = Path(__file__).parent / "corpus"
ROOT = Path(__file__).parents[2]
FOUND = ROOT / "build" / "fuzz"
BYTES_MAX = 8_192
SEED = 20_261_121


def main(arguments: list[str]) -> int:
    """Fuzz what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=(*TARGETS, []), help="all when left out")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=SEED, help="another one looks elsewhere")
    parser.add_argument("--planted", action="store_true", help="with a bug, which must be found")
    parser.add_argument("--here", action="store_true", help="in this process (one target)")
    options = parser.parse_args(arguments)
    if options.here:
        fuzz(options.targets[0], seconds=options.seconds, planted=options.planted, seed=options.seed)
    processes = [
        start(target, seconds=options.seconds, planted=options.planted, seed=options.seed)
        for target in options.targets or TARGETS
    ]
    ended = [process.wait() for process in processes]
    return int(any(ended))


def start(
    target: str, *, seconds: int, planted: bool = False, quiet: bool = False, seed: int = SEED
) -> subprocess.Popen[str]:
    """Fuzz one target in a process of its own, which ends by itself; when quiet, all its words come in a pipe."""
    command = [sys.executable, "-m", "tests.fuzz", target, "--here", "--seconds", str(seconds), "--seed", str(seed)]
    command += ["--planted"] if planted else []
    # What was raised is printed on standard output, what the fuzzer says on the other.
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if quiet else {}
    return subprocess.Popen(command, cwd=ROOT, text=True, **streams)


def fuzz(target: str, *, seconds: int, planted: bool, seed: int) -> None:
    """Fuzz in this process, which ends with it: libFuzzer does not return."""
    # Only a process that fuzzes may load it: it changes how modules are compiled.
    import atheris

    with atheris.instrument_imports(include=["onefold", "tests.fuzz"]):
        check = importlib.import_module(f"tests.fuzz.{target}").check
        if planted:
            importlib.import_module("tests.fuzz.planted").plant(target)
    kept = f"planted-{target}" if planted else target
    FOUND.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="onefold-fuzz-") as grown:
        # A child of libFuzzer's own would outlive it; what is found there on the way is thrown away.
        atheris.Setup(
            [
                sys.argv[0], f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1500", f"-max_len={BYTES_MAX}",
                f"-seed={seed}", "-print_final_stats=1", "-verbosity=1", f"-artifact_prefix={FOUND}/{kept}-",
                grown, str(CORPUS / target),
            ],
            check,
        )  # fmt: skip
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
