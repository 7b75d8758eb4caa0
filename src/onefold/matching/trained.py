"""A trained model: all that is needed to match further records as a table was matched, in one file.

It has no value in the clear. How often values occur is kept under keyed hashes, and only of those that occur often or are
shared; whoever has the file but not the key cannot try names against it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from onefold.errors import UsageError
from onefold.matching import comparisons, keys, pairs
from onefold.matching.blocking import Scheme
from onefold.matching.fields import Field
from onefold.matching.keys import Key
from onefold.matching.learning import Model
from onefold.matching.matcher import Matched
from onefold.matching.pairs import Marks
from onefold.matching.records import Column, Reading, Records, bands_of, often
from onefold.matching.settings import MatchSettings

FORMAT = 2
_KEY_MIN = 16
_CHECK = b"onefold matching model"


class Table(msgspec.Struct, frozen=True):
    """A number by hashed value.

    Attributes:
        hashes: Eight bytes each, ascending.
        numbers: Four bytes each, in their order.
    """

    hashes: bytes
    numbers: bytes

    def read(self) -> dict[int, int]:
        """As a mapping."""
        return dict(
            zip(np.frombuffer(self.hashes, "<u8").tolist(), np.frombuffer(self.numbers, "<u4").tolist(), strict=True)
        )


class Trained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was learned of a table.

    Attributes:
        format: Version of this form of file.
        fields: All columns and what they hold.
        region: The country of phone numbers without one.
        reading: How values are read.
        scheme: By what records are brought together.
        shares: As in `Model`.
        chances: As in `Model`.
        counts: How many records had the values of each key of the scheme, of those that are not rare.
        shared: By column, values that people of several names use.
        stop: The average of scores that a join has to exceed.
        review_from: The probability from which on a pair is worth a look.
        exclusive: Sources that hold each person once.
        check: What tells whether a key is the one of this file.
    """

    fields: tuple[Field, ...]
    region: str | None
    reading: Reading
    scheme: Scheme
    shares: tuple[float, ...]
    chances: tuple[tuple[tuple[float, ...], ...], ...]
    counts: tuple[Table, ...]
    shared: dict[str, Table]
    stop: float
    review_from: float
    exclusive: tuple[str, ...]
    check: bytes
    format: int = FORMAT

    def version(self) -> str:
        """Sixteen hexadecimal digits that change with anything in the model."""
        return hashlib.blake2b(encode(self), digest_size=8).hexdigest()


class Known:
    """A trained model with its key: it tells how frequent values are."""

    def __init__(self, trained: Trained, key: bytes) -> None:
        """Open a model.

        Raises:
            UsageError: The key is another one's.
        """
        if _hash(_CHECK, key, "") != trained.check:
            raise UsageError("This key is not the one with which the model was saved.")
        self.trained = trained
        self.comparisons = comparisons.of_fields(trained.reading.compared)
        self.model = Model(
            self.comparisons, tuple(np.array(each) for each in trained.chances), np.array(trained.shares), 0
        )
        self._key = key
        self._counts = [table.read() for table in trained.counts]
        self._shared = {column: table.read() for column, table in trained.shared.items()}
        self._rare = keys.rare(trained.scheme.total)
        self._often = often(trained.scheme.total)

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Known(version={self.trained.version()})>"

    def count(self, number: int, text: str) -> float:
        """How many records have a value of a key."""
        return float(self._counts[number].get(self._number(self.trained.scheme.keys[number].column, text), self._rare))

    def band(self, number: int, text: str) -> int:
        """How frequent a value of a key is: 1 rare to 6 very common."""
        count = self.count(number, text)
        return 1 + sum(count > more for more in self._often)

    def users(self, column: str, text: str) -> int:
        """Of how many names the users of a value are."""
        return self._shared[column].get(self._number(column, text), 1) if column in self._shared else 0

    def keys(self, records: Records) -> tuple[Key, ...]:
        """The keys of the scheme over records, counted as the model counts."""
        found = []
        for number, name in enumerate(self.trained.scheme.keys):
            key = keys.key(records, name)
            counts = np.array([self.count(number, text) for text in key.texts], np.float64)
            found.append(msgspec.structs.replace(key, counts=counts))
        return tuple(found)

    def marks(self, records: Records) -> Marks:
        """How frequent the values of records are."""
        bands, shared = {}, {}
        for field in self.trained.reading.compared:
            number, part = self.whole(field.column)
            column = records.columns[field.column, part]
            counts = np.array([self.count(number, text) for text in column.texts], np.float64)
            bands[field.column] = _by_record(bands_of(counts, self.trained.scheme.total), column)
            users = [self.users(field.column, text) for text in column.texts]
            shared[field.column] = _by_record(np.array(users, np.uint8), column)
        return Marks(bands, shared)

    def whole(self, column: str) -> tuple[int, str]:
        """The number of the key that is a column's whole value, and the part that it is."""
        return next((n, name.part) for n, name in enumerate(self.trained.scheme.keys) if name.column == column)

    def _number(self, column: str, text: str) -> int:
        return int.from_bytes(_hash(text.encode("utf-8", "surrogatepass"), self._key, column), "little")


def of_match(matched: Matched, key: bytes) -> Trained:
    """The model that a match learned, with what it needs hashed under a key.

    Raises:
        UsageError: Nothing was learned; the key is too short.
    """
    if matched.model is None:
        raise UsageError("The weighted model learns nothing; its configuration is all there is to keep.")
    return trained_of(
        matched.records,
        matched.fields,
        matched.model,
        matched.scheme,
        matched.settings,
        key,
        stop=matched.stop,
        exclusive=matched.exclusive,
    )


def trained_of(
    rows: Records,
    fields: tuple[Field, ...],
    model: Model,
    scheme: Scheme,
    settings: MatchSettings,
    key: bytes,
    *,
    stop: float = 0.0,
    exclusive: tuple[str, ...] = (),
) -> Trained:
    """A model with what it needs of the records that it was learned from, hashed under a key.

    Raises:
        UsageError: The key is too short.
    """
    if len(key) < _KEY_MIN:
        raise UsageError(f"The key of a model has at least {_KEY_MIN} bytes.")
    counts = []
    for name in scheme.keys:
        each = keys.key(rows, name)
        often = np.flatnonzero(each.counts > keys.rare(rows.count))
        counts.append(_table(key, name.column, [each.texts[n] for n in often.tolist()], each.counts[often]))
    shared = {}
    for field in rows.fields:
        if field.kind in pairs.SHARED_KINDS:
            part = next(part for column, part in rows.columns if column == field.column)
            column = rows.columns[field.column, part]
            users = np.ones(len(column.texts), np.int64)
            known = column.codes >= 0
            users[column.codes[known]] = pairs.sharedness(rows, field.column, part)[known]
            several = np.flatnonzero(users > 1)
            shared[field.column] = _table(
                key, field.column, [column.texts[n] for n in several.tolist()], users[several]
            )
    return Trained(
        fields=fields,
        region=settings.region,
        reading=rows.reading,
        scheme=scheme,
        shares=tuple(model.shares.tolist()),
        chances=tuple(tuple(map(tuple, each.tolist())) for each in model.chances),
        counts=tuple(counts),
        shared=shared,
        stop=stop,
        review_from=settings.review_from,
        exclusive=exclusive,
        check=_hash(_CHECK, key, ""),
    )


def encode(trained: Trained) -> bytes:
    """As JSON."""
    return msgspec.json.encode(trained)


def decode(text: bytes, file: str) -> Trained:
    """From JSON.

    Raises:
        UsageError: It is not a model, or one of another version of Onefold.
    """
    try:
        stated = msgspec.json.decode(text)
        if isinstance(stated, dict) and stated.get("format") not in (FORMAT, None):
            raise UsageError(
                f"{file} has format {stated['format']} of models, and this version of Onefold reads {FORMAT}: "
                "match the table once more and save the model."
            )
        return msgspec.convert(stated, Trained, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{file} is not a model that `onefold match --save-model` wrote.") from error


def _table(key: bytes, column: str, texts: Sequence[str], numbers: Any) -> Table:
    hashes = np.array(
        [int.from_bytes(_hash(text.encode("utf-8", "surrogatepass"), key, column), "little") for text in texts], "<u8"
    )
    order = np.argsort(hashes)
    return Table(hashes[order].tobytes(), np.asarray(numbers)[order].astype("<u4").tobytes())


def _hash(text: bytes, key: bytes, column: str) -> bytes:
    # The column takes part, so that one name as a given and as a family name is not seen to be one.
    return hashlib.blake2b(column.encode() + b"\0" + text, digest_size=8, key=key[:64]).digest()


def _by_record(of_code: Any, column: Column) -> Any:
    return np.append(of_code, 0)[column.codes].astype(np.uint8)
