"""A release: version, changelog, archives; everything but the commit, the tag and the upload, which a person does.

    make release VERSION=0.2.0

It can be run again: archives are built anew, and a version whose changelog stands is not written twice.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tools.archives import ROOT, build, faults

VERSION_FILE = ROOT / "src" / "onefold" / "__init__.py"
CHANGELOG = ROOT / "CHANGELOG.md"
_ASSIGNED = re.compile(r'(?<=^__version__ = ")[^"]+(?=")', re.MULTILINE)


class ReleaseError(Exception):
    """What keeps the release from being made; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Prepare the release of one version; the exit code."""
    try:
        prepare(arguments[0] if arguments else "")
    except ReleaseError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


def prepare(version: str) -> None:
    """Set the version, gather the fragments, build and check the archives.

    Raises:
        ReleaseError: The version is not valid, the tree is not clean, or an archive is not fit to publish.
    """
    check_version(version, _ASSIGNED.findall(VERSION_FILE.read_text(encoding="utf-8"))[0])
    if f"\n## {version} (" not in CHANGELOG.read_text(encoding="utf-8"):
        if _run("git", "status", "--porcelain"):
            raise ReleaseError("Commit or remove what `git status` lists: a release is made of commits only.")
        set_version(VERSION_FILE, version)
        _run(sys.executable, "-m", "towncrier", "build", "--yes", "--version", version)
    found = faults(*build(version, ROOT / "dist"), version)
    if found:
        raise ReleaseError("\n".join(found))
    print(
        f"dist/ holds Onefold {version}, checked. What is left:\n"
        f"  git commit --all --message 'Release {version}'\n"
        f"  git tag --annotate v{version} --message 'Onefold {version}'\n"
        f"Then push both, and upload dist/onefold-{version}* to where it is published."
    )


def check_version(version: str, current: str) -> None:
    """Refuse what is not a later release than `current`; a first release may have the version that stands there.

    Raises:
        ReleaseError: The version is malformed or goes back.
    """
    try:
        wanted = Version(version)
    except InvalidVersion as wrong:
        raise ReleaseError(f"{wrong}. Say which version: make release VERSION=1.2.3") from wrong
    if str(wanted) != version or len(wanted.release) != 3:
        raise ReleaseError(f"Write the version as MAJOR.MINOR.PATCH, such as {wanted.major}.{wanted.minor}.0.")
    if wanted < Version(current):
        raise ReleaseError(f"{version} is older than {current}, which stands in {VERSION_FILE.name}.")


def set_version(file: Path, version: str) -> None:
    """Write the version where the package states it."""
    file.write_text(_ASSIGNED.sub(version, file.read_text(encoding="utf-8")), encoding="utf-8")


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"`{' '.join(command)}` failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
