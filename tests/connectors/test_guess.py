"""Guesses: what a header and the cells below it are taken for, and when a guess is not used without being asked."""

import msgspec
import pytest

from onefold.connectors.sources import guess, mapping, mapping_yaml


def told(fields):
    return [(name, (field.columns or field.join[0])[0]) for name, field in fields if not field.constant]


def bare(plan):
    """A mapping without what only messages need."""

    def clean(value):
        if isinstance(value, dict):
            return {name: clean(inner) for name, inner in value.items() if name not in ("line", "file")}
        return [clean(inner) for inner in value] if isinstance(value, list | tuple) else value

    return clean(msgspec.to_builtins(plan))


def test_known_names_find_their_place():
    """E-mail, phone and ids become identifiers, opt-ins consent, the rest comes along as traits."""
    header = ("Customer ID", "E-Mail", "Mobile", "First Name", "ZIP", "Opt-In", "Updated At", "Shoe Size")
    rows = [["7", "a@b.test", "(207) 555-0131", "Ann", "04101", "yes", "2024-01-02 10:00", "42"]]
    plan = guess.guess(header, rows).mapping
    assert told(plan.identifiers) == [(".customer_id", "Customer ID"), ("email", "E-Mail"), ("phone", "Mobile")]
    assert told(plan.traits) == [("first_name", "First Name"), ("postal_code", "ZIP")]
    assert told(plan.consent) == [("email", "Opt-In")]
    assert plan.timestamp is not None
    assert plan.timestamp.columns == ("Updated At",)
    assert plan.others == "traits"


def test_a_proposal_can_be_written_and_read_back():
    """The YAML that a person is shown means what was proposed, with what speaks for it beside the columns."""
    found = guess.guess(("Customer ID", "E-Mail", "Opt-In"), [["1", "a@b.test", "y"], ["2", "b@b.test", "n"]])
    text = mapping_yaml.to_yaml(found.mapping, found.notes)
    assert bare(mapping.read(text)) == bare(found.mapping)
    assert "email: E-Mail  # 100 % of 2 cells are e-mail addresses" in text


@pytest.mark.parametrize("name", mapping.presets())
def test_every_preset_survives_writing(name):
    """What `to_yaml` writes of any mapping reads as the same mapping."""
    plan = mapping.preset(name)
    assert bare(mapping.read(mapping_yaml.to_yaml(plan))) == bare(plan)


@pytest.mark.parametrize(
    ("title", "is_salutation"), [("Ms.", True), ("Herr Dr.", True), ("M.", True), ("Founder", False), ("Member", False)]
)
def test_a_title_is_a_salutation_where_it_stands_before_names(title, is_salutation):
    """Else it is what somebody does, and stays as the column is named."""
    plan = guess.guess(("Name", "Title", "Email"), [["Ann A", title, "ann@one.test"]] * 3).mapping
    assert ("salutation" in dict(plan.traits)) == is_salutation


def test_numbers_of_lead_forms_are_phones():
    """Facebook writes `p:` before them."""
    plan = guess.guess(
        ("full_name", "email", "phone_number"), [["Ann A", "ann@one.test", "p:+46700005566"]] * 3
    ).mapping
    assert told(plan.identifiers) == [("email", "email"), ("phone", "phone_number")]
