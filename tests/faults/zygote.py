"""A zygote: the product, imported once, from which commands are forked that then wait for the word to go.

Importing takes far longer than most commands do, and a tracer has to be attached before the first system call that
matters. Each line on standard input is a JSON request, each line on standard output its answer:

    {"argv": ["serve", …], "errors": FILE}  → {"pid": N}      the command is forked and waits
    {"go": PID}                             → {"gone": PID}   it begins
    {"ended": PID}                          → {"status": N}   its wait status, or null while it runs

`argv` is a command line of `onefold`; with `"program": "module:function"` that function gets it instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from onefold import cli

PR_SET_PDEATHSIG, PR_SET_PTRACER, SIGKILL = 1, 0x59616D61, 9
PRELOADED = (
    "uvloop",
    "httptools",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.lifespan.on",
    "apsw",
    "prometheus_client",
)
gates: dict[int, int] = {}


def fork(argv: list[str], errors: str, program: str | None, variables: dict[str, str]) -> int:
    """Fork a command that waits for its gate to open."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(reading)
        gates[child] = writing
        return child
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)

    def traceable() -> None:  # Yama: the tracer is our parent's parent's child
        libc.prctl(PR_SET_PTRACER, ctypes.c_ulong(-1))

    traceable()
    os.register_at_fork(after_in_child=traceable)
    os.close(writing)
    for gate in gates.values():
        os.close(gate)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    os.dup2(null, 1)
    os.environ.update(variables)
    os.read(reading, 1)
    os._exit(command(argv, program))


def command(argv: list[str], program: str | None) -> int:
    """Run it; its exit code."""
    sys.argv = ["onefold", *argv]
    code = 0
    try:
        if program is None:
            cli.main()
        else:
            module, _, function = program.partition(":")
            getattr(importlib.import_module(module), function)(*argv)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  as the interpreter would
        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    return code


def say(answer: dict[str, object]) -> None:
    """Write an answer."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def serve() -> None:
    """Answer requests until there are no more."""
    sys.path[:0] = [str(Path.cwd())]
    for name in PRELOADED:
        importlib.import_module(name)
    say({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        if "argv" in asked:
            for name in asked.get("preload", ()):
                importlib.import_module(name)
            pid = fork(asked["argv"], asked["errors"], asked.get("program"), asked.get("variables", {}))
            answer: dict[str, object] = {"pid": pid}
        elif "go" in asked:
            os.write(gates[asked["go"]], b"!")
            os.close(gates.pop(asked["go"]))
            answer = {"gone": asked["go"]}
        else:
            pid, status = os.waitpid(asked["ended"], os.WNOHANG)
            answer = {"status": status if pid else None}
        say(answer)


if __name__ == "__main__":
    serve()
