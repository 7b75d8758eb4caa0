"""What stewards do: the graph of a person, pairs by pattern, and a second reviewer."""

import re

import pytest
from playwright.sync_api import expect
from tests.console.visitor import Visitor

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]


def counts(owner, page):
    """How many pairs there are."""
    return page.request.get(f"{owner.address}/api/v1/review/pairs?limit=1").json()["counts"]


def told(visitor, what):
    """Wait until this is true of the statistics."""
    asked = f"fetch('/api/v1/review/stats').then((answer) => answer.json()).then((stats) => stats.{what})"
    visitor.until(asked)


def test_the_graph_of_a_person_by_keyboard(owner, page):
    """An identifier chosen by Tab and Enter has its evidence in the table; plus, arrows and 0 move the picture."""
    owner.open("/people?q=web-")
    page.locator("tbody tr a").first.click()
    page.get_by_role("link", name="Graph").click()
    graph = page.get_by_role("group", name="The graph")
    graph.wait_for()
    owner.settle()
    id_ = page.url.partition("?")[0].rpartition("/")[2]
    told = page.request.get(f"{owner.address}/api/v1/profiles/id/{id_}/graph").json()
    nodes = graph.get_by_role("button")
    expect(nodes).to_have_count(len(told["nodes"]))
    rows = page.get_by_role("region", name="Evidence").locator("tbody tr")
    expect(rows).to_have_count(len(told["edges"]))
    graph.focus()
    whole = graph.get_attribute("viewBox")
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    expect(graph).to_have_attribute("data-scale", "1.25")
    page.keyboard.press("0")
    expect(graph).to_have_attribute("viewBox", whole)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    first = told["nodes"][0]
    expect(nodes.first).to_have_attribute("aria-pressed", "true")
    mine = [edge for edge in told["edges"] if first["node"] in (edge["a"], edge["b"])]
    expect(rows).to_have_count(len(mine))
    assert owner.violations() == []


def test_pairs_are_decided_by_pattern_and_taken_back_as_one(owner, page):
    """The preview says how many; exactly those are decided, and one undo takes all of them back."""
    before = counts(owner, page)["open"]
    owner.open("/review?status=pattern")
    page.get_by_label("Most probability").fill("100")
    said = page.locator("p", has_text="open pair")
    expect(said).to_contain_text("probability at most 1")
    many = int(re.search(r"\d+", said.inner_text())[0])
    assert 0 < many <= before
    owner.shot("review-pattern")
    assert owner.violations() == []
    page.get_by_label("They are").select_option("unsure")
    page.get_by_label("Reason").fill("all at once")
    page.get_by_role("button", name=f"Decide {many} ").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("decided")
    assert counts(owner, page)["open"] == before - many
    toast.get_by_role("button", name="Undo").click()
    expect(toast).to_contain_text("Taken back")
    assert counts(owner, page)["open"] == before


@pytest.fixture
def steward(owner, page, served, browser):
    """A second reviewer, of an account of their own."""
    visitor = Visitor(browser, served[0])
    owner.open("/settings")
    page.get_by_label("Add an account").fill("sam@example.org")
    page.get_by_label("Role", exact=True).select_option("steward")
    page.get_by_role("button", name="Add", exact=True).click()
    visitor.page.goto(page.locator("code", has_text="/setup#").inner_text())
    visitor.page.locator("input[type=password]").fill("another long sentence")
    visitor.page.get_by_role("button", name="Set the password and sign in").click()
    visitor.page.get_by_role("navigation", name="Main").wait_for()
    yield visitor
    visitor.close()


def test_a_second_reviewer_answers_without_seeing_the_first(owner, page, steward):
    """What one decided waits for another, unsaid; both answers then count for the agreement."""
    owner.open("/review")
    page.locator(".side").wait_for()
    page.keyboard.press("n")
    expect(page.locator(".toast")).to_contain_text("Different people")
    told(owner, "counts.decided === 1")
    steward.open("/review?status=second")
    steward.page.locator(".side").wait_for()
    assert "owner@example.org" not in steward.page.locator("main").inner_text()
    steward.page.keyboard.press("n")
    expect(steward.page.locator(".toast")).to_contain_text("Different people")
    told(steward, "answered_twice === 1")
    owner.open("/review?status=agreement")
    expect(page.get_by_text("Of 1 pair that two people answered, 1 got the same answer")).to_be_visible()
    expect(page.get_by_role("region", name="Agreement of reviewers").locator("tbody tr")).to_have_count(1)
    owner.shot("review-agreement")
    assert owner.violations() == []
    undone = steward.page.request.post(
        f"{owner.address}/api/v1/review/undo", data={}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert undone.status == 201, undone.text()


def test_the_next_pair_is_there_before_the_answer(owner, page):
    """While the server has not answered a decision, the next pair is shown already."""
    owner.open("/review")
    first = page.locator(".side").inner_text()
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/v1/review/decisions", hold)
    page.keyboard.press("n")
    expect(page.locator(".side")).not_to_have_text(first, use_inner_text=True)
    page.locator(".toast").wait_for()
    assert len(held) == 1
    held[0].abort()
    page.unroute("**/api/v1/review/decisions")
    expect(page.locator(".toast")).to_contain_text("does not answer")
    owner.faults.clear()
