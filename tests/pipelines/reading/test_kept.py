"""What is kept of people from one reading to the next shows the same profile as reading them whole."""

import dataclasses
import itertools
from random import Random

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.profiles.events import SETTINGS, event_lists

from onefold.adapters.memory.store import MemorySnapshot
from onefold.identity.settings import IdentitySettings
from onefold.model import Identifier
from onefold.pipelines import judgements
from onefold.pipelines.reading import kept, profiles
from onefold.pipelines.stream import process
from onefold.profiles import state

RULES = IdentitySettings().declare("anonymous_id", limit=50).declare("email", shared_after=2)
NAMES = [
    *(Identifier("user_id", f"u{n}") for n in range(2)),
    *(Identifier("email", f"e{n}@x.org") for n in range(2)),
    *(Identifier("anonymous_id", f"c{n}") for n in range(4)),
]
FIELDS = {"user_id": "userId", "anonymous_id": "anonymousId"}


@st.composite
def acts(draw):
    """Batches of events, with traits and consents, and judgements between them; and whom to read after each batch."""
    number, batches = itertools.count(), []
    for _ in range(draw(st.integers(1, 6))):
        batch = []
        for _ in range(draw(st.integers(0, 3))):
            named = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique_by=lambda i: i.type))
            body = {
                "type": "identify",
                "messageId": f"m{next(number)}",
                "timestamp": workbench.iso(draw(st.integers(0, 9))),
            }
            body["traits"] = {"plan": draw(st.sampled_from("ab"))}
            for i in named:
                if i.type == "email":
                    body["traits"]["email"] = i.value
                else:
                    body[FIELDS[i.type]] = i.value
            if draw(st.booleans()):
                body["context"] = {"consent": {"categoryPreferences": {"ads": draw(st.booleans())}}}
            batch.append(body)
        said = draw(
            st.none() | st.tuples(st.sampled_from(["same", "different", "shared", "withdrawn"]), st.permutations(NAMES))
        )
        batches.append((batch, said, draw(st.sampled_from(NAMES))))
    return batches


def differs(batches):
    """Whether anybody is shown otherwise than when they are read whole."""
    context = dataclasses.replace(workbench.context(identity=RULES), clock_us=lambda: workbench.NOW_US)
    people = kept.KeptPeople()
    for batch, said, who in batches:
        context.log.append([workbench.entry(body) for body in batch])
        if said is not None:
            verdict, (a, b, *_) = said
            judgements.say(context, verdict, a, None if verdict == "shared" else b, by="ann")
        process.drain(context)
        for one in {who, NAMES[0]}:
            if people.profile(context, one) != profiles.profile(context, one):
                return True
    return False


@settings(max_examples=60, deadline=None)
@given(acts())
def test_a_kept_person_is_shown_as_one_that_is_read_whole(batches):
    """After every batch, whoever was merged, parted, refused or told about meanwhile."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept, "_FAN", 2)
        assert not differs(batches)


def stamps(how):
    told = MemorySnapshot.stamps
    return lambda self, place: [stamp._replace(**how) for stamp in told(self, place)]


def begin_once(self, rules, begin=kept.KeptPerson._begin):
    """Begin, but never anew."""
    if not hasattr(self, "_sum"):
        begin(self, rules)


PLANTED = {
    "a new state is not noticed": (MemorySnapshot, "stamps", stamps({"version": 0})),
    "neighbours are not asked": (kept, "spoken_beside", lambda *_: []),
    "who was parted stays": (kept.KeptPerson, "_begin", begin_once),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_person_that_is_out_of_date_is_caught(bug, monkeypatch):
    """The negative control: each is found by the law."""
    monkeypatch.setattr(*PLANTED[bug])
    looking = settings(max_examples=2_000, database=None, deadline=None, phases=[Phase.generate])
    assert find(acts(), differs, settings=looking, random=Random(7))


@given(event_lists(20), st.data())
def test_states_added_up_in_a_tree_add_up_to_the_same(events, data):
    """However often one of them changes on the way."""
    states = [state.empty() for _ in range(5)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept, "_FAN", 2)
        tree = kept.Sum(SETTINGS)
        for one in events:
            number = data.draw(st.integers(0, 4))
            state.fold(states[number], one, SETTINGS)
            tree.put({number: states[number]} if tree._levels[0] else dict(enumerate(states)))
    stated = [s for s in states if s.events]
    flat = state.added(stated, SETTINGS) if stated else state.empty()
    for one in (total := tree.total()), flat:
        one.consents, one.about, one.named = {}, {}, {}
    assert state.encode(total) == state.encode(flat)
