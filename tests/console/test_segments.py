"""What marketers do with a segment that is there: versions compared, lists filled, overlap and size looked at."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]


def people_of(answer):
    """The ids that a page of members tells."""
    return {one["profile_id"] for one in answer["members"]}


def test_a_changed_rule_shows_who_would_move_before_it_holds(owner, page):
    """Before it is applied, each person who would leave is named; afterwards both versions are there and tell the same."""
    members = f"{owner.address}/api/v1/segments/lapsed_donors/members?limit=200"
    before = people_of(page.request.get(members).json())
    owner.open(
        "/builder?segment=lapsed_donors&form=text&rule=" + "purchases >= 1 and days_since(last_active) > 1000000"
    )
    page.get_by_text("Who would move, person by person").click()
    moved = page.get_by_role("region", name="Who would move")
    expect(moved.locator("tbody tr")).to_have_count(len(before))
    assert {link.get_attribute("href").split("/")[-1] for link in moved.locator("a").all()} == before
    assert owner.violations() == []
    page.get_by_role("button", name="Save, and show who would enter").click()
    page.get_by_text(f"0 enter, {len(before)} leave").first.wait_for()
    owner.shot("publish")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Versions").click()
    expect(page.get_by_role("region", name="Versions").locator("tbody tr")).to_have_count(2)
    expect(page.get_by_label("From")).to_have_value("1")
    expect(page.get_by_text(f"0 enter, {len(before)} leave, 0 stay")).to_be_visible()
    owner.shot("segment-compared")
    assert people_of(page.request.get(members).json()) == before or page.request.get(members).json()["members"] == []


def test_a_list_is_filled_from_a_file(owner, page, tmp_path):
    """A CSV with a column of addresses, one of them twice: each is on the list once, and whoever it belongs to is in it."""
    held = page.request.get(f"{owner.address}/api/v1/segments/recent_donors/members?limit=50").json()["members"]
    named = [one["identifier"] for one in held if one["identifier"]][:3]
    file = tmp_path / "people.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(
            [("Name", "Identifier"), *(("Smith, A.", f"{one['type']}:{one['value']}") for one in (*named, named[0]))]
        )
    owner.open("/segments")
    page.get_by_role("link", name="New list").click()
    page.get_by_label("Name").fill("Thanked by phone")
    page.get_by_role("button", name="Save, and show who would enter").click()
    page.get_by_role("button", name="Apply").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text(f"{len(named)} identifiers, the first one")).to_be_visible()
    assert owner.violations() == []
    page.get_by_role("button", name="Put on the list").click()
    expect(page.locator(".toast")).to_contain_text(f"{len(named)} identifiers read, {len(named)} new on the list")
    page.get_by_role("link", name="People", exact=True).last.click()
    rows = page.get_by_role("region", name="People in this segment").locator("tbody tr")
    expect(rows).to_have_count(len(named))
    names = sorted(one["name"] for one in held if one["identifier"] in named)
    assert sorted(rows.locator("td:first-child").all_inner_texts()) == names
    page.get_by_role("link", name="List", exact=True).click()
    page.get_by_label("Or paste them").fill(f"{named[0]['type']}:{named[0]['value']}")
    page.get_by_role("button", name="Take from the list").click()
    expect(page.locator(".toast")).to_contain_text("1 taken from the list")


def test_overlap_is_counted_and_downloaded(owner, page):
    """Each other segment, with as many people in common as the two have."""
    owner.open("/segments/recent_donors?tab=overlap")
    told = page.request.get(f"{owner.address}/api/v1/segments/overlap").json()["overlaps"]
    mine = [one for one in told if "recent_donors" in (one["a"], one["b"])]
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download as CSV").click()
    with Path(waited.value.path()).open(newline="", encoding="utf-8") as read:
        rows = list(csv.DictReader(read))
    assert {(row["Segment"], int(row["In both"])) for row in rows} == {
        (one["a"] if one["b"] == "recent_donors" else one["b"], one["both"]) for one in mine
    }
