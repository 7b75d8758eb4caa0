from onefold.connectors.sources import guess, mapping, mapping_yaml


def test_known_names_find_their_place():
    """E-mail, phone and ids become identifiers, opt-ins consent, the rest traits under plain names."""
    plan = guess.guess(("Customer ID", "E-Mail", "Mobile", "First Name", "ZIP", "Opt-In", "Updated At", "Shoe Size"))
    assert [(name, field.columns[0]) for name, field in plan.identifiers] == [
        ("crm_id", "Customer ID"),
        ("email", "E-Mail"),
        ("phone", "Mobile"),
    ]
    assert dict(plan.traits).keys() == {"first_name", "postal_code", "shoe_size"}
    assert dict(plan.consent)["email"].columns == ("Opt-In",)
    assert plan.timestamp is not None
    assert plan.timestamp.columns == ("Updated At",)


def test_a_proposal_can_be_written_and_read_back():
    """The YAML that a person is shown means what was proposed."""
    plan = guess.guess(("Customer ID", "E-Mail", "Opt-In", "Updated At", "Note: x"))
    again = mapping.read(mapping_yaml.to_yaml(plan))
    assert mapping_yaml.to_yaml(again) == mapping_yaml.to_yaml(plan)
    assert [name for name, _ in again.traits] == ["note_x"]


def test_every_preset_survives_writing():
    """What `to_yaml` writes of any mapping reads as the same mapping."""
    for name in mapping.presets():
        plan = mapping.preset(name)
        assert mapping_yaml.to_yaml(mapping.read(mapping_yaml.to_yaml(plan))) == mapping_yaml.to_yaml(plan)
