"""The console's files: what is served to whom, under which policy, and that data of people never becomes a page."""

import gzip
import itertools
import re

import pytest
from tests.serving.edge import Edge, bearer

from onefold.serving.console import API_POLICY, Console

HTML = {"Accept": "text/html,application/xhtml+xml"}
PAGE = b'<meta property="csp-nonce" nonce="__CSP_NONCE__"><script type="module" src="/assets/main-1a2b.js"></script>'
SCRIPT = b"document.title = 'Onefold';" * 40


@pytest.fixture
def edge(tmp_path):
    """A server with a build of its own."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "assets" / "main-1a2b.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "main-1a2b.js.map").write_bytes(b"{}")
    (tmp_path / "icon.svg").write_bytes(b"<svg/>")
    with Edge() as made:
        made.main.know("ann")
        made.app._console = Console(made.random.randbytes, tmp_path)
        yield made


def policy_of(answer):
    stated = answer.headers["content-security-policy"]
    return {name: set(rest) for name, *rest in (part.split() for part in stated.split(";"))}


def test_a_page_runs_scripts_of_this_server_and_nothing_else(edge):
    """No inline script, no other host, no frame; styles that it makes carry a nonce, new each time."""
    nonces = set()
    for path in ("/", "/people", "/people/id/1?tab=events", "/setup"):
        answer = edge.send("GET", path, **HTML)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        policy = policy_of(answer)
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == {"'none'"}
        assert policy["script-src"] == policy["connect-src"] == {"'self'"}
        (nonce,) = re.findall(r"'nonce-([0-9a-f]{32})'", answer.headers["content-security-policy"])
        assert f'nonce="{nonce}"'.encode() in answer.body
        nonces.add(nonce)
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & set(itertools.chain(*policy.values()))
        assert not any("://" in source for source in itertools.chain(*policy.values()))
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert len(nonces) == 4


def test_files_with_a_hash_in_their_name_are_kept_for_ever(edge):
    """Compressed for whoever takes that; the source map stays at home."""
    script = edge.send("GET", "/assets/main-1a2b.js", Accept_Encoding="gzip, br")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert gzip.decompress(script.body) == SCRIPT
    assert edge.send("GET", "/assets/main-1a2b.js").body == SCRIPT
    assert edge.send("GET", "/icon.svg").headers["cache-control"] == "no-cache"
    assert edge.send("GET", "/assets/main-1a2b.js.map", **HTML).status == 404


def test_what_is_missing_is_not_answered_by_a_page(edge):
    """Neither an old script, nor anything of the API, nor what is no navigation; nor a file outside the build."""
    for path in (
        "/assets/old-9z.js",
        "/api/v1/nothing",
        "/api/docs",
        "/../keys.db",
        "/assets/../../keys.db",
        "/%2e%2e/keys.db",
    ):
        assert edge.send("GET", path, **HTML).status == 404, path
    assert edge.send("GET", "/people").status == 404
    assert edge.send("POST", "/people", **HTML).status in {401, 404, 405}


def test_without_a_build_the_page_says_how_to_make_one(edge, tmp_path):
    """In plain HTML, without a script."""
    edge.app._console = Console(edge.random.randbytes, tmp_path / "nothing")
    answer = edge.send("GET", "/", **HTML)
    assert answer.status == 200
    assert b"make console" in answer.body
    assert b"<script" not in answer.body


HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "</title><svg onload=alert(1)>",
    "'-alert(1)-'", "{{constructor.constructor('alert(1)')()}}", "\u2028alert(1)", "<!--<script>", "%3Cscript%3E",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_data_only(edge, text):
    """Stored or reflected, in path, query, name or body: always JSON that no browser sniffs or runs; never in a page."""
    edge.main.know("hostile", attributes=1)
    key = bearer(edge.key("secret", scopes=("admin",)))
    answers = [
        edge.send("GET", "/api/v1/profiles", Authorization=key, **HTML),
        edge.send("GET", f"/api/v1/profiles/user_id:{text.replace('?', '')}", Authorization=key, **HTML),
        edge.send("GET", f"/api/v1/explain?a={text}&b=user_id:ann", Authorization=key, **HTML),
        edge.send("GET", f"/api/v1/dead-letters?source={text}", Authorization=key, **HTML),
        edge.send("POST", "/api/v1/judgements", {"verdict": text}, Authorization=key, Content_Type="application/json"),
        edge.send("POST", "/api/v1/session", {"name": text, "password": text}, Sec_Fetch_Site="same-origin",
                  Content_Type="application/json"),
    ]  # fmt: skip
    for answer in answers:
        assert "json" in answer.headers["content-type"]
        assert policy_of(answer) == {"default-src": {"'none'"}, "frame-ancestors": {"'none'"}}
    page = edge.send("GET", f"/people/{text.replace('.', '').replace('?', '')}?q={text}", **HTML)
    assert re.sub(rb"[0-9a-f]{32}", b"__CSP_NONCE__", page.body) == PAGE


def test_every_answer_of_the_api_has_the_headers(edge):
    """Successes, refusals and probes alike."""
    key = bearer(edge.key("secret"))
    for path, header in (
        ("/api/v1/stats", key),
        ("/api/v1/stats", ""),
        ("/livez", ""),
        ("/api/v1/none", ""),
        ("/none", ""),
    ):
        answer = edge.send("GET", path, Authorization=header)
        for name, value in API_POLICY:
            assert answer.headers[name.decode()] == value.decode(), path
