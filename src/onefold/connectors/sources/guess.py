"""A proposed mapping, from nothing but a file's column names, for a person to read and correct."""

from __future__ import annotations

from collections.abc import Sequence

from onefold.connectors.sources.cells import key
from onefold.connectors.sources.language import Field, Mapping

# Names as `key` leaves them: lower case, letters and digits only.
_IDENTIFIERS = {
    "user_id": ("userid", "externalid"),
    "crm_id": ("constituentid", "customerid", "contactid", "donorid", "memberid", "accountid", "crmid", "personid"),
    "email": ("email", "emailaddress", "mail", "emailaddr", "primaryemail", "buyeremail", "preferredemail"),
    "phone": ("phone", "phonenumber", "mobile", "mobilephone", "cell", "cellphone", "telephone", "tel", "homephone"),
    "anonymous_id": ("anonymousid", "cookieid", "visitorid"),
    "device_id": ("deviceid",),
}
_TRAITS = {
    "first_name": ("firstname", "first", "givenname", "forename", "fname"),
    "last_name": ("lastname", "last", "surname", "familyname", "lname"),
    "name": ("name", "fullname"),
    "birthday": ("birthday", "birthdate", "dateofbirth", "dob"),
    "street": ("street", "address", "address1", "addressline1", "streetaddress"),
    "city": ("city", "town"),
    "state": ("state", "province", "region"),
    "postal_code": ("zip", "zipcode", "postcode", "postalcode"),
    "country": ("country", "countrycode"),
    "gender": ("gender", "sex"),
}
_CONSENTS = {
    "email": ("optin", "emailoptin", "emailconsent", "subscribed", "newsletter"),
    "sms": ("smsoptin", "smsconsent", "textoptin"),
}
_MODIFIED = ("updatedat", "lastmodified", "modifieddate", "lastmodifieddate", "systemmodstamp", "updated")


def guess(header: Sequence[str]) -> Mapping:
    """Propose a `record` mapping: known names become identifiers, traits and consent, the others traits as they are."""
    left = {key(name): name for name in reversed(header)}

    def take(table: dict[str, tuple[str, ...]], **more: tuple[str, ...]) -> tuple[tuple[str, Field], ...]:
        found = []
        for target, aliases in table.items():
            for alias in aliases:
                if alias in left:
                    found.append((target, Field((left.pop(alias),), granted=more.get("granted", ()))))
                    break
        return tuple(found)

    identifiers = take(_IDENTIFIERS)
    traits = take(_TRAITS)
    consent = take(_CONSENTS, granted=("y", "yes", "1", "true", "subscribed"))
    modified = next((left.pop(alias) for alias in _MODIFIED if alias in left), None)
    others = tuple((_snake(name), Field((name,))) for name in header if left.get(key(name)) == name)
    return Mapping(
        identifiers=identifiers,
        traits=traits + tuple(pair for pair in others if pair[0] not in dict(traits)),
        consent=consent,
        timestamp=Field((modified,), cast="datetime") if modified else None,
    )


def _snake(name: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in name).split()).lower()
