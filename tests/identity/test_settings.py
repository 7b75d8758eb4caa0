"""What holds for identifier types by default, and how a project changes it."""

import pytest

from onefold.errors import ConfigurationError
from onefold.identity.settings import UNDECLARED, IdentitySettings, IdentityType

WEEK_US = 604_800_000_000


def test_built_in_types_rank_as_documented():
    """user_id is stronger than email, phone, device and anonymous ids; a type nobody declared is between them."""
    settings = IdentitySettings()
    ranked = ["user_id", "email", "phone", "crm_id", "device_id", "anonymous_id"]
    assert [settings.priority(name) for name in ranked] == [100, 80, 70, 60, 40, 10]
    assert settings.priorities()["user_id"] == 100
    assert "crm_id" not in settings.priorities()


def test_external_id_is_another_word_for_user_id():
    """Both words name one type; every other word is itself."""
    settings = IdentitySettings()
    assert [settings.canonical(name) for name in ("external_id", "user_id", "crm_id")] == [
        "user_id",
        "user_id",
        "crm_id",
    ]


def test_a_person_has_one_user_id_for_ever_and_five_anonymous_ids_a_week():
    """The default limits are those of the design."""
    settings = IdentitySettings()
    assert settings.type("user_id").single
    assert (settings.type("anonymous_id").limit, settings.type("anonymous_id").window_us) == (5, WEEK_US)
    assert not settings.type("anonymous_id").single


def test_a_unique_type_is_limited_to_one_for_ever():
    """`unique` overrules whatever limit and window stand beside it."""
    kind = IdentityType("donor_id", 90, limit=1, window_us=5, unique=True)
    assert (kind.limit, kind.window_us, kind.single) == (1, None, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": 101},
        {"priority": -1},
        {"priority": 5, "limit": 0},
        {"priority": 5, "window_us": 10},
        {"priority": 5, "limit": 1, "window_us": 0},
        {"priority": 5, "shared_after": 1},
    ],
)
def test_numbers_out_of_range_are_refused(wrong):
    """A type that could not work is a configuration error that names the type."""
    with pytest.raises(ConfigurationError, match="`loyalty_id`"):
        IdentityType("loyalty_id", **wrong)


def test_declaring_changes_only_what_is_stated():
    """What a project leaves out keeps its default; other types and the old settings stay as they are."""
    before = IdentitySettings()
    after = before.declare("email", limit=3)
    assert after.type("email") == IdentityType("email", 80, limit=3, shared_after=3, normaliser="email")
    assert after.type("phone") == before.type("phone")
    assert before.type("email").limit == 5


def test_declaring_a_new_type_starts_from_undeclared():
    """A project's own type has the defaults of undeclared ones, and an alias means the type it stands for."""
    settings = IdentitySettings().declare("crm_id", unique=True).declare("external_id", priority=99)
    assert settings.type("crm_id") == IdentityType("crm_id", UNDECLARED.priority, unique=True)
    assert settings.type("user_id").priority == 99


def test_a_limit_without_a_window_holds_for_ever():
    """Stating a limit alone drops the default window; stating both keeps both."""
    settings = IdentitySettings()
    assert settings.declare("anonymous_id", limit=9).type("anonymous_id").window_us is None
    assert settings.declare("anonymous_id", limit=9, window_us=7).type("anonymous_id").window_us == 7
    assert settings.declare("anonymous_id", priority=11).type("anonymous_id").window_us == WEEK_US


def test_version_tells_settings_apart():
    """Equal settings have equal versions, and any change shows."""
    one = IdentitySettings()
    others = [
        one.declare("email", limit=4),
        IdentitySettings(default_region="DE"),
        IdentitySettings(blocked_values=frozenset({"x"})),
    ]
    assert one.version == IdentitySettings().version
    assert len({one.version, *(other.version for other in others)}) == 4
