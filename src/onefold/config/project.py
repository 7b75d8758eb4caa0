"""A project: the directory that configures one running Onefold, read and checked as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from onefold.audiences.definition import Definition
from onefold.config import files
from onefold.config.checks import FOLDER as CHECKS_FOLDER
from onefold.config.checks import read_checks
from onefold.config.match_keys import Matching, matching
from onefold.config.reading import Document, Problem, read
from onefold.config.rfm import FOLDER as RFM_FOLDER
from onefold.config.rfm import read_rfm
from onefold.config.secret import SecretReference, parse_reference
from onefold.config.segments import FOLDER as SEGMENTS_FOLDER
from onefold.config.segments import read_segments
from onefold.config.serving import Limits, Server, SignIn, server, server_problems, sign_in, sign_in_problems
from onefold.config.stages import Stages, identity_problems, profile_problems, source_problems, stages
from onefold.config.storage import SegmentStorage, storage
from onefold.config.traits import FOLDER as TRAITS_FOLDER
from onefold.config.traits import read_traits
from onefold.errors import ConfigurationError, nearest
from onefold.governance.checks.definition import Check
from onefold.profiles.computed.trait import Trait
from onefold.profiles.settings import ProfileSettings
from onefold.rfm import Definition as RfmDefinition
from onefold.warehouse.promoted import MAX as PROMOTED_MAX
from onefold.warehouse.promoted import NAME as PROMOTED_NAME
from onefold.warehouse.promoted import PromotedType
from onefold.warehouse.retention import RELATIONS as RETAINED

PROJECT_FILE = "onefold.yaml"


class ProjectError(ConfigurationError):
    """The project cannot be used; the message holds every problem found, one a line.

    Attributes:
        problems: The same, in order of file and line.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        first = self.problems[0]
        super().__init__("\n".join(map(str, self.problems)))
        self.file = first.file
        self.line = first.line


class Log(msgspec.Struct, frozen=True):
    """Where received items wait.

    Attributes:
        kind: What keeps it.
        partitions: Bounds how many workers can share a workspace.
        brokers: Kafka: `host:port`, several separated by commas.
        prefix: Kafka: first part of the topics' names.
        replication: Kafka: copies of each partition.
        min_insync: Kafka: copies that have an entry before it is acknowledged; None for a majority.
        options: Kafka: further client properties.
        credentials: Kafka: client properties that are secrets, by reference.
    """

    kind: Literal["sqlite", "kafka"] = "sqlite"
    partitions: int = 1
    brokers: str = ""
    prefix: str = "onefold"
    replication: int = 3
    min_insync: int | None = None
    options: Mapping[str, str] = {}
    credentials: Mapping[str, SecretReference] = {}


class Store(msgspec.Struct, frozen=True):
    """Where profiles are kept: in a file a workspace, or at the PostgreSQL address that `dsn` refers to."""

    kind: Literal["sqlite", "postgres"] = "sqlite"
    dsn: SecretReference | None = None


class EngineAddress(msgspec.Struct, frozen=True):
    """A database of the customer that holds a copy of a workspace's warehouse.

    Attributes:
        url: Where its address is; it holds a password.
        prefix: What stands before the names of the schemas there.
    """

    name: str
    kind: Literal["postgres", "clickhouse", "spark", "snowflake", "bigquery"]
    url: SecretReference
    workspace: str
    prefix: str = ""


class Worker(msgspec.Struct, frozen=True):
    """Whoever processes.

    Attributes:
        stall_us: How long a batch may make no progress before its worker is ended, and the entry at fault looked for.
    """

    stall_us: int = 30_000_000


class Source(msgspec.Struct, frozen=True):
    """A system that sends events or records.

    Attributes:
        rank: Trust in survivorship; 1 is trusted most.
        allowed_origins: Web origins whose browsers may send; `*` is any.
        sent_by: Whose requests these are; None where each request tells.
        visitors_per_minute: What all visitors together may send; None for the project's.
        ids: The source whose ids it uses, too; its own when empty.
    """

    name: str
    kind: Literal["http", "file"]
    workspace: str
    rank: int = 100
    allowed_origins: tuple[str, ...] = ("*",)
    sent_by: Literal["servers", "visitors"] | None = None
    visitors_per_minute: int | None = None
    ids: str = ""


class Project(msgspec.Struct, frozen=True):
    """What a project directory says, with every default filled in.

    Attributes:
        directory: The project directory, absolute.
        workspaces: Names of the workspaces, at least one.
        data: Folder of the stores, absolute; it may not exist yet.
        root_key: Where the root key is.
        sources: By name.
        stages: The settings of ingest, identity and profiles.
        checks: What `checks/*.yaml` say, without what Onefold ships.
        engines: Databases of the customer that hold copies of the warehouse.
        storage: Where segment files are kept; None for the disk.
        traits: What `traits/*.yaml` say.
        segments: What `segments/*.yaml` say.
        promoted: Properties of events that are to have columns in the warehouse, by name.
        rfm: What `rfm/*.yaml` say.
        retention_us: How long the warehouse keeps rows, by relation; microseconds.
        matching: How records are matched; None where they are only when somebody asks for it.
        sign_in: The identity provider by which people sign in, too; None for passwords alone.
    """

    directory: Path
    workspaces: tuple[str, ...]
    data: Path
    root_key: SecretReference
    log: Log
    store: Store
    worker: Worker
    server: Server
    limits: Limits
    sources: dict[str, Source]
    stages: Stages
    checks: tuple[Check, ...] = ()
    engines: tuple[EngineAddress, ...] = ()
    storage: SegmentStorage | None = None
    traits: tuple[Trait, ...] = ()
    segments: tuple[Definition, ...] = ()
    promoted: Mapping[str, PromotedType] = {}
    rfm: tuple[RfmDefinition, ...] = ()
    retention_us: Mapping[str, int] = {}
    matching: Matching | None = None
    sign_in: SignIn | None = None


def read_project(directory: Path) -> Project:
    """Read a project directory.

    Raises:
        ProjectError: With everything that is wrong in any of its files.
        ConfigurationError: There is no project there.
    """
    directory = directory.resolve()
    if not (directory / PROJECT_FILE).is_file():
        raise ConfigurationError(f"there is no {PROJECT_FILE} here; `onefold init` writes one", file=PROJECT_FILE)
    problems: list[Problem] = list(_misnamed(directory))
    main = read(directory / PROJECT_FILE, PROJECT_FILE, files.ONEFOLD, problems)
    identity = _optional(directory, "identity.yaml", files.IDENTITY, problems)
    profile = _optional(directory, "profile.yaml", files.PROFILE, problems)
    documents = [
        read(path, f"sources/{path.name}", files.SOURCE, problems)
        for path in sorted((directory / "sources").glob("*.yaml"))
    ]
    checks = read_checks(directory, problems)
    traits = read_traits(directory, profile.value.get("purchases") or {}, problems)
    currency = (profile.value.get("purchases") or {}).get("currency") or ProfileSettings().default_currency
    rfm = read_rfm(directory, currency, problems)
    segments = read_segments(directory, traits, rfm, problems)
    problems.extend(_main_problems(main))
    problems.extend(_source_name_problems(main, documents))
    problems.extend(problem for document in documents for problem in source_problems(document))
    problems.extend(identity_problems(identity))
    problems.extend(profile_problems(profile))
    if problems:
        raise ProjectError(problems)

    value = main.value
    workspaces = _workspaces(value)
    sources = {source.name: source for source in (_source(document, workspaces[0]) for document in documents)}
    trusted = tuple(sorted(sources, key=lambda name: (sources[name].rank, name)))
    plans = {
        _name(document): document.value["tracking_plan"] for document in documents if "tracking_plan" in document.value
    }
    return Project(
        directory=directory,
        workspaces=workspaces,
        data=(directory / value.get("data", "data")).resolve(),
        root_key=parse_reference(value["keys"]["root"], directory),
        log=_log(value.get("log", {}), directory),
        store=_store(value.get("store", {}), directory),
        worker=_worker(value.get("worker", {})),
        server=server(value.get("server", {})),
        limits=Limits(**value.get("limits", {})),
        sources=sources,
        stages=stages(value.get("events", {}), plans, identity.value, profile.value, trusted),
        checks=checks,
        engines=_engines(value.get("warehouse", {}), workspaces[0], directory),
        storage=storage(value.get("warehouse", {}).get("storage"), directory),
        traits=traits,
        segments=segments,
        promoted=value.get("warehouse", {}).get("promoted", {}),
        rfm=rfm,
        retention_us=value.get("warehouse", {}).get("retention", {}),
        matching=matching(identity.value.get("match")),
        sign_in=sign_in(value.get("sign_in"), workspaces[0], directory),
    )


def _optional(directory: Path, file: str, kind: Any, problems: list[Problem]) -> Document:
    if not (directory / file).exists():
        return Document(file, {}, {})
    return read(directory / file, file, kind, problems)


def _misnamed(directory: Path) -> Iterator[Problem]:
    """Files that would be passed over in silence: a typing error in a name, or `.yml` for `.yaml`."""
    known = (PROJECT_FILE, "identity.yaml", "profile.yaml", "calendar.yaml", "privacy.yaml")
    for path in sorted(directory.glob("*.y*ml")):
        if path.name not in known and (hint := nearest(path.name, known, cutoff=0.85)):
            yield Problem(path.name, 1, f"is not a file of a project{hint}")
    for folder in ("sources", CHECKS_FOLDER, TRAITS_FOLDER, SEGMENTS_FOLDER, RFM_FOLDER):
        for path in sorted((directory / folder).glob("*.yml")):
            yield Problem(f"{folder}/{path.name}", 1, f"would not be read; did you mean `{path.stem}.yaml`?")


def _workspaces(value: dict[str, Any]) -> tuple[str, ...]:
    names = value.get("workspaces") or [value.get("workspace")]
    return tuple(name for name in names if name)


def _main_problems(main: Document) -> Iterator[Problem]:
    value = main.value
    if ("workspace" in value) == ("workspaces" in value):
        yield main.problem(("workspaces",), "say either `workspace` or `workspaces`")
    names = _workspaces(value)
    if len(set(names)) < len(names):
        yield main.problem(("workspaces",), "`workspaces` names one workspace twice")
    yield from _log_problems(main)
    store = value.get("store") or {}
    if (store.get("kind") == "postgres") != ("dsn" in store):
        yield main.problem(("store",), "`store.kind: postgres` and `store.dsn` go together")
    yield from server_problems(main)
    yield from sign_in_problems(main, _workspaces(main.value))
    yield from _engine_problems(main)
    yield from _warehouse_problems(main)


def _log_problems(main: Document) -> Iterator[Problem]:
    log = main.value.get("log") or {}
    if log.get("kind") == "kafka":
        if not log.get("brokers"):
            yield main.problem(("log", "kind"), "`log.kind: kafka` needs `log.brokers`")
        if log.get("min_insync", 1) > log.get("replication", 3):
            yield main.problem(("log", "min_insync"), "`log.min_insync` is more than the copies there are")
        for name in log.get("options") or {}:
            if any(word in name for word in ("password", "secret", "key.pem")):
                yield main.problem(
                    ("log", "options", name), f"`{name}` is a secret: say under `log.credentials` where it is"
                )
        return
    for key in log.keys() - {"kind", "partitions"}:
        yield main.problem(("log", key), f"`log.{key}` is for `log.kind: kafka`")


def _engine_problems(main: Document) -> Iterator[Problem]:
    workspaces, copies = _workspaces(main.value), set[tuple[str, str]]()
    for name, engine in ((main.value.get("warehouse") or {}).get("engines") or {}).items():
        where = ("warehouse", "engines", name)
        if not files.NAME_PATTERN.match(name):
            yield main.problem(where, f"`{name}` is not a name: lower-case letters, digits, `_` and `-`")
        workspace = engine.get("workspace")
        if workspace is None and len(workspaces) > 1:
            yield main.problem(where, f"engine `{name}` lacks `workspace`; the project has several")
        if workspace is not None and workspaces and workspace not in workspaces:
            yield main.problem(where, f"there is no workspace `{workspace}`{nearest(workspace, workspaces)}")
        copy = (engine.get("url", ""), engine.get("prefix", ""))
        if copy in copies:
            yield main.problem(where, f"engine `{name}` is at the same place as another; give it a `prefix`")
        copies.add(copy)


def _warehouse_problems(main: Document) -> Iterator[Problem]:
    for name in (main.value.get("warehouse") or {}).get("retention") or {}:
        if name not in RETAINED:
            near = nearest(name, RETAINED)
            told = f"`{name}` is not kept for a time: {', '.join(RETAINED)}{near}"
            yield main.problem(("warehouse", "retention", name), told)
    seen: dict[str, str] = {}
    stated = (main.value.get("warehouse") or {}).get("promoted") or {}
    for name in stated:
        where = ("warehouse", "promoted", name)
        if not PROMOTED_NAME.fullmatch(name):
            yield main.problem(where, f"`{name[:80]}` can have no column: letters, digits and `_`, not a digit first")
        elif (other := seen.setdefault(name.lower(), name)) != name:
            yield main.problem(where, f"`{name}` and `{other}` would have one column, whose name tells no case apart")
    if len(stated) > PROMOTED_MAX:
        yield main.problem(
            ("warehouse", "promoted"), f"{len(stated)} properties are promoted; {PROMOTED_MAX} is the most"
        )


def _engines(value: dict[str, Any], default_workspace: str, directory: Path) -> tuple[EngineAddress, ...]:
    return tuple(
        EngineAddress(
            name,
            engine["kind"],
            parse_reference(engine["url"], directory),
            engine.get("workspace", default_workspace),
            engine.get("prefix", ""),
        )
        for name, engine in value.get("engines", {}).items()
    )


def _store(value: dict[str, Any], directory: Path) -> Store:
    dsn = value.get("dsn")
    return Store(value.get("kind", "sqlite"), None if dsn is None else parse_reference(dsn, directory))


def _worker(value: dict[str, Any]) -> Worker:
    stall_us = value.get("stall")
    return Worker() if stall_us is None else Worker(stall_us)


def _log(value: dict[str, Any], directory: Path) -> Log:
    references = {name: parse_reference(text, directory) for name, text in value.get("credentials", {}).items()}
    return Log(**{**value, "credentials": references})


def _name(document: Document) -> str:
    stem = document.file.removeprefix("sources/").removesuffix(".yaml")
    return str(document.value.get("name") or stem)


def _source_name_problems(main: Document, documents: list[Document]) -> Iterator[Problem]:
    workspaces = _workspaces(main.value)
    seen: dict[str, str] = {}
    for document in documents:
        name = _name(document)
        if name == "onefold":
            yield document.problem(("name",), "`onefold` is the name judgements are logged under; choose another")
        if name in seen:
            yield document.problem(("name",), f"source `{name}` is already in {seen[name]}")
        seen[name] = document.file
        workspace = document.value.get("workspace")
        if workspace is None and len(workspaces) > 1:
            yield document.problem((), "lacks `workspace`; the project has several")
        if workspace is not None and workspaces and workspace not in workspaces:
            yield document.problem(
                ("workspace",), f"there is no workspace `{workspace}`{nearest(workspace, workspaces)}"
            )
    for document in documents:
        ids = document.value.get("ids")
        if ids is not None and ids not in seen:
            yield document.problem(("ids",), f"there is no source `{ids}`{nearest(ids, tuple(seen))}")


def _source(document: Document, default_workspace: str) -> Source:
    value = document.value
    return Source(
        name=_name(document),
        kind=value["kind"],
        workspace=value.get("workspace", default_workspace),
        rank=value.get("rank", 100),
        allowed_origins=tuple(value.get("allowed_origins", ("*",))),
        sent_by=value.get("sent_by"),
        visitors_per_minute=value.get("visitors_per_minute"),
        ids=value.get("ids", ""),
    )
