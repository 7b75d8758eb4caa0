"""Data as people look after it in the console: tables, their lineage, checks and what they hold."""

import csv
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]


def test_a_table_is_browsed_filtered_and_downloaded(owner, page):
    """By keys to the tables and into one; a filter leaves the rows that contain it, and the file has just those."""
    owner.open("/tables")
    page.get_by_role("searchbox").fill("golden.identity")
    expect(page.locator("tbody tr a").first).to_have_text("golden.identity")
    page.locator("main h1").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("golden.identity")
    page.get_by_label("Rows that contain").fill("web-")
    page.wait_for_url("**q=web-*")
    owner.settle()
    rows = page.get_by_role("region", name="Rows of golden.identity").locator("tbody tr")
    expect(rows.first).to_contain_text("web-")
    shown = rows.count()
    with page.expect_download() as waited:
        page.get_by_role("link", name="Download as CSV").click()
    with Path(waited.value.path()).open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert all("web-" in " ".join(line.values()) for line in lines)
    assert min(len(lines), 50) == shown


def test_the_lineage_of_a_column_is_drawn_and_kept(owner, page):
    """From the column back to the files of the sources; the drawing is kept as SVG."""
    owner.open("/tables/golden/profile?tab=columns")
    page.get_by_role("button", name="Lineage of attributes").click()
    page.get_by_label("Member of attributes").fill("email")
    expect(page.get_by_role("region", name="Links")).to_contain_text("source donors")
    with page.expect_download() as waited:
        page.get_by_role("button", name="SVG").click()
    drawing = ET.parse(waited.value.path())  # noqa: S314  the console made it
    assert "attributes.email" in "".join(drawing.getroot().itertext())
    assert "var(--" not in Path(waited.value.path()).read_text(encoding="utf-8")


def test_checks_are_run_and_a_failing_one_leads_to_its_rows(owner, page):
    """Before a run the checks say so; after it each has a state, and what fails is first."""
    owner.open("/quality")
    page.get_by_role("button", name="Run the checks").click()
    expect(page.locator(".toast")).to_contain_text("checks run")
    expect(page.locator("tbody tr").first).not_to_contain_text("not run")
    told = page.request.get(f"{owner.address}/api/v1/checks").json()["checks"]
    worst = told[0]
    page.locator("tbody tr button").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text(worst["asks"])
    expect(drawer.get_by_role("region", name="Runs")).to_contain_text(worst["runs"][0]["status"])
    assert owner.violations() == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Quarantine").click()
    owner.settle()
    held = page.request.get(f"{owner.address}/api/v1/quarantine").json()
    if held["total"]:
        expect(page.get_by_role("region", name="Quarantine").locator("tbody tr")).to_have_count(len(held["rows"]))
    else:
        expect(page.get_by_text("No row is held")).to_be_visible()


def test_a_rule_is_tried_applied_and_undone(owner, page):
    """Who would move is said before anything counts; applied, the segment has just those; Undo puts it back."""

    def members():
        return page.request.get(f"{owner.address}/api/v1/segments/recent_donors").json()["members"]

    before = members()
    owner.open("/what-if")
    page.get_by_label("Segment").select_option("recent_donors")
    rule = page.get_by_role("textbox", name="Rule")
    expect(rule).not_to_have_value("")
    rule.fill(f"({rule.input_value()}) or events >= 1")
    entering = page.locator(".card", has_text="would enter").locator(".figure")
    expect(entering).not_to_have_text("0")
    more = int(entering.inner_text().replace(",", ""))
    assert "rule=" in page.url, "the rule is not in the URL"
    assert members() == before
    page.get_by_role("button", name="Save, and see every segment that changes").click()
    expect(page.get_by_role("region", name="Segments that change")).to_contain_text("recent donors")
    assert members() == before
    page.get_by_role("button", name="Apply", exact=True).click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("holds with the new rule")
    wait_until(page, lambda: members() == before + more)
    toast.get_by_role("button", name="Undo").click()
    expect(toast).to_contain_text("Undone")
    wait_until(page, lambda: members() == before)


def wait_until(page, so):
    """Until it is so; the evaluator settles memberships beside the server."""
    until = time.monotonic() + 60
    while not so():
        assert time.monotonic() < until
        page.wait_for_timeout(200)
