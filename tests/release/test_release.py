"""Releases: the version goes forward, the changelog is gathered, and archives that are not fit are found out."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
from packaging.version import Version
from tools import archives, release

from onefold import __version__


@pytest.mark.parametrize("version", ["0.2.0", "1.0.0", "0.10.0", "0.1.0"])
def test_a_later_version_is_taken(version):
    """Forward, and a first release under the version that stands there."""
    release.check_version(version, "0.1.0")


@pytest.mark.parametrize("version", ["", "0.0.9", "0.2", "v0.2.0", "0.2.0.0", "0.02.0", "next", "0.2.0 "])
def test_what_is_no_later_version_is_refused(version):
    """Backward, malformed, or not in three parts."""
    with pytest.raises(release.ReleaseError):
        release.check_version(version, "0.1.0")


def test_the_version_is_set_where_the_package_states_it(tmp_path):
    """Only the version changes."""
    file = tmp_path / "__init__.py"
    shutil.copy(release.VERSION_FILE, file)
    before = file.read_text("utf-8")
    release.set_version(file, "9.8.7")
    assert file.read_text("utf-8") == before.replace(f'"{__version__}"', '"9.8.7"') != before


def test_the_changelog_is_gathered_from_fragments(tmp_path):
    """Newest release first, categories in their order, fragments gone; what stood there stays."""
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(archives.ROOT / name, tmp_path)
    (tmp_path / "changes").mkdir()
    shutil.copy(archives.ROOT / "changes/template.md.jinja", tmp_path / "changes")
    shutil.copy(archives.ROOT / "changes/README.md", tmp_path / "changes")
    introduction = (tmp_path / "CHANGELOG.md").read_text("utf-8").partition("<!-- releases -->")[0]
    for version, fragments in (
        ("9.0.0", {"one.fixed.md": "It was broken.\n"}),
        ("9.1.0", {"two.security.md": "It is safer.\n", "three.added.md": "It is new,\nand good.\n"}),
    ):
        for file, text in fragments.items():
            (tmp_path / "changes" / file).write_text(text)
        subprocess.run(
            [sys.executable, "-m", "towncrier", "build", "--yes", "--version", version, "--date", "2027-01-01"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "changes").iterdir()) == ["README.md", "template.md.jinja"]
    text = (tmp_path / "CHANGELOG.md").read_text("utf-8")
    assert text.startswith(introduction)
    said = [
        "<!-- releases -->", "## 9.1.0 (2027-01-01)", "### Added", "- It is new,", "and good.", "### Security",
        "- It is safer.", "## 9.0.0 (2027-01-01)", "### Fixed", "- It was broken.",
    ]  # fmt: skip
    at = [text.index(words) for words in said]
    assert at == sorted(at)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return archives.build(__version__, tmp_path_factory.mktemp("dist"))


def test_the_archives_are_fit_to_publish(built):
    """Metadata, contents, and the command as it runs from the wheel alone."""
    assert archives.faults(*built, __version__) == []


def rewritten(wheel, folder, change):
    """A copy of the wheel in which `change` makes each (name, bytes) into another, or None to leave it out."""
    copy = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            kept = change(name, old.read(name))
            if kept is not None:
                new.writestr(name, kept)
    return copy


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda name, held: None if name.endswith("store.sql") else held, "lacks onefold/adapters"),
        (lambda name, held: held.replace(b"Alpha", b"Done") if name.endswith("METADATA") else held, "does not exist"),
        (
            lambda name, held: held.replace(b"\nVersion: ", b"\nVersion: 1") if name.endswith("METADATA") else held,
            "version",
        ),
        (lambda name, held: b"raise SystemExit(3)" if name.endswith("cli/__init__.py") else held, "ended with 3"),
    ],
    ids=["file left out", "classifier", "version", "command that fails"],
)
def test_a_wheel_that_is_not_fit_is_found(built, tmp_path, change, told):
    """Control: each kind of fault is told."""
    source, wheel = built
    found = archives.faults(source, rewritten(wheel, tmp_path, change), __version__)
    assert found
    assert told in found[0]


def test_an_archive_with_too_much_or_too_little_is_found(built, tmp_path):
    """Control: a source archive with a stray file, one without a tracked file, and none at all."""
    source, wheel = built
    changed = tmp_path / source.name
    with tarfile.open(source) as old, tarfile.open(changed, "w:gz") as new:
        for member in old.getmembers():
            if not member.name.endswith("/LICENSE"):
                new.addfile(member, old.extractfile(member))
        new.add(__file__, f"onefold-{__version__}/.venv/stray.py")
    found = archives.faults(changed, wheel, __version__)
    assert "The source archive lacks LICENSE." in found
    assert "The source archive holds .venv/stray.py." in found
    assert archives.faults(tmp_path / "none.tar.gz", wheel, __version__) == ["none.tar.gz was not built."]


def test_the_version_is_a_valid_one():
    """What installers will read."""
    assert str(Version(__version__)) == __version__
