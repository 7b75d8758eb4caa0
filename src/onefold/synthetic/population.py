"""A population: invented people and households, made so that everything that trips a matcher occurs, with its truth."""

from __future__ import annotations

import random
import unicodedata
from datetime import date, timedelta

import msgspec

from onefold.synthetic.names import (
    AREA_CODES,
    FAMILY,
    GIVEN_FEMALE,
    GIVEN_MALE,
    MAIL_DOMAINS,
    PLACES,
    STREETS,
    WORK_DOMAINS,
)

_SIZES = (1, 1, 1, 2, 2, 2, 3, 4)  # households of Cook County, roughly: 2 people on average
_OLDEST = date(1935, 1, 1)
_ADULT_DAYS = 66 * 365


class Address(msgspec.Struct, frozen=True):
    """Where a household lives."""

    street: str
    city: str
    state: str
    postal_code: str


class Household(msgspec.Struct, frozen=True):
    """People under one roof, and what they share.

    Attributes:
        id: Its number.
        address: Where they live now.
        former: Where they lived before, if they moved: older records still say so.
        landline: Ten digits, or None.
        email: A family address used by several of them, or None.
        tablet: The cookie of a device that several of them use, or None.
    """

    id: int
    address: Address
    former: Address | None
    landline: str | None
    email: str | None
    tablet: str | None


class Person(msgspec.Struct, frozen=True):
    """One human being: the truth that records are blurred copies of.

    Attributes:
        id: The truth id.
        household: Number of the household.
        first_name: As in the passport.
        last_name: As in the passport.
        suffix: `Jr`, for a son named after his father, or empty.
        birthday: Twins share it.
        emails: Personal ones, the one used most first; may be empty.
        mobile: Ten digits, or None.
    """

    id: str
    household: int
    first_name: str
    last_name: str
    suffix: str
    birthday: date
    emails: tuple[str, ...]
    mobile: str | None

    def __repr__(self) -> str:
        """Show the truth id only."""
        return f"<Person {self.id}>"


class Population(msgspec.Struct, frozen=True):
    """Everybody, and the households they live in (`households[person.household]`)."""

    people: tuple[Person, ...]
    households: tuple[Household, ...]

    def __repr__(self) -> str:
        """Show the sizes."""
        return f"<Population people={len(self.people)} households={len(self.households)}>"


def people(seed: int, n: int) -> Population:
    """Invent `n` people. The same seed and number give the same people, whatever the machine."""
    draw = random.Random(seed)
    persons: list[Person] = []
    households: list[Household] = []
    addresses: set[str] = set()
    phones = _Phones(draw)
    while len(persons) < n:
        size = min(draw.choice(_SIZES), n - len(persons))
        family = draw.choice(FAMILY)
        number = len(households)
        households.append(
            Household(
                id=number,
                address=_address(draw),
                former=_address(draw) if draw.random() < 0.15 else None,
                landline=phones.next() if draw.random() < 0.35 else None,
                email=_unique(f"{plain(family)}.family", draw, addresses) if size > 1 and draw.random() < 0.2 else None,
                tablet=f"tablet-{draw.getrandbits(64):016x}" if size > 1 and draw.random() < 0.3 else None,
            )
        )
        for position in range(size):
            persons.append(_person(draw, persons[-position:] if position else [], number, family, addresses, phones))
            persons[-1] = msgspec.structs.replace(persons[-1], id=f"p{len(persons):06d}")
    return Population(tuple(persons), tuple(households))


def _person(
    draw: random.Random, kin: list[Person], household: int, family: str, addresses: set[str], phones: _Phones
) -> Person:
    first = draw.choice(GIVEN_FEMALE if draw.random() < 0.5 else GIVEN_MALE)
    last = family if not kin or draw.random() < 0.85 else draw.choice(FAMILY)
    born = _OLDEST + timedelta(days=draw.randrange(_ADULT_DAYS))
    suffix = ""
    chance = draw.random()
    if kin and chance < 0.05:  # a son named after his father
        first, last, suffix = kin[0].first_name, kin[0].last_name, "Jr"
        born = kin[0].birthday + timedelta(days=draw.randrange(20 * 365, 35 * 365))
    elif kin and chance < 0.09:  # twins
        last, born = kin[-1].last_name, kin[-1].birthday
    stem = _stem(draw, first, last, born)
    emails = [_unique(stem, draw, addresses)] if draw.random() < 0.92 else []
    if emails and draw.random() < 0.3:
        emails.append(_unique(f"{plain(first)}.{plain(last)}", draw, addresses, WORK_DOMAINS))
    return Person(
        id="",
        household=household,
        first_name=first,
        last_name=last,
        suffix=suffix,
        birthday=born,
        emails=tuple(emails),
        mobile=phones.next() if draw.random() < 0.85 else None,
    )


def plain(text: str) -> str:
    """Lower-case ASCII letters and digits of a name, as mail addresses have them."""
    folded = unicodedata.normalize("NFKD", text.replace("ł", "l")).encode("ascii", "ignore").decode()
    return "".join(character for character in folded.lower() if character.isalnum())


def _stem(draw: random.Random, first: str, last: str, born: date) -> str:
    one, two = plain(first), plain(last)
    return draw.choice(
        (f"{one}.{two}", f"{one[0]}{two}", f"{one}{two}", f"{one}{born:%y}", f"{two}.{one}", f"{one}_{two}")
    )


def _unique(stem: str, draw: random.Random, addresses: set[str], domains: tuple[str, ...] = MAIL_DOMAINS) -> str:
    email = f"{stem}@{draw.choice(domains)}"
    while email in addresses:
        email = f"{stem}{draw.randrange(1, 10_000)}@{draw.choice(domains)}"
    addresses.add(email)
    return email


def _address(draw: random.Random) -> Address:
    city, state, postal_code = draw.choice(PLACES)
    flat = f", Apt {draw.randrange(1, 30)}" if draw.random() < 0.3 else ""
    return Address(f"{draw.randrange(100, 9900)} {draw.choice(STREETS)}{flat}", city, state, postal_code)


class _Phones:
    """Hands out numbers of the 555 exchange, each once, before it takes further exchanges."""

    def __init__(self, draw: random.Random) -> None:
        self._start = draw.randrange(10_000)
        self._count = 0

    def next(self) -> str:
        count = self._count
        self._count += 1
        area = AREA_CODES[count % len(AREA_CODES)]
        block, line = divmod(count // len(AREA_CODES), 10_000)
        # 7,919 is prime to 10,000: every line number comes once before any comes again.
        return f"{area}{555 + block:03d}{(self._start + line * 7919) % 10_000:04d}"
