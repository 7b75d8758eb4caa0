"""Strangers: people of two systems with equal numbers stay two people, unless the project says that both share their ids."""

from tests.plain import profiles
from tests.running import project

from onefold import bootstrap
from onefold.model import Identifier

CONTACTS = "Contact ID,First Name,Email\n204,Ruth,ruth@one.test\n205,Marco,marco@one.test\n"
DONORS = "Contact ID,First Name,Email\n204,Greta,greta@two.test\n206,Nils,nils@two.test\n"
SHARED = "identifiers: {shared_id: Contact ID, email: Email}\ntraits: {first_name: First Name}\n"


def loaded(workspace, folder, sources, *, mapping=None, ids=""):
    for source, text in sources.items():
        path = folder / f"{source}.csv"
        path.write_text(text)
        for _ in bootstrap.load_file(workspace.context, path, source=source, mapping=mapping, ids=ids):
            pass
    assert bootstrap.catch_up(workspace)


def who(workspace, type_, value):
    found = profiles.profile(workspace.context, Identifier(type_, value))
    return found and found["id"]


def test_equal_numbers_of_two_systems_are_two_people(tmp_path):
    """Contact 204 of one system is not contact 204 of the other; a number of one alone is found without its source."""
    with project() as here, bootstrap.opened(here.directory, None) as workspace:
        loaded(workspace, tmp_path, {"alpha": CONTACTS, "beta": DONORS})
        assert who(workspace, "email", "ruth@one.test") == who(workspace, "alpha.contact_id", "204")
        assert who(workspace, "email", "greta@two.test") == who(workspace, "beta.contact_id", "204")
        assert who(workspace, "email", "ruth@one.test") != who(workspace, "email", "greta@two.test")
        assert who(workspace, "contact_id", "205") == who(workspace, "email", "marco@one.test")


def test_two_numbers_of_one_system_are_two_people(tmp_path):
    """A couple with one e-mail address stays a couple."""
    with project() as here, bootstrap.opened(here.directory, None) as workspace:
        loaded(workspace, tmp_path, {"alpha": CONTACTS.replace("marco@", "ruth@")})
        assert who(workspace, "contact_id", "204") != who(workspace, "contact_id", "205")


def test_a_shared_type_merges_them(tmp_path):
    """The control: under one type the two are one person, as they are when the project says that both share their ids."""
    for mapping, ids in (("shared.yaml", ""), (None, "alpha")):
        if mapping:
            (tmp_path / mapping).write_text(SHARED)
        with project() as here, bootstrap.opened(here.directory, None) as workspace:
            named = str(tmp_path / mapping) if mapping else None
            loaded(workspace, tmp_path, {"alpha": CONTACTS, "beta": DONORS}, mapping=named, ids=ids)
            assert who(workspace, "email", "ruth@one.test") == who(workspace, "email", "greta@two.test")
