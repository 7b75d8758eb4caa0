"""A directory: records of people from six systems as one table with its truth, made large for the matcher's sake.

Everything that trips a matcher occurs: households at one address, twins, sons named after fathers, family mailboxes and
landlines, phone numbers given away again, addresses that are nobody's, moves, nicknames, initials, slips, swapped names and
gaps. Names come by the thousand, a few of them often and most of them seldom, as they do among people.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import msgspec

from onefold.synthetic.names import GIVEN_FEMALE, GIVEN_MALE, MAIL_DOMAINS, NICKNAMES
from onefold.synthetic.population import plain
from onefold.synthetic.variants import cased, phone, typo

COLUMNS = (
    "id", "cluster", "household", "source", "first_name", "middle_name", "last_name", "suffix", "email", "phone", "street",
    "city", "state", "zip", "dob", "loyalty_id",
)  # fmt: skip
_RECORDS = {1: 38, 2: 24, 3: 14, 4: 9, 5: 6, 6: 4, 8: 3, 12: 1.5, 20: 0.45}
"""How many people, in a hundred, have so many records."""
# By source: its share, and how often e-mail, phone, address, birthday, loyalty id and middle name are given there.
_SOURCES = {
    "crm": (25, 0.85, 0.80, 0.85, 0.35, 0.10, 0.43),
    "web": (25, 0.97, 0.30, 0.24, 0.10, 0.05, 0.02),
    "pos": (15, 0.35, 0.55, 0.29, 0.15, 0.26, 0.09),
    "donations": (15, 0.70, 0.50, 0.92, 0.10, 0.02, 0.34),
    "events": (12, 0.90, 0.45, 0.39, 0.05, 0.04, 0.04),
    "support": (8, 0.75, 0.75, 0.19, 0.05, 0.07, 0.02),
}
_NOBODYS_EMAILS = ("info@company.example", "noreply@store.example", "test@test.com", "noemail@none.com", "na@na.com")
_NOBODYS_PHONES = ("1234567890", "1111111111", "0000000000", "5555555555", "9999999999")
_STATES = [
    "AL",
    "AK",
    "AZ",
    "AR",
    "CA",
    "CO",
    "CT",
    "DE",
    "FL",
    "GA",
    "HI",
    "IA",
    "ID",
    "IL",
    "IN",
    "KS",
    "KY",
    "LA",
    "MA",
    "MD",
    "ME",
    "MI",
    "MN",
    "MO",
    "MS",
    "MT",
    "NC",
    "ND",
    "NE",
    "NH",
    "NJ",
    "NM",
    "NV",
    "NY",
]
_STARTS = [
    "bar",
    "ber",
    "cal",
    "dan",
    "del",
    "ell",
    "far",
    "gar",
    "han",
    "hol",
    "jor",
    "kel",
    "lam",
    "lin",
    "mar",
    "mor",
    "nor",
    "os",
    "par",
    "quin",
    "ros",
    "san",
    "tor",
    "ul",
    "van",
    "wes",
    "yor",
    "zel",
]
_MIDDLES = ["", "a", "e", "i", "o", "der", "ing", "le", "ni", "ro", "sta", "ver"]
_ENDS = [
    "berg",
    "by",
    "don",
    "er",
    "field",
    "ford",
    "gan",
    "ham",
    "land",
    "ley",
    "lin",
    "man",
    "mann",
    "mont",
    "nell",
    "ridge",
    "son",
    "stein",
    "ton",
    "well",
    "wick",
    "worth",
]
_WAYS = ("St", "Ave", "Rd", "Ln", "Dr", "Ct")


class _Home(msgspec.Struct, frozen=True):
    """Street, city, state and postcode."""

    street: str
    city: str
    state: str
    postcode: str


class _Person(msgspec.Struct, frozen=True):
    """What records of a person are made of."""

    id: str
    household: str
    first: str
    middle: str
    last: str
    suffix: str
    born: date
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    homes: tuple[_Home, ...]
    loyalty: str


Row = tuple[str | None, ...]
"""A record, in the order of `COLUMNS`."""


def rows(seed: int, count: int) -> Iterator[Row]:
    """So many records. The same seed and number give the same ones, whatever the machine."""
    draw = random.Random(seed)
    made = 0
    sources = list(_SOURCES)
    shares = [_SOURCES[name][0] for name in sources]
    for person in _people(draw):
        for _ in range(draw.choices(list(_RECORDS), list(_RECORDS.values()))[0]):
            source = draw.choices(sources, shares)[0]
            yield _record(draw, person, source, made)
            made += 1
            if made == count:
                return


def columns(seed: int, count: int) -> dict[str, list[str | None]]:
    """The same by column."""
    return {name: list(cells) for name, cells in zip(COLUMNS, zip(*rows(seed, count), strict=True), strict=True)}


class _Names:
    """Names with the frequencies that names have: the nth is n times as rare as the first."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._weights = list(itertools.accumulate(1 / (rank + 8) for rank in range(len(names))))

    def one(self, draw: random.Random) -> str:
        return draw.choices(self._names, cum_weights=self._weights)[0]


def _people(draw: random.Random) -> Iterator[_Person]:
    surnames = [a + b + c for a, b, c in itertools.product(_STARTS, _MIDDLES, _ENDS)]
    given = [a + b for a, b in itertools.product(_STARTS, ("a", "ia", "ie", "o", "us", "en", "ette", "is", "y"))]
    draw.shuffle(surnames)
    draw.shuffle(given)
    families = _Names([name.capitalize() for name in surnames])
    names = _Names([*GIVEN_FEMALE, *GIVEN_MALE, *(name.capitalize() for name in given)])
    places = _Names([name.capitalize() + end for name in surnames[:1_500] for end in ("", "ville", " Park")])
    streets = [f"{name.capitalize()} {way}" for name in surnames[1_500:3_500] for way in _WAYS]
    number = itertools.count()
    given_up: list[str] = []
    taken: set[str] = set()
    for household in itertools.count():
        family = families.one(draw)
        homes = [_home(draw, places, streets) for _ in range(1 + (draw.random() < 0.25))]
        landline = _phone(draw, given_up) if draw.random() < 0.4 else None
        mailbox = (
            f"{plain(family)}family{household % 9_000}@{draw.choice(MAIL_DOMAINS)}" if draw.random() < 0.2 else None
        )
        kin: list[_Person] = []
        for _ in range(draw.choices((1, 2, 3, 4, 5, 6), (28, 34, 16, 13, 6, 3))[0]):
            person = _one(draw, next(number), str(household), family, names, families, kin, taken, given_up)
            shared = [box for box in (mailbox,) if box and draw.random() < 0.5]
            lines = [line for line in (landline,) if line and draw.random() < 0.7]
            person = msgspec.structs.replace(
                person, emails=(*person.emails, *shared), phones=(*person.phones, *lines), homes=tuple(homes)
            )
            kin.append(person)
            yield person
        if draw.random() < 0.02 and kin[0].phones:
            given_up.append(kin[0].phones[0])


def _one(
    draw: random.Random, number: int, household: str, family: str, names: _Names, families: _Names, kin: list[_Person],
    taken: set[str], given_up: list[str],
) -> _Person:  # fmt: skip
    first, middle = names.one(draw), names.one(draw)
    last, suffix = family if not kin or draw.random() < 0.85 else families.one(draw), ""
    born = date(1935, 1, 1) + timedelta(days=draw.randrange(75 * 365))
    chance = draw.random()
    if kin and chance < 0.04:  # a son named after his father
        first, last, suffix = kin[0].first, kin[0].last, "Jr"
        born = kin[0].born + timedelta(days=draw.randrange(20 * 365, 35 * 365))
    elif kin and chance < 0.07:  # twins
        last, born = kin[-1].last, kin[-1].born
    emails = []
    for _ in range(draw.choices((0, 1, 2), (8, 65, 27))[0]):
        one, two = plain(first), plain(last)
        stem = draw.choice((f"{one}.{two}", f"{one[0]}{two}", f"{one}{two}", f"{two}.{one}", f"{one}_{two}{born.year}"))
        address = f"{stem}@{draw.choice(MAIL_DOMAINS)}"
        while address in taken:
            address = f"{stem}{draw.randrange(1, 99_999)}@{draw.choice(MAIL_DOMAINS)}"
        taken.add(address)
        emails.append(address)
    phones = [_phone(draw, given_up) for _ in range(draw.choices((0, 1, 2), (12, 68, 20))[0])]
    return _Person(
        f"p{number}", household, first, middle, last, suffix, born, tuple(emails), tuple(phones), (),
        f"L{draw.randrange(10**8, 10**9)}",
    )  # fmt: skip


def _phone(draw: random.Random, given_up: list[str]) -> str:
    if given_up and draw.random() < 0.02:
        return given_up.pop(draw.randrange(len(given_up)))
    return f"{draw.randrange(201, 990)}{draw.randrange(201, 990)}{draw.randrange(10_000):04d}"


def _home(draw: random.Random, places: _Names, streets: Sequence[str]) -> _Home:
    city = places.one(draw)
    flat = f" Apt {draw.randrange(1, 40)}" if draw.random() < 0.2 else ""
    # A place has its state and a few postcodes: that of its name, whatever else is drawn.
    place = sum(ord(sign) * 31**at for at, sign in enumerate(city)) % 90_000
    return _Home(
        f"{draw.randrange(1, 9_900)} {draw.choice(streets)}{flat}", city, _STATES[place % len(_STATES)],
        f"{place + draw.randrange(3):05d}",
    )  # fmt: skip


def _record(draw: random.Random, person: _Person, source: str, number: int) -> Row:
    _, mail, call, live, birthday, card, middle = _SOURCES[source]
    first = _given(draw, person.first)
    last = typo(draw, person.last) if draw.random() < 0.05 else person.last
    if draw.random() < 0.01:
        first, last = last, first
    email = _chosen(draw, person.emails, mail)
    if email and draw.random() < 0.05:
        local, _, domain = email.partition("@")
        email = f"{typo(draw, local)}@{domain}"
    if draw.random() < 0.004:
        email = draw.choice(_NOBODYS_EMAILS)
    digits = _chosen(draw, person.phones, call)
    if draw.random() < 0.004:
        digits = draw.choice(_NOBODYS_PHONES)
    home = draw.choice(person.homes) if draw.random() < live else None
    street = None if home is None or draw.random() < 0.05 else home.street
    if street and draw.random() < 0.08:
        street = typo(draw, street)
    born = person.born.isoformat() if draw.random() < birthday else None
    if born and draw.random() < 0.04:
        born = f"{born[:5]}{born[8:]}-{born[5:7]}" if int(born[8:]) <= 12 else "1970-01-01"
    return (
        f"{source}-{number}", person.id, person.household, source,
        None if draw.random() < 0.02 else cased(draw, first),
        None if draw.random() >= middle else draw.choice((person.middle, person.middle[0])),
        None if draw.random() < 0.015 else cased(draw, last),
        person.suffix if person.suffix and draw.random() < 0.3 else None,
        email if email is None or draw.random() < 0.9 else email.upper(),
        None if digits is None else phone(draw, digits),
        None if street is None else cased(draw, street),
        None if home is None else home.city, None if home is None else home.state,
        None if home is None or draw.random() < 0.04 else home.postcode,
        born, person.loyalty if draw.random() < card else None,
    )  # fmt: skip


def _given(draw: random.Random, name: str) -> str:
    chance = draw.random()
    if chance < 0.10:
        return NICKNAMES.get(name, name)
    if chance < 0.14:
        return name[0]
    return typo(draw, name) if chance < 0.18 else name


def _chosen(draw: random.Random, values: Sequence[str], chance: float) -> str | None:
    return draw.choice(values) if values and draw.random() < chance else None
