"""Every command and every block of code in the documentation runs, or is checked and listed here with the reason."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow.csv
import pytest
import yaml
from psycopg.conninfo import make_conninfo
from tests.docs.pages import PAGES, ROOT, Block, blocks, mentions, name_of, wrong_with
from tests.docs.shell import Condition, Shell
from tests.matching import people
from tests.running import running

from bench import postgres
from onefold import bootstrap, config, rules
from onefold.config import read_project
from onefold.connectors.sources import mapping

Setting = Callable[[Path], Iterator[Shell]]


def is_ready(shell: Shell, _: str) -> bool:
    """The server answers that it can work; it is sent an event, for whoever processes next."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{shell.port}/readyz", timeout=5):
            pass
    except OSError:
        return False
    if shell.write_key:
        send(shell, event="Order Completed", userId="ann", messageId="1")
    return True


def send(shell: Shell, **event: str) -> None:
    """Send an event to the page's server, which must take it."""
    body = json.dumps({"writeKey": shell.write_key, **event}).encode()
    urllib.request.urlopen(f"http://127.0.0.1:{shell.port}/v1/track", body, timeout=20).close()


def has_processed(shell: Shell, _: str) -> bool:
    """Nothing waits any more."""
    accounts = [json.loads(line) for line in shell.run("onefold sources --json").splitlines()]
    return any(account["stored"] for account in accounts) and not any(account["pending"] for account in accounts)


def has_printed(_: Shell, shown: str) -> bool:
    return bool(shown.strip())


def has_shown_a_rejection(shell: Shell, shown: str) -> bool:
    """A stream shows what comes after it has begun, so something comes."""
    send(shell, event="Nobody's", messageId=os.urandom(4).hex())
    return '"rejected"' in shown


ENDLESS: dict[str, Condition] = {
    "onefold serve": is_ready,
    "onefold process --workers": has_processed,
    "onefold tail": has_printed,
    "curl -sN": has_shown_a_rejection,
}
"""Commands that run until they are told to stop, by how they begin, and when they have shown that they work."""

NOT_RUN = {
    ("README.md", "make test"): "is what runs this test",
    ("CONTRIBUTING.md", "make"): "lists the recipes that `wrong_with` looks names up in",
    ("CONTRIBUTING.md", "make demo"): "the README has it, too, where `onefold demo` is run",
    ("CONTRIBUTING.md", "make fast"): "runs the suites that run beside this one",
    (
        "docs/how-to/match-records.md",
        "onefold match crm.people --engine env:SPARK_URL --model people.json --out crm.people_matched",
    ): "needs a server of Spark; tests/other_engines/test_matching.py has one",
}
"""(page, command) that are looked up and not run, with the reason."""

CHECKED: dict[tuple[str, str], Callable[[Block], None]] = {}
"""Blocks in other languages, by page and language: what checks them."""


def checks(page: str, language: str) -> Callable[[Callable[[Block], None]], Callable[[Block], None]]:
    def keep(check: Callable[[Block], None]) -> Callable[[Block], None]:
        CHECKED[page, language] = check
        return check

    return keep


# ── settings: what a reader of each page has before it ──


def on_a_free_port(shell: Shell) -> Shell:
    """The page's server on another port than the page's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        shell.port = free.getsockname()[1]
    shell.names["onefold serve"] = f"onefold serve --port {shell.port}"
    return shell


def project(folder: Path) -> Shell:
    shell = on_a_free_port(Shell(folder / "project"))
    shell.folder.mkdir()
    shell.write_key = re.findall(r"source key for website: (\S+)", shell.run("onefold init . --template media"))[0]
    return shell


@contextmanager
def with_files(folder: Path) -> Iterator[Shell]:
    """A folder with an export."""
    shell = on_a_free_port(Shell(folder))
    # What the recipe calls once all is installed, with fewer people.
    shell.names["make demo"] = f"onefold demo --people 60 --no-serve --port {shell.port}"
    shell.write("people.csv", "donor_id,email,first_name\n00042,ann@example.org,Ann\n00043,family@example.org,Bo\n")
    yield shell


@contextmanager
def fresh(folder: Path) -> Iterator[Shell]:
    """A new project."""
    yield project(folder)


@contextmanager
def with_an_engine(folder: Path) -> Iterator[Shell]:
    """A new project, and a database that may hold a copy of its warehouse."""
    shell = project(folder)
    shell.environment["ANALYTICS_URL"] = postgres.url(postgres.OWNER)
    yield shell


@contextmanager
def after_the_tutorial(folder: Path) -> Iterator[Shell]:
    """The tutorial's project, in which Bob's two records are one person."""
    shell = project(folder)
    for command in [c for block in blocks(ROOT / "docs/tutorial.md") for c in block.commands]:
        if "explain" in command:
            break
        if not command.startswith("onefold init"):
            shell.run(command.replace("--project station", ""))
    yield shell


@contextmanager
def without_traits(folder: Path) -> Iterator[Shell]:
    """The tutorial's project without the template's traits, and the segments that read them: the page states its own."""
    with after_the_tutorial(folder) as shell:
        for file in (*shell.folder.glob("traits/*.yaml"), *shell.folder.glob("segments/*.yaml")):
            file.unlink()
        yield shell


@contextmanager
def served(_: Path) -> Iterator[Shell]:
    """A running server that has received an event it could use and one it could not."""
    with running() as server:
        here = server.here
        assert server.post("/v1/track", {"event": "Order Completed", "userId": "ann", "messageId": "1"}) == 200
        assert server.post("/v1/track", {"event": "Nobody's", "messageId": "2"}) == 200
        assert server.account()["rejected"] == 1
        shell = Shell(here.directory, READ_KEY=here.read_key, WRITE_KEY=here.write_key)
        shell.names = {"127.0.0.1:8484": f"127.0.0.1:{here.port}"}
        shell.port, shell.write_key = here.port, here.write_key
        yield shell


@contextmanager
def served_with_a_query_key(folder: Path) -> Iterator[Shell]:
    """The same, and a key that may ask the warehouse."""
    with served(folder) as shell:
        key = bootstrap.create_key(shell.folder, None, None, may=["query"])
        shell.environment["QUERY_KEY"] = key["key"]
        shell.write("privacy.yaml", "roles:\n  marketer: {personal: show}\n")
        bootstrap.revoke_key(shell.folder, bootstrap.create_key(shell.folder, None, None, may=["query"])["id"])
        yield shell


@contextmanager
def with_a_dead_letter(_: Path) -> Iterator[Shell]:
    """A project whose first two events name nobody."""
    with running() as server:
        for message in ("1", "2"):
            assert server.post("/v1/track", {"event": "Donation Completed", "messageId": message}) == 200
        assert server.account()["rejected"] == 2
        yield Shell(server.here.directory)


@contextmanager
def on_postgres(folder: Path) -> Iterator[Shell]:
    """A database called `onefold`, in which the page's roles are made as the page says."""
    with psycopg.connect(postgres.server(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE onefold")
    database = make_conninfo(postgres.server(), dbname="onefold")
    (statements,) = (block for block in blocks(ROOT / "docs/how-to/run-on-postgres.md") if block.language == "sql")
    # The server of the tests has a role of this name already.
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statements.text.replace("onefold_owner", "docs_owner").encode())

    def url(role: str) -> str:
        return re.sub(r"postgres(:@|@).*\?", f"{role}@/onefold?", postgres.server(), count=1)

    shell = project(folder)
    shell.names |= {"postgresql://onefold_owner@db/onefold": f"'{url('docs_owner')}'"}
    shell.environment["ONEFOLD_STORE"] = url("onefold")
    yield shell


@contextmanager
def with_people(folder: Path) -> Iterator[Shell]:
    """A folder with records of sixty people."""
    shell = Shell(folder)
    pyarrow.csv.write_csv(people.table(people.rows()), folder / "people.csv")
    yield shell


SETTINGS: dict[str, Callable[[Path], object]] = {
    "README.md": with_files,
    "docs/how-to/load-a-file.md": fresh,
    "docs/how-to/sign-in-to-the-console.md": fresh,
    "docs/how-to/match-records.md": with_people,
    "docs/how-to/match-in-a-project.md": after_the_tutorial,
    "docs/how-to/build-models.md": fresh,
    "docs/how-to/score-by-rfm.md": after_the_tutorial,
    "docs/how-to/review-pairs.md": after_the_tutorial,
    "docs/how-to/undo-a-merge.md": after_the_tutorial,
    "docs/how-to/mend-a-dead-letter.md": with_a_dead_letter,
    "docs/how-to/check-data.md": after_the_tutorial,
    "docs/how-to/compute-traits.md": without_traits,
    "docs/how-to/keep-segments.md": after_the_tutorial,
    "docs/how-to/keep-segments-in-s3.md": fresh,
    "docs/how-to/back-up.md": after_the_tutorial,
    "docs/how-to/watch-events.md": served,
    "docs/how-to/send-events.md": served,
    "docs/how-to/ask-the-warehouse.md": after_the_tutorial,
    "docs/how-to/ask-over-http.md": served_with_a_query_key,
    "docs/how-to/run-on-postgres.md": on_postgres,
    "docs/how-to/run-on-kafka.md": fresh,
    "docs/how-to/copy-the-warehouse.md": with_an_engine,
}


# ── blocks ──


def settings_stated(shell: Shell, block: Block) -> None:
    """Lines of onefold.yaml: added to those of the project, which must then be one."""
    file = shell.folder / "onefold.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | yaml.safe_load(block.text)))
    read_project(shell.folder)


@checks("docs/how-to/run-on-postgres.md", "sql")
def runs_in_the_setting(_: Block) -> None:
    """`on_postgres` has run it."""


@checks("docs/reference/rules.md", "sql")
def is_a_rule_a_line(block: Block) -> None:
    """`tests/rules/test_reference.py` fits them to a profile, too."""
    for line in block.text.splitlines():
        rules.parse(line)


@checks("docs/reference/rules.md", "json")
def is_a_rule_in_json(block: Block) -> None:
    """Read as a program's would be."""
    rules.from_json(rules.decode_json(block.text))


@checks("docs/reference/sdks.md", "js")
def is_javascript(block: Block) -> None:
    """`tests/conformance/test_browser_sdks.py` runs a page that says this; here only its syntax is looked at."""
    done = subprocess.run(["node", "--check", "-"], input=block.text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@checks("docs/reference/mappings.md", "yaml")
def is_a_mapping(block: Block) -> None:
    """`load` takes it."""
    mapping.read(block.text)


@checks("docs/reference/survivorship.md", "yaml")
def is_survivorship(block: Block) -> None:
    """Lines of profile.yaml: a project that has them is one."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "p"
        bootstrap.init(directory, "media")
        file = directory / "profile.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | yaml.safe_load(block.text)))
        config.settings(config.read_project(directory))


@checks("docs/reference/identity.md", "yaml")
def is_identity_settings(block: Block) -> None:
    """Lines of identity.yaml: a project that has them is one."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "p"
        bootstrap.init(directory, "media")
        file = directory / "identity.yaml"
        file.write_text(yaml.safe_dump((yaml.safe_load(file.read_text()) or {}) | yaml.safe_load(block.text)))
        config.settings(config.read_project(directory))


@checks("docs/how-to/match-records.md", "python")
def matches_a_frame(block: Block) -> None:
    """It runs as it stands, with a table of sixty people."""
    exec(block.text, {"frame": people.table(people.rows()), "print": repr})  # noqa: S102  a block of our own pages


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", SETTINGS)
def test_a_page_runs_as_it_stands(page, tmp_path):
    """Each command of a page succeeds, in order, with the files that the page shows."""
    with SETTINGS[page](tmp_path) as shell:
        for block in blocks(ROOT / page):
            if block.title == "onefold.yaml":
                settings_stated(shell, block)
            elif block.title:
                shell.write(block.title, block.text)
            for command in block.commands if block.language == "console" else []:
                endless = next((until for begins, until in ENDLESS.items() if command.startswith(begins)), None)
                if (page, command.partition(" #")[0].strip()) in NOT_RUN:
                    assert wrong_with(command) is None
                elif endless is None or re.search(r"tail \d", command):
                    shell.run(command)
                else:
                    shell.watch(command, endless)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_is_passed_over(page):
    """A block of code is run, is a file of its page, or has a check; a page with any of these has a setting."""
    name = name_of(page)
    for block in blocks(page):
        where = f"{name}:{block.line}"
        assert block.language, f'{where}: say what language it is in (`console`, `yaml title="FILE"`, `text` …)'
        if block.language == "text":
            continue
        if (name, block.language) in CHECKED:
            CHECKED[name, block.language](block)
        elif block.language == "console":
            assert block.commands, f"{where}: no command after a prompt"
            assert all((name, c.partition(" #")[0].strip()) in NOT_RUN for c in block.commands) or name in {
                *SETTINGS,
                "docs/tutorial.md",
            }, f"{where}: {name} needs a setting"
        else:
            assert block.title, f"{where}: say which file it is, or add a check"
            assert name in SETTINGS, f"{where}: {name} needs a setting"


def test_what_is_not_run_is_still_there():
    """No reason outlives its command."""
    said = {(name_of(page), c.partition(" #")[0].strip()) for page in PAGES for b in blocks(page) for c in b.commands}
    assert [entry for entry in NOT_RUN if entry not in said] == []
    assert [page for page in SETTINGS if not any(b.commands or b.title for b in blocks(ROOT / page))] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_named_is_one(page):
    """A command in a sentence, a table or an example exists, with its options."""
    assert {said: wrong for said in mentions(page) if (wrong := wrong_with(said))} == {}


@pytest.mark.parametrize(
    "command",
    [
        "onefold replay",
        "onefold dlq mend 1",
        "onefold load people.csv --origin crm",
        "onefold profile email:a@b.c email:d@e.f",
        "onefold serve --port",
        "make release-now",
        "python -m bench.nothing",
    ],
)
def test_a_command_that_is_none_is_noticed(command):
    """Control: a wrong verb, option, number of arguments, recipe or module is told."""
    assert wrong_with(command)


def test_a_page_that_fails_is_noticed(tmp_path):
    """Control: a command that fails, and one that ends though it should go on, are failures."""
    shell = Shell(tmp_path)
    with pytest.raises(AssertionError):
        shell.run("onefold profile email:nobody@example.org")
    with pytest.raises(AssertionError, match="ended"):
        shell.watch("true", lambda *_: False)
