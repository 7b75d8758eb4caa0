"""Small tables of people for the tests of the matcher, with the truth in the column `cluster`."""

import random

import pyarrow as pa

GIVEN = (
    "mary", "john", "anna", "peter", "susan", "james", "linda", "robert", "karen", "david", "laura", "thomas", "nina",
    "oscar", "ruth", "victor",
)  # fmt: skip
_STARTS = ("har", "wil", "mor", "bau", "kel", "lind", "ros", "stein")
FAMILY = [start + end for start in _STARTS for end in ("ton", "ley", "gan", "mann", "by")]


def slip(random_, text):
    """A text with two neighbouring signs exchanged, or one left out."""
    at = random_.randrange(len(text) - 1)
    return (
        text[:at] + text[at + 1] + text[at] + text[at + 2 :] if random_.random() < 0.5 else text[:at] + text[at + 1 :]
    )


def rows(people=60, copies=3, seed=1):
    """Records of made people: each a few times, with slips and gaps."""
    random_ = random.Random(seed)
    found = []
    for person in range(people):
        given, family = random_.choice(GIVEN), random_.choice(FAMILY)
        whole = {
            "first_name": given,
            "last_name": family,
            "dob": f"{random_.randint(1940, 2005)}-{random_.randint(1, 12):02}-{random_.randint(1, 28):02}",
            "email": f"{given}.{family}{person}@{random_.choice(['mail', 'post', 'web'])}.example",
            "phone": f"({random_.randint(201, 989)}) {random_.randint(201, 989)}-{random_.randint(1000, 9999)}",
            "city": random_.choice(["Utrecht", "Lyon", "Graz", "Leeds", "Porto"]),
        }
        for copy in range(copies):
            record = dict(whole)
            if copy:
                record["last_name"] = slip(random_, family) if random_.random() < 0.3 else family
                record["email"] = None if random_.random() < 0.3 else whole["email"]
                record["phone"] = None if random_.random() < 0.4 else whole["phone"]
            found.append({"id": f"r{person}-{copy}", "cluster": str(person), **record})
    return found


def table(records):
    """Records as an Arrow table of texts."""
    names = list(dict.fromkeys(name for record in records for name in record))
    return pa.table({name: pa.array([record.get(name) for record in records], pa.string()) for name in names})


def families():
    """Households of three who share name, street and phone, each with two records."""
    made = []
    random_ = random.Random(5)
    for home in range(60):
        family = f"name{chr(97 + home % 26)}{chr(97 + home // 26)}son"
        phone, street = f"(312) 55{home % 9 + 1}-{2000 + home}", f"{100 + home} {family} road"
        for given in ("Mary", "John", "Peter"):
            dob = f"{random_.randint(1950, 2000)}-{random_.randint(1, 12):02}-{random_.randint(1, 28):02}"
            made += [
                {
                    "id": f"{home}{given}{copy}", "cluster": f"{home}{given}", "first_name": given, "last_name": family,
                    "dob": dob, "phone": phone, "street": street,
                }
                for copy in range(2)
            ]  # fmt: skip
    return table(made)


def kin(relation, homes=90, seed=7):
    """Homes of two people of one name, street and landline, each with three records that have gaps.

    Args:
        relation: `twins` are born on one day; `namesakes` have one given name, born a generation apart; `spouses` share a
            mailbox besides.
        homes: How many.
        seed: Of what is drawn.
    """
    random_ = random.Random(seed)
    made = []

    def born(first, last):
        return f"{random_.randint(first, last)}-{random_.randint(1, 12):02}-{random_.randint(1, 28):02}"

    for home in range(homes):
        family = random_.choice(FAMILY)
        phone, street = f"312{random_.randint(201, 989)}{random_.randint(1000, 9999)}", f"{home + 1} {family} road"
        given = random_.sample(GIVEN, 2)
        days = [born(1950, 1970), born(1978, 2005)]
        if relation == "twins":
            days[1] = days[0]
        elif relation == "namesakes":
            given[1] = given[0]
        for number, (name, day) in enumerate(zip(given, days, strict=True)):
            mailbox = f"{family}{home}" if relation == "spouses" else f"{name}.{family}{home}{number}"
            made += [
                {
                    "id": f"{home}-{number}-{copy}", "cluster": f"{home}-{number}",
                    "first_name": slip(random_, name) if random_.random() < 0.05 else name, "last_name": family,
                    "dob": day if relation == "namesakes" or random_.random() < 0.7 else None,
                    "email": f"{mailbox}@mail.example" if random_.random() < 0.5 else None,
                    "phone": phone if random_.random() < 0.7 else None,
                    "street": street if random_.random() < 0.8 else None,
                }
                for copy in range(3)
            ]  # fmt: skip
    return made
