"""A project's beginnings and its keys: init, root key, keys of sources and readers, checks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onefold import config
from onefold.adapters.keys.keyfile import KeyFile
from onefold.adapters.sqlite.accounts import SqliteAccountStore
from onefold.adapters.sqlite.keys import SqliteKeyStore
from onefold.bootstrap import registry
from onefold.bootstrap.backups import KEY_FILE
from onefold.bootstrap.check_results import CheckResults
from onefold.bootstrap.opening import key_manager
from onefold.bootstrap.readers import Readers
from onefold.bootstrap.workspace import choose, clock_us, open_workspace
from onefold.config import Project
from onefold.errors import ConfigurationError, NotFoundError, UnavailableError, UsageError, nearest
from onefold.governance import access
from onefold.governance.roles import ROLES, role_named
from onefold.pipelines.context import Context
from onefold.pipelines.reading import hubs, progress

READER = "reader"
DISK_FREE_MIN = 0.10


def open_keys(project: Project) -> SqliteKeyStore:
    """Open the keys for a server. What a source's file says of web origins today goes for the keys it was given before."""
    store = SqliteKeyStore(project.data / KEY_FILE)
    for source in project.sources.values():
        store.allow(source.workspace, source.name, source.allowed_origins)
    return store


def open_accounts(project: Project) -> SqliteAccountStore:
    """Open the accounts, in the file that holds the keys."""
    return SqliteAccountStore(project.data / KEY_FILE)


def init(directory: Path, template: str) -> dict[str, Any]:
    """Write a project from a template, with a root key and first keys.

    Raises:
        UsageError: There is a project there already, or no such template.
    """
    known = next((t for t in config.TEMPLATES if t == template), None)
    if known is None:
        raise UsageError(f"There is no template of that name; choose one of {', '.join(config.TEMPLATES)}.")
    written = config.init(directory, known)
    return {"files": [str(path) for path in written], **furnish(directory)}


def furnish(directory: Path) -> dict[str, Any]:
    """Make what a project's files refer to and is not there: the root key, a key a source, one for reading."""
    project = config.read_project(directory)
    if project.root_key.file is not None and not project.root_key.file.exists():
        KeyFile.create(project.root_key.file)
    with key_store(project) as store:
        # By kind too: a source may be called as the key for reading is.
        taken = {(k.kind, k.workspace, k.name) for k in store.keys()}
        wanted = [("source", s.workspace, s.name) for s in project.sources.values() if s.kind == "http"]
        wanted += [("secret", workspace, READER) for workspace in project.workspaces]
        made = [
            _issue(store, project, workspace, name if kind == "source" else None)
            for kind, workspace, name in wanted
            if (kind, workspace, name) not in taken
        ]
    return {"keys": made}


@contextmanager
def key_store(project: Project) -> Iterator[SqliteKeyStore]:
    """The project's keys."""
    project.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = SqliteKeyStore(project.data / KEY_FILE)
    try:
        yield store
    finally:
        store.close()


def _issue(
    store: access.KeyStore,
    project: Project,
    workspace: str,
    source: str | None,
    scopes: Sequence[access.Scope] = (),
    role: str | None = None,
) -> dict[str, str]:
    if source is None:
        token, key = access.issue(
            store, kind="secret", workspace=workspace, name=role or "-".join(scopes) or READER, now_us=clock_us(),
            random=os.urandom, scopes=scopes or ("read", "admin"), role=role,
        )  # fmt: skip
    else:
        token, key = access.issue(
            store, kind="source", workspace=workspace, name=source, now_us=clock_us(), random=os.urandom,
            origins=project.sources[source].allowed_origins,
        )  # fmt: skip
    return {"key": token, "id": key.id, "kind": key.kind, "workspace": workspace, "name": key.name}


def create_key(
    directory: Path,
    workspace: str | None,
    source: str | None,
    *,
    may: Sequence[access.Scope] = (),
    role: str | None = None,
) -> dict[str, str]:
    """Issue a key for a source, or without one for reading and stewarding, or for what `may` says.

    Args:
        directory: The project.
        workspace: Which of its workspaces; None for the only one.
        source: The source that will send with it.
        may: Its scopes.
        role: Its role: without `may` one of those that every project has, with that role's scopes; with `may` any of
            `privacy.yaml`, which says what it sees.

    Raises:
        UsageError: There is no such source or role, two of its keys are alive, or `may` does not fit.
    """
    if may and source is not None:
        raise UsageError("A source's key may only send; leave out --may, or the source.")
    if "personal" in may and "query" not in may:
        raise UsageError("`personal` says what queries show: give `query`, too.")
    if role is not None and not may:
        if source is not None:
            raise UsageError("A source's key may only send; leave out --role, or the source.")
        may = ROLES[role_named(role)].scopes
    elif role is not None:
        if "query" not in may or "personal" in may:
            raise UsageError("A role says what queries show: give `query` and the role, without `personal`.")
        Readers(directory).require(role)
    project = config.read_project(directory)
    if source is not None and source not in project.sources:
        near = nearest(source, project.sources) or "."
        raise UsageError(f"There is no source `{source}`{near} The project has: {', '.join(project.sources)}.")
    name = project.sources[source].workspace if source else choose(project, workspace)
    with key_store(project) as store:
        return _issue(store, project, name, source, tuple(dict.fromkeys(may)), role)


def list_keys(directory: Path, workspace: str | None) -> list[dict[str, Any]]:
    """All keys, without the keys themselves."""
    project = config.read_project(directory)
    if workspace is not None:
        choose(project, workspace)
    with key_store(project) as store:
        return [
            {
                "id": key.id,
                "kind": key.kind,
                "workspace": key.workspace,
                "name": key.name,
                "hint": f"{key.hint}…",
                "role": key.role,
                "created_us": key.created_us,
                "last_used_us": key.last_used_us,
                "revoked": key.revoked_us is not None,
            }
            for key in store.keys()
            if workspace in {None, key.workspace}
        ]


def revoke_key(directory: Path, key_id: str) -> None:
    """Revoke a key.

    Raises:
        NotFoundError: There is no living key of that id.
    """
    project = config.read_project(directory)
    with key_store(project) as store:
        access.revoke(store, key_id, clock_us())


def checks(directory: Path) -> list[tuple[str, Callable[[], str]]]:
    """What `doctor` asks of the parts: root key, and each workspace's files."""

    def root() -> str:
        key_manager(config.read_project(directory))
        return "readable by its owner only"

    def rules() -> str:
        settings = config.settings(config.read_project(directory))
        return f"{len(settings.identity.types)} identifier types"

    def data() -> str:
        return free_space(config.read_project(directory).data)

    def workspaces() -> str:
        project = config.read_project(directory)
        told = [f"{name} ({look(project, name)})" for name in project.workspaces]
        return ", ".join(told)

    def sources() -> str:
        project = config.read_project(directory)
        with key_store(project) as store:
            alive = {k.name for k in store.keys() if k.revoked_us is None}
        lacking = [s.name for s in project.sources.values() if s.kind == "http" and s.name not in alive]
        if lacking:
            raise NotFoundError(f"no key for {', '.join(lacking)}; run `onefold keys create {lacking[0]}`")
        return f"{len(alive)} holders"

    def suspects() -> str:
        return _each(directory, lambda context: hubs.sentence(hubs.suspected(context)))

    def large() -> str:
        return _each(directory, lambda context: hubs.sentence_of_largest(hubs.largest(context)))

    def quality() -> str:
        project, told, failed = config.read_project(directory), 0, list[str]()
        for name in project.workspaces:
            if not (project.data / name).exists():
                continue
            try:
                found = open_workspace(project, name, start=False)
            except NotFoundError:
                continue  # not begun
            try:
                results = CheckResults(found).latest()
            finally:
                found.close()
            told += len(results)
            failed += [f"{r.relation} {r.check} ({r.detail})" for r in results if r.status == "failed"]
        if failed:
            raise UnavailableError(f"checks failed: {'; '.join(failed)}; `onefold check` runs them again")
        return f"{told} checks passed or warned" if told else "nothing was checked yet: `onefold check`"

    return [
        ("root key", root),
        ("rules", rules),
        ("disk", data),
        ("workspaces", workspaces),
        ("keys", sources),
        ("identifiers", suspects),
        ("large people", large),
        ("data quality", quality),
    ]


def _each(directory: Path, say: Callable[[Context], str]) -> str:
    """What there is to say of each workspace that has begun."""
    project, told = config.read_project(directory), []
    for name in project.workspaces:
        if not (project.data / name).exists():
            continue
        try:
            found = open_workspace(project, name, start=False)
        except NotFoundError:
            continue  # not begun
        try:
            told.append(f"{name}: {say(found.context)}")
        finally:
            found.close()
    return " ".join(told) or "nothing is stored yet"


def look(project: Project, name: str) -> str:
    """What there is to say of a workspace that is well; nothing is made or converted.

    Raises:
        OnefoldError: Something is wrong, and what to do.
    """
    registry.check(project, name, project.data / name)
    if not (project.data / name).exists():
        return "not begun"
    try:
        found = open_workspace(project, name, start=False)
    except NotFoundError as nothing:
        return str(nothing)
    try:
        with found.context.store.snapshot() as snapshot:
            counts = snapshot.counts()
        if standing := progress.standing(found.context):
            raise UnavailableError(f"{name} is {progress.told(standing)}")
        if found.context.log.unconverted:
            raise ConfigurationError(
                f"the log of {name} is not partitioned yet, because processes have it open; stop them and start one"
            )
        return f"{counts['events']:,} events"
    finally:
        found.close()


def free_space(path: Path) -> str:
    """How much room there is for the data in `path`, which need not be there yet.

    Raises:
        UnavailableError: Little.
    """
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    usage = shutil.disk_usage(there)
    free = usage.free / usage.total
    if free < DISK_FREE_MIN:
        raise UnavailableError(
            f"only {free:.0%} of the disk with {path} is free; make room before stores cannot be written"
        )
    return f"{usage.free / 2**30:,.0f} GiB free for {path}"
