"""Sessions: signing in and out, what the cookie is worth, where it may come from, and one-time links."""

import contextlib
import os

import pytest
from tests.serving.edge import Edge, bearer

from onefold.adapters.memory.accounts import MemoryAccountStore
from onefold.adapters.sqlite.accounts import SqliteAccountStore
from onefold.errors import NotFoundError, UnauthorizedError, UsageError
from onefold.governance import accounts, passwords
from onefold.serving import sessions

PASSWORD = "correct horse battery"
OURS = {"Sec_Fetch_Site": "same-origin"}
LINK = {"verdict": "link", "a": {"type": "user_id", "value": "ann"}, "b": {"type": "email", "value": "a@b.test"}}
JSON = {"Content_Type": "application/json"}


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """Hashes that cost little; the parameters are tested by themselves."""
    monkeypatch.setattr(passwords, "_MEMORY_KIB", 64)
    monkeypatch.setattr(passwords, "_PASSES", 1)


@pytest.fixture
def edge():
    with Edge() as made:
        made.main.know("ann")
        yield made


def account(edge, name="ann@example.org", role="owner", workspace="main"):
    _, token = accounts.add(
        edge.accounts, workspace=workspace, name=name, role=role, now_us=edge.clock_us, random=edge.random.randbytes
    )
    return accounts.set_up(
        edge.accounts, token, name=None, password=PASSWORD, now_us=edge.clock_us, random=edge.random.randbytes
    )


def sign_in(edge, name="ann@example.org", password=PASSWORD, cookie=None, **headers):
    sent = {"name": name, "password": password}
    more = {} if cookie is None else {"Cookie": cookie}
    return edge.send("POST", "/api/v1/session", sent, **JSON, **(headers or OURS), **more)


def cookie_of(answer):
    return answer.headers["set-cookie"].partition(";")[0]


def test_a_session_opens_what_its_role_may(edge):
    """Signed in, the cookie does for an owner what a steward's key does; signed out it does nothing."""
    account(edge)
    answer = sign_in(edge)
    assert (answer.status, answer.json["role"], answer.json["kind"]) == (200, "owner", "account")
    cookie = cookie_of(answer)
    assert edge.send("GET", "/api/v1/profiles/user_id:ann", Cookie=cookie).status == 200
    assert edge.send("GET", "/api/v1/me", Cookie=f"other=1; {cookie}").json["name"] == "ann@example.org"
    assert edge.send("POST", "/api/v1/judgements", LINK, Cookie=cookie, **OURS, **JSON).status == 201
    assert edge.main.said[0][3].startswith("ann@example.org (")
    gone = edge.send("DELETE", "/api/v1/session", Cookie=cookie, **OURS)
    assert (gone.status, gone.json) == (200, {"ended": 1})
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert edge.send("GET", "/api/v1/me", Cookie=cookie).status == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(edge):
    """HttpOnly and SameSite; over TLS also Secure, under a name that no other host can set."""
    account(edge)
    plain = sign_in(edge).headers["set-cookie"]
    assert plain.startswith("onefold_session=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(plain.split("; "))
    proxied = edge.send(
        "POST", "/api/v1/session", {"name": "ann@example.org", "password": PASSWORD}, peer="127.0.0.1",
        X_Forwarded_Proto="https", **JSON, **OURS,
    )  # fmt: skip
    assert proxied.headers["set-cookie"].startswith("__Host-onefold_session=")
    assert "; Secure" in proxied.headers["set-cookie"]
    unprefixed = proxied.headers["set-cookie"].partition(";")[0].removeprefix("__Host-")
    over_tls = {"peer": "127.0.0.1", "X_Forwarded_Proto": "https"}
    assert edge.send("GET", "/api/v1/me", Cookie=unprefixed, **over_tls).status == 401


FOREIGN = (
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site", "Origin": "http://localhost"},
    {"Sec_Fetch_Site": "none"},
    {"Origin": "http://evil.test", "Host": "console.test"},
    {"Origin": "null", "Host": "console.test"},
    {"Origin": "https://console.test", "Host": "console.test"},
    {},
)


@pytest.mark.parametrize("headers", FOREIGN)
def test_pages_of_other_sites_change_nothing(edge, headers):
    """With a good cookie, but from elsewhere: looking goes, changing does not, nor does signing somebody in."""
    account(edge)
    cookie = cookie_of(sign_in(edge))
    sent = [
        edge.send("POST", "/api/v1/judgements", LINK, Cookie=cookie, **headers, **JSON),
        edge.send("POST", "/api/v1/dead-letters/3/replay", Cookie=cookie, **headers),
        edge.send("DELETE", "/api/v1/sessions", Cookie=cookie, **headers),
        edge.send(
            "POST", "/api/v1/session", {"name": "ann@example.org", "password": PASSWORD}, **headers, **JSON
        ),
    ]  # fmt: skip
    assert [answer.status for answer in sent] == [403] * 4
    assert edge.main.said == []
    assert edge.send("GET", "/api/v1/me", Cookie=cookie, **headers).status == 200


def test_a_page_of_ours_is_known_by_its_origin_where_that_is_all_a_browser_says(edge):
    """An older browser says the origin only."""
    account(edge)
    cookie = cookie_of(sign_in(edge))
    ours = {"Origin": "http://console.test", "Host": "console.test"}
    assert edge.send("POST", "/api/v1/judgements", LINK, Cookie=cookie, **ours, **JSON).status == 201


def test_without_the_check_of_origin_other_sites_would_change_things(edge, monkeypatch):
    """Control: it is that check which refuses them."""
    account(edge)
    cookie = cookie_of(sign_in(edge))
    monkeypatch.setattr(sessions.Sessions, "require_ours", lambda self, scope: None)
    for headers in FOREIGN:
        assert edge.send("POST", "/api/v1/judgements", LINK, Cookie=cookie, **headers, **JSON).status == 201


def test_signing_in_gives_a_new_session_and_ends_the_one_before(edge):
    """Session fixation: a token that somebody planted is good for nothing afterwards, nor is the one used before."""
    account(edge)
    planted = "onefold_session=of_session_planted"
    first = cookie_of(sign_in(edge, cookie=planted))
    second = cookie_of(sign_in(edge, cookie=first))
    assert len({planted, first, second}) == 3
    statuses = [edge.send("GET", "/api/v1/me", Cookie=c).status for c in (planted, first, second)]
    assert statuses == [401, 401, 200]


def test_sessions_end_when_unused_and_in_any_case(edge):
    """Idle for two hours, or twelve hours after signing in, whichever comes first."""
    account(edge)
    cookie = cookie_of(sign_in(edge))
    edge.clock_us += accounts.IDLE_US - 1
    assert edge.send("GET", "/api/v1/me", Cookie=cookie).status == 200
    edge.clock_us += accounts.IDLE_US
    assert edge.send("GET", "/api/v1/me", Cookie=cookie).status == 401
    cookie = cookie_of(sign_in(edge))
    for _ in range(accounts.LIFETIME_US // (accounts.IDLE_US - 1)):
        assert edge.send("GET", "/api/v1/me", Cookie=cookie).status == 200
        edge.clock_us += accounts.IDLE_US - 1
    edge.clock_us += accounts.IDLE_US - 1
    assert edge.send("GET", "/api/v1/me", Cookie=cookie).status == 401


def test_sign_out_everywhere_and_a_new_password_end_all_sessions(edge):
    """Sign out everywhere ends them all; a changed password ends all but the one that changed it."""
    account(edge)
    first, second = cookie_of(sign_in(edge)), cookie_of(sign_in(edge))
    assert edge.send("DELETE", "/api/v1/sessions", Cookie=first, **OURS).json == {"ended": 2}
    assert edge.send("GET", "/api/v1/me", Cookie=second).status == 401
    first, second = cookie_of(sign_in(edge)), cookie_of(sign_in(edge))
    said = {"old": PASSWORD, "new": "another good passphrase"}
    edge.clock_us += 60_000_000
    changed = edge.send("POST", "/api/v1/me/password", said, Cookie=first, **OURS, **JSON)
    assert changed.status == 200
    assert [edge.send("GET", "/api/v1/me", Cookie=c).status for c in (first, second, cookie_of(changed))] == [
        401,
        401,
        200,
    ]
    edge.clock_us += 60_000_000
    assert sign_in(edge).status == 401
    assert sign_in(edge, password="another good passphrase").status == 200
    wrong = edge.send("POST", "/api/v1/me/password", said, Cookie=cookie_of(changed), **OURS, **JSON)
    assert wrong.status == 401


def test_nobody_learns_which_accounts_there_are(edge):
    """Unknown name, wrong password, disabled, invited: one answer, word for word."""
    account(edge)
    other = account(edge, "bob", "steward")
    accounts.change(edge.accounts, other, now_us=1, disabled=True)
    accounts.add(edge.accounts, workspace="main", name="cid", role="steward", now_us=1, random=os.urandom)
    answers = [
        sign_in(edge, "nobody"),
        sign_in(edge, password="wrong password"),
        sign_in(edge, "bob"),
        sign_in(edge, "cid"),
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_tries_to_sign_in_are_limited_by_account_and_by_address(edge):
    """One account from many addresses, and one address for many accounts, are told to wait; others go on."""
    account(edge)
    said = {"name": "ann@example.org", "password": "wrong password"}
    tries = [edge.send("POST", "/api/v1/session", said, peer=f"198.51.100.{n}", **JSON, **OURS) for n in range(8)]
    assert [t.status for t in tries] == [401] * sessions.ACCOUNT_LIMIT.burst + [429] * (
        8 - sessions.ACCOUNT_LIMIT.burst
    )
    assert int(tries[-1].headers["retry-after"]) >= 1
    account(edge, "bob", "steward")
    assert sign_in(edge, "bob").status == 200
    many = [sign_in(edge, f"stranger {n}").status for n in range(20)]
    assert many.count(429) >= 5
    assert edge.send("POST", "/api/v1/session", {**said, "name": "bob", "password": PASSWORD}, peer="198.51.100.9",
                     **JSON, **OURS).status == 200  # fmt: skip


def test_a_disabled_account_is_out_at_once_and_a_new_role_holds_at_once(edge):
    """What an account may do is looked at with each request."""
    boss = cookie_of(sign_in(edge, account(edge).name))
    bob = account(edge, "bob", "steward")
    cookie = cookie_of(sign_in(edge, "bob"))
    path = f"/api/v1/accounts/{bob.id}"
    assert edge.send("POST", "/api/v1/judgements", LINK, Cookie=cookie, **OURS, **JSON).status == 201
    assert edge.send("PATCH", path, {"role": "read-only"}, Cookie=boss, **OURS, **JSON).json["role"] == "read-only"
    assert edge.send("POST", "/api/v1/judgements", LINK, Cookie=cookie, **OURS, **JSON).status == 403
    assert edge.send("PATCH", path, {"disabled": True}, Cookie=boss, **OURS, **JSON).json["status"] == "disabled"
    assert edge.send("GET", "/api/v1/me", Cookie=cookie).status == 401


def test_accounts_are_an_owner_s_to_manage(edge):
    """Others may not list or change them; the last owner stays one."""
    owner = account(edge)
    boss = cookie_of(sign_in(edge))
    for role in ("engineer", "marketer", "steward", "read-only"):
        account(edge, role, role)
        cookie = cookie_of(sign_in(edge, role))
        assert edge.send("GET", "/api/v1/accounts", Cookie=cookie).status == 403
        said = {"name": "mallory", "role": "owner"}
        assert edge.send("POST", "/api/v1/accounts", said, Cookie=cookie, **OURS, **JSON).status == 403
    assert len(edge.send("GET", "/api/v1/accounts", Cookie=boss).json["accounts"]) == 5
    for said in ({"role": "steward"}, {"disabled": True}):
        assert edge.send("PATCH", f"/api/v1/accounts/{owner.id}", said, Cookie=boss, **OURS, **JSON).status == 422
    assert edge.send("PATCH", "/api/v1/accounts/unknown", {}, Cookie=boss, **OURS, **JSON).status == 404
    assert "argon2" not in str(edge.send("GET", "/api/v1/accounts", Cookie=boss).body)


def test_a_one_time_link_works_once_and_for_its_time(edge):
    """The first owner's link makes an owner once; an account's link sets its password; a newer link replaces it."""
    token = accounts.offer(edge.accounts, "main", None, edge.clock_us, os.urandom)
    said = {"token": token, "name": "Ann@Example.org ", "password": PASSWORD}
    state = edge.send("POST", "/api/v1/setup/check", {"token": token}, **JSON).json
    assert (state["name"], state["role"], state["workspace"]) == (None, "owner", "main")
    assert edge.send("POST", "/api/v1/setup", {**said, "password": "short"}, **OURS, **JSON).status == 422
    assert edge.send("POST", "/api/v1/setup", said, **JSON).status == 403
    made = edge.send("POST", "/api/v1/setup", said, **OURS, **JSON)
    assert (made.status, made.json["name"]) == (200, "ann@example.org")
    boss = cookie_of(made)
    assert edge.send("POST", "/api/v1/setup", said, **OURS, **JSON).status == 401
    # With an owner there, no other link makes one.
    late = accounts.offer(edge.accounts, "main", None, edge.clock_us, os.urandom)
    assert edge.send("POST", "/api/v1/setup/check", {"token": late}, **JSON).status == 401
    offered = edge.send("POST", "/api/v1/accounts", {"name": "bob", "role": "steward"}, Cookie=boss, **OURS, **JSON)
    assert offered.status == 201
    again = edge.send("POST", f"/api/v1/accounts/{offered.json['account']['id']}/reset", Cookie=boss, **OURS)
    old, new = (answer.json["path"].partition("#")[2] for answer in (offered, again))
    for dead in (old, "of_link_unknown"):
        assert edge.send("POST", "/api/v1/setup", {"token": dead, "password": PASSWORD}, **OURS, **JSON).status == 401
    edge.clock_us += accounts.LINK_US
    with pytest.raises(UnauthorizedError):
        accounts.linked(edge.accounts, new, edge.clock_us)
    edge.clock_us -= 1
    assert edge.send("POST", "/api/v1/setup", {"token": new, "password": PASSWORD}, **OURS, **JSON).status == 200


def test_a_session_opens_its_workspace_only():
    """An account of another workspace neither sees nor changes this one's people and accounts."""
    with Edge("main", "other") as edge:
        edge.main.know("ann")
        mine = account(edge)
        account(edge, workspace="other")
        said = {"name": "ann@example.org", "password": PASSWORD}
        assert edge.send("POST", "/api/v1/session", said, **OURS, **JSON).status == 422
        stranger = cookie_of(edge.send("POST", "/api/v1/session", {**said, "workspace": "other"}, **OURS, **JSON))
        assert edge.send("GET", "/api/v1/profiles/user_id:ann", Cookie=stranger).status == 404
        path = f"/api/v1/accounts/{mine.id}"
        assert edge.send("PATCH", path, {"role": "owner"}, Cookie=stranger, **OURS, **JSON).status == 404
        assert edge.send("POST", f"{path}/reset", Cookie=stranger, **OURS).status == 404
        listed = edge.send("GET", "/api/v1/accounts", Cookie=stranger).json["accounts"]
        assert mine.id not in [a["id"] for a in listed]


def test_a_key_has_no_session(edge):
    """A key is told who it is, and has nothing to sign out of."""
    key = {"Authorization": bearer(edge.key("secret", scopes=("read",)))}
    assert edge.send("GET", "/api/v1/me", **key).json["kind"] == "key"
    assert edge.send("GET", "/api/v1/me", Authorization=bearer(edge.key())).status == 403
    for method, path in (("DELETE", "/api/v1/session"), ("DELETE", "/api/v1/sessions")):
        assert edge.send(method, path, **key).status == 422


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryAccountStore() if request.param == "memory" else SqliteAccountStore(tmp_path / "keys.db")
    with contextlib.closing(made):
        yield made


def test_both_stores_keep_accounts_sessions_and_links(store):
    """The same promises: names are unique in a workspace, links are taken once, sessions end alone or together."""
    ann, link = accounts.add(store, workspace="w", name="Ann", role="owner", now_us=1, random=os.urandom)
    with pytest.raises(UsageError):
        accounts.add(store, workspace="w", name="ann ", role="steward", now_us=2, random=os.urandom)
    accounts.add(store, workspace="v", name="ann", role="steward", now_us=2, random=os.urandom)
    assert [(a.workspace, a.name, a.role) for a in store.accounts()] == [("v", "ann", "steward"), ("w", "ann", "owner")]
    with pytest.raises(NotFoundError):
        accounts.find(store, "w", "bob")
    ann = accounts.set_up(store, link, name=None, password=PASSWORD, now_us=3, random=os.urandom)
    with pytest.raises(UnauthorizedError):
        accounts.set_up(store, link, name=None, password=PASSWORD, now_us=3, random=os.urandom)
    assert accounts.owners(store, "w") == [ann]
    tokens = [accounts.begin(store, ann, 10, os.urandom)[0] for _ in range(3)]
    session, found = accounts.alive(store, tokens[0], 10 + accounts.SEEN_US)
    assert (session.seen_us, found.seen_us) == (10 + accounts.SEEN_US, 10)
    assert store.session(session.digest)[0] == session
    store.end(session.digest)
    assert accounts.alive(store, tokens[0], 11) is None
    assert store.end_all(ann.id) == 2
    assert [accounts.alive(store, token, 11) for token in tokens] == [None] * 3


def test_only_hashes_are_stored(tmp_path):
    """Neither password nor token of a session or link is in the files."""
    store = SqliteAccountStore(tmp_path / "keys.db")
    ann, link = accounts.add(store, workspace="w", name="ann", role="owner", now_us=1, random=os.urandom)
    ann = accounts.set_up(store, link, name=None, password=PASSWORD, now_us=1, random=os.urandom)
    session, _ = accounts.begin(store, ann, 1, os.urandom)
    unused = accounts.offer(store, "w", ann.id, 1, os.urandom)
    store.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"$argon2id$v=19$" in content
    for secret in (PASSWORD, link, session, unused):
        assert secret.encode() not in content


def test_passwords_are_compared_however_they_are_typed(monkeypatch):
    """OWASP's parameters; a composed and a decomposed letter are one; weak ones are refused."""
    monkeypatch.undo()
    kept = passwords.hashed("Zoë likes pancakes", os.urandom)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches("Zoe\u0308 likes pancakes", kept)
    assert not passwords.matches("Zoe likes pancakes", kept)
    assert not passwords.matches("Zoë likes pancakes", None)
    for weak in ("short", "a" * 40, "x" * 300):
        with pytest.raises(UsageError):
            passwords.hashed(weak, os.urandom)
