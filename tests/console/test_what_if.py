"""What if people were told apart otherwise: tried, seen person by person, written down, and taken back."""

import pytest
from playwright.sync_api import expect
from tests.console.test_screens import examined
from tests.console.visitor import WIDE

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]


def dividing(owner, page):
    """An address that holds somebody together."""
    people = page.request.get(f"{owner.address}/api/v1/people?limit=50").json()["people"]
    for one in people:
        known = page.request.get(f"{owner.address}/api/v1/profiles/id/{one['profile_id']}").json()["identifiers"]
        for value in (each["value"] for each in known if each["type"] == "email" and len(known) > 2):
            said = {"blocked": {"values": [value]}}
            plan = page.request.post(
                f"{owner.address}/api/v1/identity/plan", data=said, headers={"Sec-Fetch-Site": "same-origin"}
            ).json()
            if plan["split"]:
                return value
    raise AssertionError("nobody would be divided")


def test_a_blocked_value_divides_somebody_on_the_screen_and_is_taken_back(owner, page):
    """The plan shows who; written down, the screen says that the server is to be started again; the file comes back."""
    value = dividing(owner, page)
    settings = f"{owner.address}/api/v1/identity/settings"
    before = page.request.get(settings).json()
    owner.open("/what-if")
    page.get_by_role("link", name="Who is who").click()
    page.get_by_label("Blocked values").fill(value)
    page.get_by_role("button", name="See who would move").click()
    moved = page.get_by_role("region", name="Who would be somebody else")
    expect(moved.locator("tbody tr").first).to_contain_text("split")
    assert page.request.get(settings).json() == before
    assert examined(owner, "what-if-identity") == []
    owner.look("light", WIDE)
    page.get_by_role("button", name="Write it into identity.yaml").click()
    expect(page.get_by_text("Start the server again")).to_be_visible()
    assert value in page.request.get(settings).json()["blocked"]
    page.get_by_role("button", name="Take the last change back").click()
    expect(page.locator(".toast")).to_contain_text("Taken back")
    assert page.request.get(settings).json() == before
