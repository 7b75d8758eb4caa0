"""Addresses of offices, roles and machines: they link nobody, unless a project or a person says otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench

from onefold.identity.settings import GENERIC_ADDRESSES, IdentitySettings
from onefold.model import Identifier
from onefold.pipelines import judgements
from onefold.pipelines.reading import explanations, profiles
from onefold.pipelines.stream import quarantine


def people(address, settings=None, *said):
    """Whether two phones that were seen with an address are one person, and the workspace."""
    context = workbench.context(identity=settings)
    for n, phone in enumerate(("+13125550100", "+13125550101")):
        body = {"type": "track", "event": "Called", "messageId": f"m{n}", "context": {"externalIds": [
            {"type": "email", "id": address}, {"type": "phone", "id": phone}]}}  # fmt: skip
        context.log.append([workbench.entry(body, index=n)])
    quarantine.drain(context)
    for verdict in said:
        judgements.say(context, verdict, Identifier("email", address), None, by="ann", reason="")
        quarantine.drain(context)
    found = {profiles.profile(context, Identifier("phone", f"+1312555010{n}")).id for n in range(2)}
    return len(found), context


@pytest.mark.parametrize("address", ["info@roe.test", "No-Reply@roe.test", "front.desk+spring@roe.test"])
def test_an_offices_address_links_nobody(address):
    """However it is written; what it is seen with stays apart, and the explanation says why."""
    many, context = people(address)
    assert many == 2
    found = profiles.profile(context, Identifier("email", address))
    assert [(one.type, one.shared) for one in found.identifiers] == [("email", True)]
    told = explanations.explain(context, Identifier("phone", "+13125550100"), Identifier("phone", "+13125550101"))
    assert "nobody's own" in " ".join(told.sentences) or told.verdict == "not_connected"


def test_everybody_elses_address_links():
    """The control: an address like any other, a list without the word, an exception, and a steward's word."""
    assert people("ann@roe.test")[0] == 1
    assert people("infoline@roe.test")[0] == 1
    assert people("info@roe.test", IdentitySettings(generic_addresses=()))[0] == 1
    assert people("info@roe.test", IdentitySettings(generic_addresses=("desk",)))[0] == 1
    assert people("Front_Desk@roe.test", IdentitySettings(generic_addresses=("front-desk",)))[0] == 2
    assert people("info@roe.test", IdentitySettings(allowed_values=frozenset({"info@roe.test"})))[0] == 1
    assert people("info@roe.test", None, "not_shared")[0] == 1
    assert people("info@roe.test", None, "not_shared", "withdrawn")[0] == 2


@given(st.sampled_from(GENERIC_ADDRESSES) | st.text("abinfo.-_+", min_size=1, max_size=8))
def test_a_generic_address_is_told_by_what_stands_before_the_at(local):
    """As a search through the whole list finds it."""
    plain = local.partition("+")[0].replace(".", "").replace("-", "").replace("_", "")
    assert IdentitySettings().is_generic(f"{local}@x.test") == (plain in GENERIC_ADDRESSES)
