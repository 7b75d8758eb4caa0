"""A system: what the donor CRM, the newspaper, the box office, the newsletter and the website each hold of the people.

Every system sees a part of the population, writes names and numbers in its own way, and knows each person by its own
id. `write` puts their files, the mappings to read them by, and the truth into a folder; `visits` gives the website's
calls as an SDK would send them.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from onefold.synthetic import damage, mappings, variants
from onefold.synthetic.population import Person, Population

Truth = tuple[str, str, str, str]
"""(system, identifier type, value as the system states it, truth id)"""


class Export(msgspec.Struct, frozen=True):
    """One system's file, before it is written.

    Attributes:
        name: The file's name; its mapping is `<stem>.yaml`.
        encoding: How it is encoded.
        header: Column names; empty for JSON lines.
        rows: Rows of text, or objects for JSON lines.
        truth: Whose records they are.
        delimiter: Between columns.
    """

    name: str
    encoding: str
    header: tuple[str, ...]
    rows: Sequence[Sequence[str] | dict[str, Any]]
    truth: Sequence[Truth] = ()
    delimiter: str = ","


class Written(msgspec.Struct, frozen=True):
    """What `write` put into the folder.

    Attributes:
        files: Per system (`donors`, `gifts`, …) its file; the mapping stands beside it.
        rows: Per system the rows that can be read.
        unreadable: Per system the rows damaged on purpose.
        truth: The file that says whose each record is.
    """

    files: dict[str, Path]
    rows: dict[str, int]
    unreadable: dict[str, int]
    truth: Path


def exports(population: Population, *, seed: int, as_of: date) -> list[Export]:
    """What each system would export on that day: donors, gifts, subscribers, tickets, newsletter."""
    draw = random.Random(seed)
    donors, gifts = _donors_and_gifts(population, draw, as_of)
    return [
        donors,
        gifts,
        _subscribers(population, draw, as_of),
        _tickets(population, draw, as_of),
        _newsletter(population, draw, as_of),
    ]


def write(folder: Path, population: Population, *, seed: int, as_of: date, web_truth: Sequence[Truth] = ()) -> Written:
    """Write every system's file with some rows that nobody can read, its mapping, and `truth.csv`.

    Args:
        folder: Made if it is not there; files of the same names are replaced.
        population: Whom the systems know.
        seed: The same seed, population and day give the same bytes.
        as_of: The day of the exports; everything happened before.
        web_truth: Whose the website's ids are, from `visits`, to stand in the truth as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    rows: dict[str, int] = {}
    unreadable: dict[str, int] = {}
    truth: list[Truth] = []
    for export in exports(population, seed=seed, as_of=as_of):
        path = folder / export.name
        lines = _json_lines(export) if path.suffix == ".jsonl" else _csv_lines(export)
        spoiled = damage.UNREADABLE[path.stem]
        path.write_bytes(b"".join(damage.scatter(lines, spoiled, keep_first=bool(export.header))))
        (folder / f"{path.stem}.yaml").write_text(mappings.TEXT[path.stem], encoding="utf-8")
        files[path.stem], rows[path.stem], unreadable[path.stem] = path, len(export.rows), len(spoiled)
        truth.extend(export.truth)
    path = folder / "truth.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("system", "type", "value", "person"))
        writer.writerows((*truth, *web_truth))
    return Written(files, rows, unreadable, path)


def _csv_lines(export: Export) -> list[bytes]:
    lines = []
    for row in (export.header, *export.rows):
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=export.delimiter).writerow(row)
        # Letters that the old code page lacks are written without their accents, as such systems do.
        text = buffer.getvalue() if export.encoding != "cp1252" else variants.western(buffer.getvalue())
        lines.append(text.encode("utf-8" if export.encoding == "utf-8-sig" else export.encoding))
    if export.encoding == "utf-8-sig":
        lines[0] = b"\xef\xbb\xbf" + lines[0]
    return lines


def _json_lines(export: Export) -> list[bytes]:
    return [msgspec.json.encode(row) + b"\n" for row in export.rows]


def _pick(draw: random.Random, population: Population, share: float) -> list[Person]:
    return [person for person in population.people if draw.random() < share]


def _contact(draw: random.Random, population: Population, person: Person, *, tag: str = "") -> tuple[str, str]:
    """An e-mail and a phone as a form would hold them: own, the family's, a placeholder, or nothing."""
    house = population.households[person.household]
    email = phone = ""
    chance = draw.random()
    if house.email and chance < 0.25:
        email = house.email
    elif person.emails and chance < 0.93:
        email = variants.email(draw, draw.choice((*person.emails[:1] * 3, *person.emails)), tag=tag)
    elif chance > 0.985:
        email = draw.choice(variants.PLACEHOLDER_EMAILS)
    chance = draw.random()
    if house.landline and chance < 0.3:
        phone = variants.phone(draw, house.landline)
    elif person.mobile and chance < 0.8:
        phone = variants.phone(draw, person.mobile)
    elif chance > 0.98:
        phone = draw.choice(variants.PLACEHOLDER_PHONES)
    return email, phone


def _home(draw: random.Random, population: Population, person: Person) -> tuple[str, str, str, str]:
    house = population.households[person.household]
    address = house.former if house.former and draw.random() < 0.4 else house.address
    return variants.street(draw, address.street), address.city, address.state, address.postal_code


def _family_name(draw: random.Random, person: Person) -> str:
    name = variants.cased(draw, person.last_name if draw.random() > 0.03 else variants.typo(draw, person.last_name))
    return f"{name} {person.suffix}" if person.suffix and draw.random() < 0.5 else name


def _past(draw: random.Random, as_of: date, days: int) -> date:
    return as_of - timedelta(days=1 + int(draw.random() ** 2 * days))


def _donors_and_gifts(population: Population, draw: random.Random, as_of: date) -> tuple[Export, Export]:
    donors: list[list[str]] = []
    gifts: list[list[str]] = []
    truth: list[Truth] = []
    for person in _pick(draw, population, 0.45):
        for _ in range(2 if draw.random() < 0.06 else 1):  # entered twice
            number = f"{len(donors) + 1:08d}"
            email, phone = _contact(draw, population, person)
            born = f"{person.birthday:%m/%d/%Y}" if draw.random() < 0.4 else ""
            donors.append(
                [
                    number,
                    variants.given_name(draw, person.first_name),
                    _family_name(draw, person),
                    email,
                    phone,
                    *_home(draw, population, person),
                    born,
                    draw.choice(("Y", "Y", "N", "")),
                    f"{_past(draw, as_of, 700):%m/%d/%Y}",
                ]
            )
            truth.append(("donors", "crm_id", number, person.id))
            for _ in range(draw.choice((0, 1, 1, 2, 3, 5))):
                amount = draw.choice((10, 15, 25, 25, 50, 60, 100, 120, 250, 1000))
                gifts.append(
                    [
                        f"G{len(gifts) + 1:07d}",
                        number,
                        f"{_past(draw, as_of, 1000):%m/%d/%Y}",
                        f"${amount:,}.{draw.choice(('00', '00', '50'))}",
                        draw.choice(("Annual Fund", "Newsroom", "Music")),
                        draw.choice(("One-time", "Recurring")),
                    ]
                )
    return (
        Export(
            "donors.csv",
            "cp1252",
            ("Constituent ID", "First Name", "Last/Org Name", "E-Mail", "Phone #1", "Addr Line 1", "City", "State",
             "ZIP", "Birth Date", "Email OptIn?", "Date Last Changed"),
            donors,
            truth,
            ";",
        ),
        Export(
            "gifts.csv",
            "utf-8-sig",
            ("Gift ID", "Constituent ID", "Gift Date", "Gift Amt", "Fund", "Gift Type"),
            gifts,
        ),
    )  # fmt: skip


def _subscribers(population: Population, draw: random.Random, as_of: date) -> Export:
    rows: list[list[str]] = []
    truth: list[Truth] = []
    for person in _pick(draw, population, 0.35):
        number = f"{len(rows) + 1:06d}"
        email, phone = _contact(draw, population, person)
        street, city, state, postal_code = _home(draw, population, person)
        name = f"{variants.given_name(draw, person.first_name)} {_family_name(draw, person)}"
        plan = draw.choice(("Print + Digital", "Digital", "Weekend"))
        started = _past(draw, as_of, 2000)
        rows.append(
            [number, name, email, phone, f"{street}\n{city}, {state} {postal_code}", postal_code, plan,
             started.isoformat(), draw.choice(("active", "active", "active", "lapsed"))]
        )  # fmt: skip
        truth.append(("subscribers", "subscriber_id", number, person.id))
    header = ("account_no", "subscriber_name", "EMAIL_ADDRESS", "day_phone", "delivery_address", "zip", "plan",
              "start_date", "status")  # fmt: skip
    return Export("subscribers.csv", "utf-8", header, rows, truth)


def _tickets(population: Population, draw: random.Random, as_of: date) -> Export:
    rows: list[dict[str, Any]] = []
    truth: list[Truth] = []
    everybody = population.people
    for order, buyer in enumerate(_pick(draw, population, 0.15), start=1):
        email, phone = _contact(draw, population, buyer)
        guests = [draw.choice(everybody) for _ in range(draw.choice((0, 0, 0, 1, 1, 2, 3)))]
        event = draw.choice(("An Evening with the Newsroom", "Jazz at the Studio", "Members' Breakfast"))
        bought = f"{_past(draw, as_of, 400)}T{draw.randrange(8, 23):02d}:{draw.randrange(60):02d}:00-06:00"
        for person in (buyer, *guests):
            # The box office asks for one address, so guests mostly carry the buyer's.
            own = person is buyer or draw.random() < 0.4
            address = email if person is buyer or not own else "".join(person.emails[:1])
            ticket = f"T-{len(rows) + 1:06d}"
            rows.append(
                {
                    "id": ticket,
                    "order_id": f"O-{order:06d}",
                    "event": {"name": event},
                    "created": bought,
                    "profile": {
                        "first_name": variants.given_name(draw, person.first_name),
                        "last_name": _family_name(draw, person),
                        "email": address if own else email,
                        "cell_phone": phone if person is buyer else None,
                    },
                    "costs": {"gross": {"value": 4500, "major_value": "45.00", "currency": "USD"}},
                }
            )
            truth.append(("tickets", "ticket_id", ticket, person.id))
    return Export("tickets.jsonl", "utf-8", (), rows, truth)


def _newsletter(population: Population, draw: random.Random, as_of: date) -> Export:
    rows: list[list[str]] = []
    truth: list[Truth] = []
    for person in _pick(draw, population, 0.5):
        if not person.emails:
            continue
        number = f"c{draw.getrandbits(40):010x}"
        address = variants.email(draw, draw.choice(person.emails), tag="wbez")
        status = draw.choice(("subscribed", "subscribed", "subscribed", "unsubscribed", "cleaned"))
        first = variants.given_name(draw, person.first_name) if draw.random() < 0.6 else ""
        rows.append([number, address, first, status, f"{_past(draw, as_of, 900)} 12:{draw.randrange(60):02d}:00"])
        truth.append(("newsletter", "contact_id", number, person.id))
    header = ("Contact Id", "Email Address", "First Name", "Status", "LAST_CHANGED")
    return Export("newsletter.csv", "utf-8", header, rows, truth, "\t")
