"""A file is brought to the console: seen as what it would become, corrected, loaded, and found again as people."""

import pytest
from playwright.sync_api import expect
from tests.console.test_screens import examined

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]

ROWS = "Member,E-Mail,Given Name,Shoe,Note\n" + "".join(
    f"m{n},member{n}@example.org,Ida,{36 + n},note {n}\n" for n in range(12)
)
FILE = {
    "name": "members.csv",
    "mimeType": "text/csv",
    "buffer": (ROWS + 'm12,"member12@example.org,Ida,40,\n').encode(),
}


def test_a_file_is_previewed_corrected_and_loaded(owner, page):
    """What rows would become is shown before anything counts; a column is left out, and is not in what was loaded."""
    owner.open("/sources")
    page.get_by_role("link", name="Load a file").click()
    page.get_by_role("heading", name="Load a file").wait_for()
    page.locator("input[type=file]").set_input_files([FILE])
    rows = page.get_by_role("region", name="First rows").locator("tbody tr")
    expect(rows.first).to_contain_text("email: member0@example.org")
    expect(rows.last).to_contain_text("Dead letter")
    page.get_by_label("What Note is").select_option("none")
    expect(rows.first).not_to_contain_text("note note 0")
    page.get_by_label("What Shoe is").select_option("property")
    page.get_by_label("Name of Shoe").fill("size")
    page.get_by_label("Name of Shoe").press("Enter")
    expect(rows.first).to_contain_text("size 36")
    assert examined(owner, "upload") == []
    owner.look("light", (1280, 900))
    page.get_by_label("Source").fill("members")
    page.get_by_label("Source").press("Enter")
    told = page.get_by_role("region", name="What became of it")
    expect(told).to_contain_text("Loaded")
    expect(told).to_contain_text("13 rows of members.csv taken into members; 1 of them could not be read")
    expect(told).to_contain_text("stored 12")
    owner.shot("upload-loaded")
    assert owner.violations() == []
    found = page.request.get(f"{owner.address}/api/v1/profiles/email:member3@example.org").json()
    assert found["attributes"].keys() >= {"first_name"}
    assert not found["attributes"].keys() & {"note", "shoe"}
    told.get_by_role("link", name="Mend the dead letters").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_file_that_nobody_can_read_is_refused_with_what_to_do(owner, page):
    """A PDF is no table; the screen says so, and another file can be chosen."""
    owner.open("/upload")
    page.locator("input[type=file]").set_input_files(
        [{"name": "people.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 nothing"}]
    )
    expect(page.get_by_role("alert")).to_contain_text("export the table as CSV")
    owner.faults.clear()  # the browser tells the 422
    page.locator("input[type=file]").set_input_files([FILE])
    expect(page.get_by_role("region", name="Columns").locator("tbody tr")).to_have_count(5)
