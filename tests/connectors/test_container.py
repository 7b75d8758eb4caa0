"""Compressed files: read as if they were not, within bounds, or refused in words."""

import bz2
import gzip
import io
import lzma
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.connectors.sources import container, files, mapping
from onefold.errors import UsageError

PEOPLE = mapping.read("identifiers: {donor_id: Donor Id}\ntraits: {name: Name}")
TABLE = "Donor Id,Name\n1,Ann\n2,Zoë\n".encode()


def zipped(**members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


PACKERS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zip": lambda c: zipped(people=c)}


def write(tmp_path, content, name="people.csv"):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


@pytest.mark.parametrize("packer", PACKERS)
def test_a_compressed_file_has_the_rows_of_the_plain_one(tmp_path, packer):
    """Whatever its name says."""
    plain = list(files.rows(write(tmp_path, TABLE), PEOPLE))
    path = write(tmp_path, PACKERS[packer](TABLE), "people.csv")
    assert list(files.rows(path, PEOPLE)) == plain
    assert files.look(path, PEOPLE).compression == packer
    assert files.header(path) == ("Donor Id", "Name")


@given(st.binary(max_size=5_000), st.sampled_from(sorted(PACKERS)))
def test_what_is_unpacked_is_what_was_packed(tmp_path_factory, content, packer):
    """To the byte."""
    content = b"x" + content  # so that it does not look packed itself
    path = write(tmp_path_factory.mktemp("packed"), PACKERS[packer](content))
    with container.opened(path) as file:
        assert file.read() == content


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_a_file_that_ends_early_is_refused_before_a_row_is_read(tmp_path, packer, kept):
    """An upload that broke off is no shorter file."""
    rows = b"".join(b"%d,Ann %d\n" % (n, n * 7919 % 1000) for n in range(5_000))
    whole = PACKERS[packer](b"Donor Id,Name\n" + rows)
    path = write(tmp_path, whole[: int(len(whole) * kept)])
    with pytest.raises(UsageError, match="ends early or is damaged"):
        next(files.rows(path, PEOPLE))


def test_a_bomb_is_defused(tmp_path, monkeypatch):
    """A file that grows a thousand times ends the load; without the bound it would be unpacked to its end."""
    bomb = write(tmp_path, gzip.compress(b"0" * 30_000_000))
    with container.opened(bomb) as file:
        assert len(file.read()) == 30_000_000  # small enough to be let through, so the next line is about the bound
    monkeypatch.setattr(container, "_FREE_BYTES", 1_000)
    with pytest.raises(UsageError, match="300 times"):
        next(files.rows(bomb, PEOPLE))


def test_an_archive_of_several_files_names_them(tmp_path):
    """One has to be chosen; what Macs add does not count."""
    with pytest.raises(UsageError, match=r"holds 2 files \(a.csv, b.csv\)"):
        next(files.rows(write(tmp_path, zipped(**{"a.csv": TABLE, "b.csv": TABLE})), PEOPLE))
    one = write(tmp_path, zipped(**{"a.csv": TABLE, "__MACOSX/._a.csv": b"x", "sub/": b""}))
    assert len(list(files.rows(one, PEOPLE))) == 2
    with pytest.raises(UsageError, match="no file in it"):
        next(files.rows(write(tmp_path, zipped()), PEOPLE))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (zipped(**{"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "Excel"),
        (zipped(**{"mimetype": b"", "content.xml": b""}), "OpenDocument"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "7z"),
        (b"\x28\xb5\x2f\xfd" + bytes(50), "Zstandard"),
        (gzip.compress(gzip.compress(TABLE)), "twice"),
        (gzip.compress(bytes(257) + b"ustar" + bytes(300)), "tar"),
        (b"%PDF-1.7\n", "PDF"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_is_no_table_is_named(tmp_path, content, word):
    """The sentence says what it is and what to do; no dead letter comes of its bytes."""
    with pytest.raises(UsageError, match=word):
        next(files.rows(write(tmp_path, content), PEOPLE))
