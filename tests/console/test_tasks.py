"""What people come to the console for, done as they do it: by keyboard where that is the way."""

import csv
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from tests.console.visitor import Visitor

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]


def test_a_person_is_found_split_and_made_whole_again(owner, page):
    """Ctrl-K and an identifier open a person; a split makes two people, and the undo beside the message makes them one."""
    owner.open("/people")
    page.locator("tbody tr a").first.wait_for()
    # Somebody of several identifiers, whom a split can divide.
    page.goto(f"{owner.address}/people?q=web-")
    page.locator("tbody tr a").first.click()
    page.get_by_role("navigation", name="Of this person").wait_for()
    named = page.locator("header .mono").inner_text()
    path = page.url
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill(named)
    page.get_by_role("option").filter(has_text="Person").first.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator("header .mono")).to_have_text(named)
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Split…").click()
    page.get_by_label("Reason").fill("two people at one address")
    page.get_by_role("button", name="Split", exact=True).click()
    expect(page.locator(".toast").filter(has_text="two people")).to_be_visible()
    expect(page.get_by_role("region", name="Judgements")).to_contain_text("two people at one address")
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(page.locator(".toast").filter(has_text="Withdrawn")).to_be_visible()
    page.goto(path)
    expect(page.locator("header .mono")).to_have_text(named)


def test_why_two_identifiers_are_one_person(owner, page):
    """From a person's identifiers to the path of evidence, with its weakest link."""
    owner.open("/people?q=web-")
    page.locator("tbody tr a").first.click()
    page.get_by_role("link", name="Identifiers").click()
    page.get_by_role("link", name="Why this is the same person").last.click()
    expect(page.get_by_text("One person", exact=True)).to_be_visible()
    assert page.get_by_role("list", name="Path of evidence").locator(".end").count() >= 2
    # The demo's identity.yaml has two uses: by exact identifiers they are one person for both.
    uses = page.get_by_role("list", name="By use").get_by_role("listitem")
    expect(uses).to_have_text([re.compile("major donors.*one person.*90 %"), re.compile("marketing.*one person.*80 %")])
    owner.open("/people")
    rows = page.locator("tbody tr")
    some = [rows.nth(n).locator(".mono").first.inner_text() for n in (0, 1)]
    asked = f"a={quote(some[0])}&b={quote(some[1])}"
    told = page.request.get(f"{owner.address}/api/v1/explain/uses?{asked}").json()["uses"]
    assert not told[0]["one_person"]
    page.goto(f"{owner.address}/why?{asked}")
    verdicts = ["one person" if one["one_person"] else "two people" for one in told]
    expect(uses).to_have_text([re.compile(f"major donors.*{verdicts[0]}"), re.compile(f"marketing.*{verdicts[1]}")])


def test_keys_lead_everywhere(owner, page):
    """G and a letter open a screen; J, K and Enter open a row; a letter in a field is only a letter."""
    owner.open("/segments")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.get_by_role("heading", name="Sources", exact=True).wait_for()
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.get_by_role("heading", name="Segments", exact=True).wait_for()
    rows = page.locator("tbody tr")
    rows.first.wait_for()
    second = rows.nth(1).locator("a").first.inner_text()
    for key in "jjjk":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(second)
    owner.open("/people")
    page.get_by_role("searchbox").fill("")
    page.get_by_role("searchbox").press_sequentially("gs")
    expect(page.get_by_role("searchbox")).to_have_value("gs")
    expect(page.get_by_role("heading", level=1)).to_have_text("People")


def test_a_table_is_downloaded(owner, page):
    """What a spreadsheet opens has what the table shows, and no formula."""
    owner.open("/people")
    shown = page.locator("tbody tr").count()
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download as CSV").click()
    with Path(waited.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][:2] == ["Name", "Identifier"]
    assert len(rows) == shown + 1
    assert not [cell for row in rows for cell in row if re.match(r"[=@]|[+-]\D", cell)]


def test_the_json_twin_says_the_same(owner, page):
    """The link below a screen leads to the same facts, for the same session."""
    owner.open("/segments")
    twin = page.get_by_role("link", name="This as JSON").get_attribute("href")
    told = json.loads(page.request.get(owner.address + twin).body())
    listed = [name.replace(" ", "_") for name in page.locator("tbody tr td:first-child a").all_inner_texts()]
    assert sorted(listed) == sorted(one["slug"] for one in told["segments"])


def test_a_segment_is_built_saved_and_applied(owner, page):
    """A condition is chosen and counted, the rule saved, what would change shown; applying it has just that effect."""
    owner.open("/builder")
    page.get_by_label("Field").select_option("purchases")
    page.get_by_label("Value").fill("1")
    counted = page.locator(".card .figure")
    counted.wait_for()
    page.get_by_text("Some of them").wait_for()
    expect(page.get_by_text("People for whom purchases is at least 1.")).to_be_visible()
    many = counted.inner_text()
    assert owner.violations() == []
    assert "purchases" in page.url, "the rule is not in the URL"
    page.get_by_label("Name").fill("Everybody who gave")
    page.get_by_role("button", name="Save, and show who would enter").click()
    expect(page.get_by_text(f"{many} enter")).to_be_visible()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("everybody who gave")
    expect(page.locator("main strong", has_text=f"{many} ")).to_be_visible()
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download everybody as CSV").click()
    with Path(waited.value.path()).open(newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == int(many) + 1


def test_a_pair_is_decided_by_keys_and_taken_back(owner, page):
    """Two identifiers that nobody could tell apart by rule: N decides, the next pair is there at once, U takes it back."""
    owner.open("/review")
    opened = page.request.get(f"{owner.address}/api/v1/review/pairs?limit=1").json()["counts"]["open"]
    if opened == 0:
        expect(page.get_by_text("Nothing waits for a decision")).to_be_visible()
        return
    assert owner.violations() == []
    owner.shot("review")
    first = page.locator(".side a").first.inner_text()
    page.keyboard.press("n")
    expect(page.locator(".toast")).to_contain_text("Different people")
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_contain_text("Taken back")
    expect(page.locator(".side a").first).to_have_text(first)
    after = page.request.get(f"{owner.address}/api/v1/review/pairs?limit=1").json()["counts"]["open"]
    assert after == opened


def test_a_cell_of_the_rfm_grid_opens_its_people(owner, page):
    """As many as the cell says."""
    owner.open("/rfm")
    cell = page.locator(".grid5 a.cell").first
    people = int(cell.inner_text())
    cell.click()
    page.get_by_role("heading", name="People", exact=True).wait_for()
    expect(page.locator("tbody tr")).to_have_count(people)


def test_a_dead_letter_is_sent_again(owner, page):
    """It is told why it was rejected; sent again, it is open no more."""
    owner.open("/dead-letters")
    before = page.locator("tbody tr").count()
    page.locator("tbody tr button").first.click()
    page.get_by_role("button", name="Send it again").click()
    expect(page.locator(".toast").filter(has_text="Sent again")).to_be_visible()
    page.get_by_label("Status").select_option("replayed")
    expect(page.locator("tbody tr").first).to_contain_text("replayed")
    assert before > 0


def test_an_event_shows_live(owner, page):
    """What comes in is on the screen by itself; paused, the screen says so."""
    owner.open("/live")
    expect(page.get_by_text("Listening")).to_be_visible()
    # What came before the page was opened is there, too; out of the way, only what is new shows.
    page.locator(".event").first.wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".event")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    # A dead letter sent again is an entry like any other.
    letters = page.request.get(f"{owner.address}/api/v1/dead-letters?status=open&limit=1").json()["dead_letters"]
    sent = page.request.post(
        f"{owner.address}/api/v1/dead-letters/{letters[0]['offset']}/replay", headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert sent.status == 202, sent.text()
    expect(page.locator(".event").first).to_contain_text(letters[0]["source"])
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused")).to_be_visible()


def test_nothing_personal_stays_in_the_browser(owner, page):
    """After people were looked at, the browser's storage has the theme at most."""
    owner.open("/people")
    page.locator("tbody tr a").first.click()
    page.get_by_role("navigation", name="Of this person").wait_for()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert set(json.loads(stored)[0]) <= {"mantine-color-scheme-value"}
    assert "@" not in stored


@pytest.fixture
def stranger(served, browser):
    """Somebody who is not signed in."""
    visitor = Visitor(browser, served[0])
    yield visitor
    visitor.close()


def test_an_account_signs_in_and_sees_its_part(owner, page, stranger):
    """Who is not signed in is asked to; a link made under Settings makes a marketer, who has no dead letters in the menu."""
    stranger.page.goto(f"{stranger.address}/segments")
    stranger.page.get_by_role("heading", name="Sign in to Onefold").wait_for()
    assert stranger.violations() == []
    owner.open("/settings")
    page.get_by_label("Add an account").fill("mia@example.org")
    page.get_by_role("button", name="Add", exact=True).click()
    stranger.page.goto(page.locator("code", has_text="/setup#").inner_text())
    stranger.page.locator("input[type=password]").fill("another long sentence")
    stranger.page.get_by_role("button", name="Set the password and sign in").click()
    menu = stranger.page.get_by_role("navigation", name="Main")
    menu.get_by_role("link", name="Segments").wait_for()
    assert menu.get_by_role("link", name="Dead letters").count() == 0
    menu.get_by_role("button", name="Sign out").click()
    stranger.page.get_by_label("Name or e-mail address").fill("mia@example.org")
    stranger.page.locator("input[type=password]").fill("not the password")
    stranger.page.get_by_role("button", name="Sign in").click()
    expect(stranger.page.get_by_role("alert")).to_contain_text("wrong")
    stranger.page.locator("input[type=password]").fill("another long sentence")
    stranger.page.get_by_role("button", name="Sign in").click()
    stranger.page.get_by_role("heading", name="Home").wait_for()
