"""The command `demo`: invented people in several systems become profiles, through the real pipeline."""

from __future__ import annotations

import csv
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from onefold import bootstrap, config
from onefold.cli import demo_segments
from onefold.cli.options import Json
from onefold.cli.output import Output
from onefold.errors import ConfigurationError, UnavailableError, UsageError
from onefold.model import Identifier, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading import people as reading
from onefold.pipelines.service import Service
from onefold.serving import server
from onefold.synthetic import population as populations
from onefold.synthetic import score, systems, visits
from onefold.warehouse.query import parse

SEED = 2026
_MARK = ".onefold-demo"
_PROJECT = """\
# Written by `onefold demo`. Rate limits are off here, so that you can play; a real project has them on.
version: 1
workspace: demo
keys: {{root: "file:onefold.key"}}
server: {{port: {port}}}
limits: {{enabled: false}}
"""
_IDENTITY = """\
# The identifiers of each system, beside the built-in user_id, email, phone, device_id and anonymous_id.
default_region: US
types:
  # A system's own record is stronger than any address on it, which families and the guests of an evening share.
  crm_id: {priority: 90, limit: 3} # some donors were entered twice
  subscriber_id: {priority: 88, limit: 2}
  contact_id: {priority: 86, limit: 3}
  ticket_id: {priority: 84, limit: 20}
match:
  # Who calls a major donor wants to be surer than a newsletter has to be; nobody is joined or parted by it.
  uses: {major_donors: 0.9, marketing: 0.8}
"""
_RANKS = {"donors": 1, "subscribers": 2, "gifts": 3, "tickets": 4, "newsletter": 5}


def demo(
    directory: Annotated[Path, typer.Argument(help="Where the demo project goes.")] = Path("demo-project"),
    people: Annotated[int, typer.Option(help="How many people to invent.", min=50, max=200_000)] = 2_000,
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8484,
    stay: Annotated[bool, typer.Option("--serve/--no-serve", help="Keep serving until Ctrl-C.")] = True,
    as_json: Json = False,
) -> None:
    """Invent people, spread them over six systems, and watch them become one profile each. Nothing leaves this machine.

    Example: onefold demo --people 500 --no-serve
    """
    out = Output(as_json=as_json)
    started = time.perf_counter()
    # Before anything is written: the website's events would go to whatever server has the port.
    server.listen("127.0.0.1", port).close()
    keys = _fresh(directory, port)
    today = datetime.now(UTC).date()
    invented = populations.people(SEED, people)
    came = visits.visits(invented, seed=SEED, as_of=today)
    written = systems.write(directory / "files", invented, seed=SEED, as_of=today, web_truth=came.truth)
    out.say(f"Onefold demo: {people:,} invented people, as five systems and a website know them.", style="bold")
    rows = _load(directory, written, out)
    with _server(directory, port) as process:
        sent = _send(came, keys["website"], port, out)
        with bootstrap.opened(directory, None, start=False) as workspace:
            _caught_up(workspace.service)
            before, _ = _agreement(workspace.context, written.truth)
            _match(workspace, out)
            result = _report(workspace, written, before, rows, sent, time.perf_counter() - started, out)
        result |= {"segments": demo_segments.show(directory, keys["website"], port, today, out)}
        result |= {"marts": _marts(directory, out)}
        if as_json:
            out.result(result | {"directory": str(directory), "read_key": keys["reader"]})
        _next_steps(directory, port, keys, result, out)
        if stay:
            for link in bootstrap.owner_links(config.read_project(directory)).values():
                out.say("\nOpen the console by this link, which works once:", style="bold")
                out.say(f"  {link}")
            out.say(f"\nServing on http://127.0.0.1:{port} — Ctrl-C ends it.", style="bold")
            try:
                process.wait()
            except KeyboardInterrupt:
                out.say("Stopped. The project stays: `onefold serve --project " + str(directory) + "` goes on.")


def _fresh(directory: Path, port: int) -> dict[str, str]:
    """A new demo project; an earlier demo's is replaced, anything else is left alone."""
    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).exists():
            raise UsageError(f"{directory} holds something that is not a demo; name another directory.")
        shutil.rmtree(directory)
    (directory / "sources").mkdir(parents=True)
    (directory / _MARK).touch()
    (directory / "onefold.yaml").write_text(_PROJECT.format(port=port), encoding="utf-8")
    (directory / "identity.yaml").write_text(_IDENTITY, encoding="utf-8")
    for name, rank in _RANKS.items():
        (directory / "sources" / f"{name}.yaml").write_text(f"kind: file\nrank: {rank}\n", encoding="utf-8")
    (directory / "sources" / "website.yaml").write_text("kind: http\nrank: 6\n", encoding="utf-8")
    for name, text in config.template_texts("media").items():
        folder = name.partition("/")[0]
        if folder in {"calendar.yaml", "models", "privacy.yaml", "rfm", "segments", "traits"}:
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text, encoding="utf-8")
    (directory / "segments" / "examples.yaml").write_text(demo_segments.EXAMPLES, encoding="utf-8")
    return {key["name"]: key["key"] for key in bootstrap.furnish(directory)["keys"]}


def _load(directory: Path, written: systems.Written, out: Output) -> int:
    rows = 0
    with bootstrap.opened(directory, None) as workspace:
        for name, path in written.files.items():
            count = 0
            for done in bootstrap.load_file(
                workspace.context, path, source=name, mapping=str(path.with_suffix(".yaml"))
            ):
                count = done.rows
            rows += count
            out.say(f"  loaded {path.name:<17} {count:>6,} rows")
        bootstrap.catch_up(workspace)
    with bootstrap.project_segments(directory, None, start=True) as segments:
        segments.apply()
    return rows


@contextmanager
def _server(directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`onefold serve` on the demo project."""
    command = [sys.executable, "-m", "onefold", "serve", "--project", str(directory), "--no-log-requests"]
    # What it prints is how to sign in, which the demo says where one looks.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603  our own program
    try:
        _wait_until_ready(process, port)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise UnavailableError(f"The server ended at once. Is port {port} in use? Choose another with --port.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise UnavailableError("The server did not become ready within 30 s.")


def _send(came: visits.Visits, key: str, port: int, out: Output) -> int:
    """Send the website's visits with the real Segment SDK."""
    started = time.perf_counter()
    demo_segments.send([(call.method, call.arguments) for call in came.calls], key, port)
    seconds = time.perf_counter() - started
    out.say(f"  sent {len(came.calls):,} events of the website with segment-analytics-python in {seconds:.1f} s")
    return len(came.calls)


def _caught_up(service: Service) -> None:
    for _ in range(600):
        if all(a.pending == 0 for a in service.accounts()):
            return
        time.sleep(0.05)
    raise UnavailableError("The server did not process everything within 30 s.")


def _match(workspace: bootstrap.Workspace, out: Output) -> None:
    """Let the matcher compare names, addresses and dates of birth, too."""
    started = time.perf_counter()
    try:
        run = bootstrap.match_records(workspace)
    except ConfigurationError as missing:
        out.say(f"  not matched by names and addresses: {missing}.")
        return
    _caught_up(workspace.service)
    seconds = time.perf_counter() - started
    out.say(f"  matched {run.records:,} records: {run.scored:,} pairs scored and told to the log in {seconds:.1f} s")


def _report(
    workspace: bootstrap.Workspace,
    written: systems.Written,
    before: score.Score,
    rows: int,
    sent: int,
    seconds: float,
    out: Output,
) -> dict[str, Any]:
    service = workspace.service
    account = service.accounts()
    columns = ("source", "received", "stored", "duplicate", "rejected", "suppressed", "balanced")
    out.table("What became of what was received", columns, ([getattr(a, c) for c in columns] for a in account))
    agreement, people_of = _agreement(workspace.context, written.truth)
    people = service.counts().people
    out.say(
        f"{rows + sent:,} records and events in, {people:,} people out, in {seconds:.1f} s. Against the truth: "
        f"precision {agreement.pair_precision:.1%}, recall {agreement.pair_recall:.1%} of pairs "
        f"(B³ F1 {agreement.bcubed_f1:.1%}).",
        style="bold",
    )
    out.say(
        f"Exact identifiers alone: precision {before.pair_precision:.1%}, recall {before.pair_recall:.1%} (B³ F1"
        f" {before.bcubed_f1:.1%}). Measured on {agreement.items:,} records, accounts, and browsers that logged in; nothing"
        " tells whose the others are."
    )
    merge = _most_interesting(service, people_of)
    if merge is not None:
        out.say("\nThe most interesting merge:", style="bold")
        for line in merge.sentences:
            out.say("  " + line)
    return {
        "records": rows + sent,
        "people": people,
        "seconds": round(seconds, 2),
        "exact_pair_precision": round(before.pair_precision, 4),
        "exact_pair_recall": round(before.pair_recall, 4),
        "exact_bcubed_f1": round(before.bcubed_f1, 4),
        "pair_precision": round(agreement.pair_precision, 4),
        "pair_recall": round(agreement.pair_recall, 4),
        "bcubed_f1": round(agreement.bcubed_f1, 4),
        "dead_letters": sum(a.rejected for a in account),
        "merge": merge,
    }


def _marts(directory: Path, out: Output) -> dict[str, int]:
    """Build the marts of the media template, and show the members by status; rows by model."""
    try:
        made = list(bootstrap.run_models(directory, None, ()))
    except ConfigurationError as missing:
        out.say(f"\nNo marts: {missing}.")
        return {}
    rows = {run.model: run.rows for run in made if run.how != "checked"}
    seconds = sum(run.seconds for run in made)
    out.say(f"\nMarts, built in {seconds:.1f} s: " + ", ".join(f"{name} {n:,}" for name, n in rows.items() if n) + ".")
    asked = parse("SELECT membership_status, count(*) AS members FROM marts.membership GROUP BY 1 ORDER BY 2 DESC, 1")
    with bootstrap.open_warehouse(directory, None, process=False) as warehouse:
        found = warehouse.run(asked).to_pylist()
    out.table("Members", ("status", "members"), ([row["membership_status"], row["members"]] for row in found))
    return rows


def _agreement(context: Context, truth: Path) -> tuple[score.Score, dict[tuple[str, str], bytes]]:
    """How the people found agree with the truth, and whom each known identifier belongs to.

    Accounts that were never used, and browsers in which nobody logged in, are left out: no evidence is about them.
    """
    with truth.open(encoding="utf-8", newline="") as file:
        known = {(row["type"], row["value"]): row["person"] for row in csv.DictReader(file)}
    nodes = {item: reading.node_of(context, Identifier(*item)) for item in known}
    with context.store.snapshot() as snapshot:
        rows = snapshot.nodes(sorted({n for n in nodes.values() if n is not None}))
        browsers = [node for (kind, _), node in nodes.items() if kind == "anonymous_id" and node in rows]
        seen = {end for edge in snapshot.edges(browsers) for end in (edge.a, edge.b)} if browsers else set()
    told = {item: node for item, node in nodes.items() if node in rows and (item[0] != "anonymous_id" or node in seen)}
    known = {item: known[item] for item in told}
    found = {item: rows[node].member.person for item, node in told.items() if node is not None}
    return score.score(found, known), found


def _most_interesting(service: Service, people_of: dict[tuple[str, str], bytes]) -> results.Explanation | None:
    """The person known to most systems, and the longest chain of evidence between two of those systems."""
    systems_of: dict[bytes, list[tuple[str, str]]] = {}
    for item, person in people_of.items():
        systems_of.setdefault(person, []).append(item)
    draw = random.Random(SEED)  # noqa: S311  a choice of examples
    ranked = sorted(systems_of.values(), key=lambda items: (-len({kind for kind, _ in items}), len(items), items))
    best: results.Explanation | None = None
    for items in ranked[:20]:
        pairs = [(a, b) for a in items for b in items if a < b and a[0] != b[0]]
        for a, b in draw.sample(pairs, min(len(pairs), 10)):
            told = service.explain(Identifier(*a), Identifier(*b))
            if told and (best is None or len(told.path) > len(best.path)):
                best = told
    return best


def _next_steps(directory: Path, port: int, keys: dict[str, str], result: dict[str, Any], out: Output) -> None:
    merge = result["merge"]
    where = f"--project {directory}"
    out.say("\nTry next:", style="bold")
    if merge:
        a, b = merge.a, merge.b
        out.say(f"  onefold profile {a} {where}")
        out.say(f"  onefold split {b} --from {a} {where}    # and to take it back:")
        out.say(f"  onefold undo {b} {a} {where}")
    out.say(f"  onefold segment list {where}")
    out.say(f"  onefold dlq list {where}")
    out.say(f"  onefold verify {where}")
    out.say(f"  onefold rfm run {where} && onefold segment list {where}    # best_donors by recency, frequency, sum")
    out.say(f"  onefold run {where} && onefold lineage membership.recurring_amount {where}")
    if merge:
        out.say(f"  curl -H 'Authorization: Bearer {keys['reader']}' http://127.0.0.1:{port}/api/v1/profiles/{merge.a}")
