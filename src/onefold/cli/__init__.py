"""The command line. Exit codes: 0 done, 1 handled failure, 2 wrong use or configuration."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onefold import __version__
from onefold.cli.printable import tell, tolerate_encodings
from onefold.errors import ConfigurationError, NotFoundError, OnefoldError, UsageError

if TYPE_CHECKING:
    app: typer.Typer

# In the order of `onefold --help`: the module of each command, beside the command; `app` is a group of commands.
_COMMANDS = {
    "init": "project:init",
    "demo": "demo:demo",
    "doctor": "project:doctor",
    "serve": "serve:serve",
    "tail": "tail:tail",
    "collect": "serve:collect",
    "process": "process:process",
    "migrate": "process:migrate",
    "load": "loading:load",
    "serve-prefetch": "loading:serve_prefetch",
    "match": "match:match",
    "profile": "people:profile",
    "identifiers": "people:identifiers",
    "explain": "people:explain",
    "history": "people:history",
    "households": "households:households",
    "split": "people:split",
    "link": "people:link",
    "share": "people:share",
    "block": "people:block",
    "undo": "people:undo",
    "sql": "sql:sql",
    "tables": "relations:tables",
    "describe": "relations:describe",
    "export": "relations:export",
    "plan": "plan:plan",
    "apply": "plan:apply",
    "run": "models:run",
    "lineage": "models:lineage",
    "classify": "models:classify",
    "sources": "maintenance:sources",
    "preview": "maintenance:preview",
    "rebuild": "maintenance:rebuild",
    "repair": "maintenance:repair",
    "verify": "maintenance:verify",
    "reconcile": "reconcile:reconcile",
    "backup": "maintenance:backup",
    "restore": "maintenance:restore",
    "identity": "identity:app",
    "review": "review:app",
    "traits": "traits:app",
    "check": "check:app",
    "segment": "segment:app",
    "dlq": "dlq:app",
    "keys": "keys:app",
    "accounts": "accounts:app",
    "warehouse": "warehouse:app",
    "rfm": "rfm:app",
}
_HIDDEN = {"serve-prefetch"}


def _print_version(*, asked: bool) -> None:
    if asked:
        sys.stdout.write(f"onefold {__version__}\n")
        raise typer.Exit


def _onefold(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def command_line(*names: str) -> typer.Typer:
    """The application with these commands alone.

    Importing them all takes most of a second, which whoever runs one command need not wait for.
    """
    application = typer.Typer(
        name="onefold",
        help="Onefold: many records, one person. A customer data platform you run yourself.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback()(_onefold)
    for name in names:
        module, attribute = _COMMANDS[name].split(":")
        command = getattr(import_module(f"onefold.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            application.add_typer(command, name=name)
        else:
            application.command(name, hidden=name in _HIDDEN)(command)
    return application


# Any: what a module's attribute is, nobody can say before it is looked up.
def __getattr__(name: str) -> Any:
    if name == "app":
        return command_line(*_COMMANDS)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _wanted(arguments: list[str]) -> list[str]:
    """The commands that these arguments need: the first word's alone, none to tell the version, all of them to help."""
    if arguments == ["--version"]:
        return []
    return arguments[:1] if arguments and arguments[0] in _COMMANDS else list(_COMMANDS)


def main() -> None:
    """Run the command line and exit."""
    tolerate_encodings(sys.stdout, sys.stderr)
    try:
        command_line(*_wanted(sys.argv[1:]))()
    except NotFoundError as missing:
        _fail(missing, 1)
    except (ConfigurationError, UsageError) as wrong:
        _fail(wrong, 2)
    except OnefoldError as failure:
        _fail(failure, 1)
    except BrokenPipeError:
        # Who reads has seen enough (`| head`); what is left in the buffer is for nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as failure:
        # A path that cannot be used: the sentence names it, and a traceback would say nothing more.
        _fail(failure, 1)


def _fail(error: OnefoldError | OSError, code: int) -> None:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        error = OnefoldError(f"{where}{error.strerror or error}")
    tell(f"onefold: {error}")
    sys.exit(code)
