"""Bounds: a profile says that it holds as much as it may."""

from tests.profiles.events import MINUTE_US, SETTINGS, event

from onefold.governance.consent import Spoken
from onefold.model import GroupStatement
from onefold.profiles import state
from onefold.profiles.fullness import full


def told(*events):
    total = state.empty()
    for one in events:
        state.fold(total, one, SETTINGS)
    return full(total, (Spoken(b"a", total.consents, total.about),), SETTINGS)


def test_what_is_full_is_told():
    """As soon as more would not be kept."""
    assert told(event(1, traits={f"f{n}": "x" for n in range(7)})) == ()
    assert told(event(1, traits={f"f{n}": "x" for n in range(9)})) == ("traits",)
    assert told(event(1, traits={f"f{n}": "x" * 1_000 for n in range(3)})) == ("traits",)
    assert told(event(1, consents={f"p{n}": True for n in range(9)})) == ("consents",)


def test_so_is_what_else_a_node_holds():
    """Values stated once, clears, groups and their traits, visits, currencies."""
    assert told(event(1, once={f"f{n}": "x" for n in range(3)})) == ()
    assert told(event(1, once={f"f{n}": "x" for n in range(5)})) == ("traits_once",)
    assert told(event(1, cleared=tuple(f"f{n}" for n in range(5)))) == ("cleared",)
    assert told(event(1, groups=tuple(GroupStatement("team", f"g{n}") for n in range(7)))) == ("groups",)
    assert told(event(1, groups=(GroupStatement("team", "g", {f"f{n}": 1 for n in range(5)}),))) == ("groups",)
    assert told(*(event(n, n * 99 * MINUTE_US) for n in range(9))) == ("sessions",)
    bought = [{"revenue": 1, "currency": code} for code in ("EUR", "GBP", "CHF", "SEK", "NOK")]
    assert told(*(event(n, name="Order Completed", properties=p) for n, p in enumerate(bought))) == ("currencies",)
