"""Who is in a segment is what a look-up of everybody says, whatever happened, and in whatever order it was worked out."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audience_world import World, live


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(4, 40))
def test_memberships_are_what_an_evaluation_of_everybody_gives(seed: int, steps: int) -> None:
    """Events, consents, merges, splits, shared identifiers, lists, late events and time: memberships, and messages, agree."""
    live(World(), seed, steps)
