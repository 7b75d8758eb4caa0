"""A search for secrets in files before they are committed: credentials that have a form of their own, and ours.

Guesses by entropy are left out: hashes and test vectors would drown the one line that matters.
A line that has to show the form of a secret says so with `secret-ok:` and the reason.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ALLOWED = re.compile(r"secret-ok: \S+")
FORMS = {
    "Onefold key": re.compile(r"\bof_(?:source|secret)_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b"),
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(r"\b(?:gh[opsur]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{60,})\b"),
    "GitLab token": re.compile(r"\bglpat-[0-9A-Za-z_-]{20,}"),
    "Slack token": re.compile(r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    "Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "Stripe key": re.compile(r"\b[rs]k_live_[0-9A-Za-z]{20,}"),
    "package registry token": re.compile(r"\b(?:pypi-[0-9A-Za-z_-]{50,}|npm_[0-9A-Za-z]{36})\b"),
    "JSON web token": re.compile(r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}"),
    "address with a password": re.compile(r"\b[a-z][a-z0-9+]*://[^\s:/@'\"{}<>$]+:[^\s:/@'\"{}<>$…]{6,}@"),
}
"""What each form is called, and how it is known."""


def secrets(text: str) -> Iterator[tuple[int, str]]:
    """(line, what it looks like) of each suspicion in a text, lines counted from 1; never the secret itself."""
    for number, line in enumerate(text.splitlines(), 1):
        if not ALLOWED.search(line):
            yield from ((number, name) for name, form in FORMS.items() if form.search(line))


def scan(files: Iterable[Path]) -> list[str]:
    """A line for each suspicion in files: file, line, what it looks like. Bytes that are not text are looked at, too."""
    return [
        f"{file}:{number}: {name}"
        for file in files
        for number, name in secrets(file.read_text(encoding="utf-8", errors="replace"))
    ]


def main(names: list[str]) -> int:
    """Scan the files named, or every tracked one; the exit code."""
    if not names:
        listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, text=True)  # noqa: S607  the git that the maintainer uses
        names = listed.stdout.split("\0")
    found = scan(file for name in names if name and (file := Path(name)).is_file())
    for line in found:
        print(line)
    if found:
        print("Take the secret out and revoke it. If it is none, end its line with `secret-ok: REASON`.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
