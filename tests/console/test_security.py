"""What comes in is text wherever it is shown: a corpus of hostile strings in every field, on every screen."""

import base64
import json

import pytest
from playwright.sync_api import expect
from tests.console.test_screens import TABS

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]

RUN = "window.hostile=1"
CORPUS = (
    f"<img src=x onerror={RUN}>",
    f"<script>{RUN}</script>",
    f'"><svg onload={RUN}>',
    f"javascript:{RUN}",
    f"';{RUN};//",
    "{{constructor.constructor('window.hostile=1')()}}",
    "${window.hostile=1}",
    f"<a href=javascript:{RUN}>here</a>",
    "__CSP_NONCE__",
    '=HYPERLINK("http://other.example/","here")',
    "\u202e<b>\x00\ufeff",
)


@pytest.fixture
def planted(owner, page):
    """A person, a segment, an account, a ruling and rejected items with the corpus wherever there is a text."""
    ours = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}

    def ask(method, path, said, status=(200, 201), **headers):
        answer = page.request.fetch(
            f"{owner.address}{path}", method=method, data=json.dumps(said), headers=ours | headers
        )
        assert answer.status in status, (path, answer.text())
        return answer

    key = ask("POST", "/api/v1/keys", {"source": "website"}).json()["key"]
    sign = {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
    who = {"userId": "hostile-1", "anonymousId": CORPUS[0]}
    items = [
        {"type": "identify", **who, "traits": {
            "first_name": CORPUS[0], "last_name": CORPUS[1], "name": CORPUS[2], "email": "hostile@example.org",
            "website": CORPUS[3], **{text: text for text in CORPUS},
        }},
        *({"type": "track", **who, "event": text, "properties": {"label": text, text: [text]},
           "context": {"page": {"url": text, "referrer": text, "title": text}, "userAgent": text}} for text in CORPUS),
        {"type": "page", **who, "name": CORPUS[1], "properties": {"url": CORPUS[3], "title": CORPUS[0]}},
        {"type": CORPUS[0], **who, "event": CORPUS[1]},
        {"type": "alias", "userId": "hostile-1", "previousId": CORPUS[2]},
    ]  # fmt: skip
    for number, item in enumerate(items):
        item["messageId"] = f"hostile-{number}"
    ask("POST", "/v1/batch", {"batch": items}, **sign)
    owner.until(
        "fetch('/api/v1/profiles/user_id:hostile-1').then((answer) => answer.ok && answer.json())"
        f".then((told) => told && told.counters.events >= {len(CORPUS)})"
    )
    ask("PUT", "/api/v1/segments/hostile/definition",
        {"rule": f"attr.first_name = '{CORPUS[0]}'", "description": CORPUS[1], "owner": CORPUS[0], "tags": [CORPUS[2]]},
        **{"If-None-Match": "*"})  # fmt: skip
    ask("POST", "/api/v1/accounts", {"name": CORPUS[0], "role": "read-only"})
    said = {"verdict": "share", "a": {"type": "anonymous_id", "value": CORPUS[0]}, "reason": CORPUS[1]}
    ask("POST", "/api/v1/judgements", said)
    return page.request.get(f"{owner.address}/api/v1/profiles/user_id:hostile-1").json()["id"]


def test_nothing_that_came_in_runs(owner, page, planted):
    """No screen runs any of it, and the policy has nothing to report."""
    paths = [
        "/", "/people", "/segments", "/settings", "/dead-letters", "/sources", "/glossary?term=" + CORPUS[0],
        *(f"/people/{planted}?tab={tab}" for tab in TABS),
        "/segments/hostile?tab=definition",
        f"/sign-in?to=javascript:{RUN}",
    ]  # fmt: skip
    shown = 0
    for path in paths:
        page.goto(owner.address + path)
        page.get_by_role("heading", level=1).wait_for()
        if "sign-in" not in path:
            owner.settle()
        shown += page.locator("body").inner_text().count("window.hostile")
        assert page.evaluate("window.hostile") is None, path
    assert shown > 3 * len(CORPUS), "the corpus is hardly on the screens"
    # What a rule or an identifier of a URL refuses is answered so, which the browser's console tells.
    assert [one for one in owner.faults if "status of 4" not in one] == []
    owner.faults.clear()


def test_what_would_run_is_reported(owner, page):
    """Control: as markup, the same strings are held back by the policy, and that is told."""
    owner.open("/glossary")
    page.evaluate("(text) => document.querySelector('main').insertAdjacentHTML('beforeend', text)", CORPUS[0])
    owner.until("document.querySelector('main img').complete")
    assert page.evaluate("window.hostile") is None
    assert any("Content Security Policy" in one for one in owner.faults), owner.faults
    owner.faults.clear()


def test_a_session_planted_before_signing_in_is_not_taken_over(served, browser, owner):
    """Who plants a cookie is not signed in by whoever signs in with it: the session has another token from then on."""
    context = browser.new_context()
    host = served[0].partition("://")[2].partition(":")[0]
    context.add_cookies([{"name": "onefold_session", "value": "planted", "domain": host, "path": "/"}])
    page = context.new_page()
    page.goto(f"{served[0]}/sign-in")
    page.get_by_label("Name or e-mail address").fill("owner@example.org")
    page.locator("input[type=password]").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    (cookie,) = [one for one in context.cookies() if one["name"] == "onefold_session"]
    assert cookie["value"] != "planted"
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    context.close()
