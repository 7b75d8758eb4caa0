"""Facts in a sheet: whether its rows are gifts, orders or tickets, and the events they then are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from onefold.connectors.sources import headings
from onefold.connectors.sources.language import Condition, Field, Fields, Mapping, Skip
from onefold.connectors.sources.samples import bare_number, dates, formats, numbers
from onefold.connectors.sources.sheet import Sheet, share
from onefold.connectors.sources.vocabulary import STATUS

_WORDS = {
    "Ticket": ("ticket", "attendee", "seat", "admission", "eventname"),
    "Donation": (
        "donat",
        "donor",
        "gift",
        "contribut",
        "pledge",
        "fund",
        "spende",
        "datedudon",
        "donacion",
        "donazion",
        "donatie",
    ),
    "Order": ("order", "lineitem", "sku", "product", "item", "quantity", "bestell", "commande", "pedido", "ordine"),
}
_PAID = {"Ticket": "Ticket Purchased", "Donation": "Donation Completed", "Order": "Order Completed"}
_FAILED = {"Ticket": "Ticket Cancelled", "Donation": "Payment Failed", "Order": "Payment Failed"}
_MONEY = {"Ticket": "amount", "Donation": "amount", "Order": "revenue"}
_KNOWN = 0.9
_LIKELY = 3
_SOME = 0.3
_LINES = ("lineitem", "sku", "product", "item", "quantity")
_TICKET_IDS = ("ticket", "attendee", "barcode", "registration")
NEGATIVE = "a negative amount: money that went out"


class Fact(msgspec.Struct, frozen=True):
    """What happened in each row.

    Attributes:
        kind: `Donation`, `Ticket` or `Order`.
        when: The field of its time.
        amount: The field of its money, and the currency the cells show.
    """

    kind: str
    when: Field
    amount: tuple[Field, str] | None


def find(sheet: Sheet) -> Fact | None:
    """What the rows are, when they have a time and money, or a time and an id of what happened."""
    amounts = [name for name in sheet.find("amount") if sheet.samples[name].values and sheet.has_amounts(name)]
    if not amounts:
        sheet.doubts += [
            f"{share(1 - part)} of the cells of {name!r} are no amounts"
            for name in sheet.find("amount")
            if sheet.headings[name].rank < _LIKELY
            and (part := numbers([bare_number(v) for v in sheet.samples[name].values]).share) >= _SOME
        ]
    fact_ids = sheet.find("fact_id", holds=lambda s: not s.empty)
    if amounts and sheet.headings[amounts[0]].rank > _LIKELY and not fact_ids:
        amounts = []
    times = sheet.find("date") + (sheet.find("created") if amounts else [])
    if not amounts:
        times = [name for name in times if sheet.headings[name].rank == 0] if fact_ids else []
    for name in times:
        when = sheet.date(name, cast="datetime")
        if when is not None:
            return Fact(_kind(sheet), _with_time(sheet, when), sheet.amount(amounts[0]) if amounts else None)
    return None


def _kind(sheet: Sheet) -> str:
    for kind, words in _WORDS.items():
        if sheet.has_word(*words):
            return kind
    said = [v.casefold() for s in sheet.samples.values() for v in s.distinct[:50]]
    return (
        "Donation"
        if any(word in value for value in said for word in ("donation", "spende", "donación", "gift"))
        else "Order"
    )


def _with_time(sheet: Sheet, when: Field) -> Field:
    """A date and the time of day in a column of its own, as one."""
    if any(":" in value for value in sheet.samples[when.columns[0]].distinct):
        return when
    for name in sheet.find("time", holds=lambda s: s.share(lambda v: ":" in v) > _KNOWN):
        both = [
            f"{row[sheet.header.index(when.columns[0])].strip()} {row[sheet.header.index(name)].strip()}".strip()
            for row in sheet.rows
        ]
        found = dates([value for value in both if value])
        if found.share >= _KNOWN:
            sheet.take(name)
            return msgspec.structs.replace(
                when,
                columns=(),
                join=(when.columns, (name,)),
                formats=tuple(dict.fromkeys((*formats(found, both, of_day=False), *when.formats))),
            )
    return when


def mapping(
    fact: Fact, sheet: Sheet, identifiers: Fields, traits: Fields, consent: Fields, others: Sequence[Mapping]
) -> Mapping:
    """One event a row: paid, failed, pending or refunded, as its status says."""
    money: list[tuple[str, Field]] = []
    skip: tuple[Skip, ...] = ()
    if fact.amount is not None:
        field, shown = fact.amount
        money.append((_MONEY[fact.kind], field))
        currencies = sheet.find("currency")
        if currencies:
            money.append(("currency", Field((sheet.take(currencies[0]),))))
        elif shown:
            money.append(("currency", Field(value=shown)))
        name = field.columns[0]
        if any(
            value.lstrip("$€£ (").startswith("-") or value.startswith("(") for value in sheet.samples[name].distinct
        ):
            skip = (Skip((Condition((name,), "below"),), NEGATIVE),)
    event = Mapping(
        type="track",
        event=_PAID[fact.kind],
        id=_message_id(sheet, fact),
        timestamp=fact.when,
        identifiers=identifiers,
        traits=traits,
        properties=(*money, *_order_id(sheet, fact)),
        consent=consent,
        others="properties",
    )
    outcomes = _outcomes(fact, sheet, event)
    if len(outcomes) == 1 and not others:
        return msgspec.structs.replace(outcomes[0], skip=skip)
    return Mapping(statements=(*outcomes, *others), skip=skip, optional=True)


def _message_id(sheet: Sheet, fact: Fact) -> Fields:
    """The id of what happened, where each row has its own.

    Of the lines of one order, each stating its total, the order's, so that it counts once.
    """
    names = [*sheet.find("fact_id"), *sheet.find("id")]
    if fact.kind == "Ticket":
        # An order has several tickets, in rows further down if not in these.
        names = [name for name in names if any(word in headings.folded(name) for word in _TICKET_IDS)]
    for name in names:
        sample = sheet.samples[name]
        if sample.rows and sample.unique and len(sample.values) == sample.rows:
            sheet.notes[name] = "each row has its own"
            return ((name, Field((name,))),)
    if fact.kind == "Order" and fact.amount is not None and sheet.has_word(*_LINES):
        place = sheet.header.index(fact.amount[0].columns[0])
        for name in names:
            totals: dict[str, set[str]] = {}
            for row in sheet.rows:
                totals.setdefault(row[sheet.header.index(name)].strip(), set()).add(row[place].strip())
            if "" not in totals and len(totals) < len(sheet.rows) and all(len(t) == 1 for t in totals.values()):
                sheet.notes[name] = "an order counts once, however many lines it has"
                return ((name, Field((name,))),)
    return ()


def _order_id(sheet: Sheet, fact: Fact) -> Fields:
    if fact.kind == "Order":
        for name in sheet.find("fact_id")[:1]:
            return (("order_id", Field((name,))),)
    return ()


def _outcomes(fact: Fact, sheet: Sheet, event: Mapping) -> list[Mapping]:
    """The event by what became of it, where a column says."""
    found = [event]
    money = event.properties
    for name in sheet.find("status", holds=lambda s: not s.empty and s.share(_outcome) >= _KNOWN):
        words: dict[str, list[str]] = {}
        for value in sheet.samples[name].distinct:
            words.setdefault(STATUS.get(headings.folded(value), "unknown"), []).append(value.casefold())
        if sheet.samples[name].filled < 1:
            words.setdefault("paid", []).append("")
        sheet.take(name, "says what became of it")
        names = {
            "paid": event.event,
            "failed": _FAILED[fact.kind],
            "pending": "Payment Pending",
            "refunded": f"{fact.kind} Refunded",
        }
        for outcome in names:
            words.setdefault(outcome, []).extend(_USUAL[outcome])
        found = [
            msgspec.structs.replace(
                event,
                event=names[outcome],
                when=(Condition((name,), "is", tuple(dict.fromkeys(words[outcome]))),),
                properties=(
                    *(("amount", f) if n == "revenue" and outcome != "paid" else (n, f) for n, f in money),
                    ("status", Field((name,))),
                ),
            )
            for outcome in names
        ]
        break
    for name in sheet.find("refunded", holds=lambda s: not s.empty):
        if sheet.has_amounts(name):
            refunded = sheet.amount(name)
            if refunded is not None:
                found.append(_partial_refund(fact, event, refunded[0], found))
            break
    return found


def _partial_refund(fact: Fact, event: Mapping, refunded: Field, outcomes: Sequence[Mapping]) -> Mapping:
    """The part that went back of what was paid; what went back whole is a refund by its status."""
    when = (Condition(refunded.columns, "above"), *(outcomes[0].when if len(outcomes) > 1 else ()))
    kept = tuple(pair for pair in event.properties if pair[0] not in ("amount", "revenue"))
    return msgspec.structs.replace(
        event, event=f"{fact.kind} Refunded", when=when, properties=(("amount", refunded), *kept)
    )


def _outcome(value: str) -> bool:
    return headings.folded(value) in STATUS


_USUAL = {
    "paid": ("completed", "complete", "paid", "succeeded", "success", "settled", "approved"),
    "failed": ("failed", "declined", "cancelled", "canceled", "voided", "error", "rejected", "denied", "chargeback"),
    "pending": ("pending", "processing", "authorized"),
    "refunded": ("refunded", "fully refunded"),
}
