"""Each screen opens without an error, is accessible in both themes and at both widths, and fits a telephone."""

import pytest
from tests.console.visitor import NARROW, WIDE

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(280)]

SCREENS = {
    "home": "/",
    "people": "/people",
    "segments": "/segments",
    "segment": "/segments/lapsed_donors",
    "growth": "/segments/lapsed_donors?tab=growth",
    "versions": "/segments/lapsed_donors?tab=versions",
    "overlap": "/segments/lapsed_donors?tab=overlap",
    "list": "/segments/do_not_contact?tab=list",
    "builder": "/builder?segment=active_buyers",
    "review": "/review",
    "pattern": "/review?status=pattern",
    "agreement": "/review?status=agreement",
    "households": "/households",
    "why": "/why",
    "what-if": "/what-if?segment=active_buyers&rule=purchases+%3E%3D+2",
    "traits": "/traits",
    "rfm": "/rfm",
    "sources": "/sources",
    "live": "/live",
    "dead-letters": "/dead-letters",
    "quality": "/quality",
    "quarantine": "/quality?tab=quarantine",
    "tables": "/tables",
    "table": "/tables/golden/identity",
    "columns": "/tables/golden/profile?tab=columns",
    "lineage": "/tables/golden/profile?tab=lineage&column=attributes.email",
    "sql": "/sql?sql=SELECT+stage%2C+count(*)+AS+people+FROM+golden.profile+GROUP+BY+stage",
    "settings": "/settings",
    "glossary": "/glossary?term=dead+letter",
}
TABS = ("attributes", "timeline", "identifiers", "graph", "segments", "consents", "history")
LOOKS = [(theme, size) for theme in ("light", "dark") for size in (WIDE, NARROW)]


def examined(owner, name):
    """Everything that is wrong with the screen as it is, in each theme and width."""
    open_tabs = owner.page.locator(".tabs [aria-current=page]").count()
    wrong = [f"{open_tabs} tabs are open"] if open_tabs > 1 else []
    for theme, size in LOOKS:
        owner.look(theme, size)
        owner.settle()
        owner.shot(f"{name}-{theme}-{size[0]}")
        wrong += [f"{theme} {size[0]}: {one}" for one in owner.violations()]
        if owner.too_wide() > 0:
            wrong.append(f"{theme} {size[0]}: {owner.too_wide()} px too wide")
    return wrong


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_accessible(owner, page, name):
    """Axe finds nothing, nothing is wider than the window, and the console of the browser stays empty."""
    owner.open(SCREENS[name])
    assert examined(owner, name) == []


def test_the_page_of_a_person_is_accessible(owner, page):
    """So are all tabs of a person."""
    owner.open("/people")
    page.locator("tbody tr a").first.click()
    page.get_by_role("navigation", name="Of this person").wait_for()
    path = page.url.removeprefix(owner.address).partition("?")[0]
    wrong = []
    for tab in TABS:
        owner.open(f"{path}?tab={tab}")
        wrong += [f"{tab}: {one}" for one in examined(owner, f"person-{tab}")]
        owner.look("light", WIDE)
    assert wrong == []


def test_what_is_wrong_is_found(owner, page):
    """Control: a field without a label, something too wide, and an error of a script are told."""
    owner.open("/glossary")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<input><div id=wide></div>');"
        "Object.assign(document.getElementById('wide').style, {width: '3000px', height: '9px'}); console.error('planted')"
    )
    assert any(one.startswith("label:") for one in owner.violations())
    assert owner.too_wide() > 0
    assert any("planted" in one for one in owner.faults)
    owner.faults.clear()
    page.evaluate("const image = new Image(); image.src = 'data:,'; fetch('http://other.example/').catch(() => 0)")
    assert owner.faults, "the policy lets requests to other hosts pass"
    owner.fresh()
