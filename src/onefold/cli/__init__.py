"""The command line. Exit codes: 0 done, 1 handled failure, 2 wrong use or configuration."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from onefold import __version__
from onefold.cli import (
    accounts,
    check,
    demo,
    dlq,
    households,
    identity,
    keys,
    loading,
    maintenance,
    match,
    models,
    people,
    plan,
    process,
    project,
    reconcile,
    relations,
    review,
    rfm,
    segment,
    serve,
    sql,
    tail,
    traits,
    warehouse,
)
from onefold.cli.printable import tell, tolerate_encodings
from onefold.errors import ConfigurationError, NotFoundError, OnefoldError, UsageError

app = typer.Typer(
    name="onefold",
    help="Onefold: many records, one person. A customer data platform you run yourself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(*, asked: bool) -> None:
    if asked:
        sys.stdout.write(f"onefold {__version__}\n")
        raise typer.Exit


@app.callback()
def _onefold(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command()(project.init)
app.command()(demo.demo)
app.command()(project.doctor)
app.command()(serve.serve)
app.command()(tail.tail)
app.command()(serve.collect)
app.command()(process.process)
app.command()(process.migrate)
app.command()(loading.load)
app.command(hidden=True)(loading.serve_prefetch)
app.command()(match.match)
app.command()(people.profile)
app.command()(people.identifiers)
app.command()(people.explain)
app.command()(people.history)
app.command()(households.households)
app.command()(people.split)
app.command()(people.link)
app.command()(people.share)
app.command()(people.block)
app.command()(people.undo)
app.add_typer(identity.app, name="identity")

app.add_typer(review.app, name="review")
app.add_typer(traits.app, name="traits")
app.add_typer(check.app, name="check")
app.command()(sql.sql)
app.command()(relations.tables)
app.command()(relations.describe)
app.command()(relations.export)
app.command()(plan.plan)
app.command()(plan.apply)
app.add_typer(segment.app, name="segment")
app.add_typer(dlq.app, name="dlq")
app.add_typer(keys.app, name="keys")
app.add_typer(accounts.app, name="accounts")
app.add_typer(warehouse.app, name="warehouse")
app.command()(models.run)
app.command()(models.lineage)
app.command()(models.classify)
app.add_typer(rfm.app, name="rfm")
app.command()(maintenance.sources)
app.command()(maintenance.preview)
app.command()(maintenance.rebuild)
app.command()(maintenance.repair)
app.command()(maintenance.verify)
app.command()(reconcile.reconcile)
app.command()(maintenance.backup)
app.command()(maintenance.restore)


def main() -> None:
    """Run the command line and exit."""
    tolerate_encodings(sys.stdout, sys.stderr)
    try:
        app()
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
