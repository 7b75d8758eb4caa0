"""The archives of a release: source and wheel, built without an index and checked before anybody installs them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from packaging.metadata import InvalidMetadata, Metadata
from trove_classifiers import classifiers

ROOT = Path(__file__).parents[1]
_PACKAGE = PurePosixPath("src/onefold")
CONSOLE = _PACKAGE / "console" / "dist"
"""Where the console is built; Git ignores it, and the archives hold it."""
_UNWANTED = {".git", ".venv", "build", "dist", "__pycache__", "uv.lock"}


def build(version: str, folder: Path) -> tuple[Path, Path]:
    """Build (source archive, wheel) into a folder, with the build requirements that are installed here.

    Raises:
        subprocess.CalledProcessError: The build failed; it has said why on standard error.
    """
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--directory", folder], cwd=ROOT, check=True)
    return folder / f"onefold-{version}.tar.gz", folder / f"onefold-{version}-py3-none-any.whl"


def faults(source: Path, wheel: Path, version: str) -> list[str]:
    """What is wrong with the archives, a sentence each; empty if they may be published."""
    missing = [f"{archive.name} was not built." for archive in (source, wheel) if not archive.is_file()]
    if missing:
        return missing
    tracked = {
        PurePosixPath(name)
        for name in subprocess.run(
            ["git", "ls-files", "-z"],  # noqa: S607  the git that the maintainer uses
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.split("\0")
        if name
    }  # fmt: skip
    console = {PurePosixPath(path.relative_to(ROOT)) for path in (ROOT / CONSOLE).rglob("*") if path.is_file()}
    tracked |= console
    with tarfile.open(source) as tape:
        held = {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in tape.getnames()}
        described = tape.extractfile(f"onefold-{version}/PKG-INFO")
        metadata = described.read() if described else b""
    found = [f"The source archive lacks {name}." for name in sorted(tracked - held)]
    found += [f"The source archive holds {name}." for name in sorted(held - console) if _UNWANTED & set(name.parts)]
    found += _faults_of_metadata("source archive", metadata, version)
    with zipfile.ZipFile(wheel) as package:
        held = {PurePosixPath(name) for name in package.namelist()}
        metadata = package.read(f"onefold-{version}.dist-info/METADATA")
    product = {name.relative_to("src") for name in tracked if name.is_relative_to(_PACKAGE)}
    found += [f"The wheel lacks {name}." for name in sorted(product - held)]
    strangers = {name for name in held - product if name.parts[0] != f"onefold-{version}.dist-info"}
    found += [f"The wheel holds {name}." for name in sorted(strangers)]
    found += _faults_of_metadata("wheel", metadata, version)
    return found or list(_faults_of_use(wheel, version))


def _faults_of_metadata(where: str, raw: bytes, version: str) -> Iterator[str]:
    try:
        metadata = Metadata.from_email(raw, validate=True)
    except ExceptionGroup as wrong:
        yield from (f"Metadata of the {where}: {fault}." for fault in wrong.exceptions)
        return
    except InvalidMetadata as wrong:
        yield f"Metadata of the {where}: {wrong}."
        return
    if str(metadata.version) != version:
        yield f"The {where} says that it is version {metadata.version}."
    if metadata.description_content_type != "text/markdown" or not metadata.description:
        yield f"The {where} has no description in Markdown."
    for classifier in set(metadata.classifiers or ()) - classifiers:
        yield f"The {where} has the classifier `{classifier}`, which does not exist."


def _faults_of_use(wheel: Path, version: str) -> Iterator[str]:
    """Run the command from the wheel alone, beside the installed dependencies: its files must be all it needs."""
    with tempfile.TemporaryDirectory(prefix="onefold-wheel-") as name:
        folder = Path(name)
        with zipfile.ZipFile(wheel) as package:
            package.extractall(folder / "site")  # noqa: S202  we have built it ourselves
        (folder / "people.csv").write_text("email,name\nann@example.org,Ann\n", "utf-8")
        for arguments, expected in (
            (["--version"], f"onefold {version}"),
            (["init", "project", "--template", "shop"], ""),
            (["load", "people.csv", "--source", "people", "--project", "project"], ""),
            (["verify", "--project", "project"], ""),
        ):
            # -P: neither the folder it runs in nor an editable installation may stand in for the wheel.
            done = subprocess.run(
                [sys.executable, "-P", "-m", "onefold", *arguments],
                cwd=folder, env={"PYTHONPATH": str(folder / "site")}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode or expected not in done.stdout:
                yield f"`onefold {' '.join(arguments)}` from the wheel ended with {done.returncode}: {done.stderr}"
                return
