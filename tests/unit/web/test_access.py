"""Who may see what: credentials, names, other sites' pages."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.settings import WebSettings
from monitor.web.access import Access

TOKEN = "correct-horse-battery"
LOGIN = ("prometheus", "staple:with-a-colon")
CLOSED = ("/", "/metrics", "/api/v1/alerts", "/api/v1/documents", "/api/v1/status", "/livez/", "/nowhere")
OPEN = ("/livez", "/readyz", "/verdicts/a.b/useful")


def basic(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def settings(**keys: object) -> WebSettings:
    """Settings beyond loopback."""
    return WebSettings.model_validate({"host": "0.0.0.0", "token": TOKEN, "behind_proxy": True} | keys)


def test_beyond_loopback_everything_but_health_and_verdicts_wants_credentials() -> None:
    """Metrics name what is watched; the status names servers."""
    access = Access.of(settings())
    assert all(access.wants_credentials(path) for path in CLOSED)
    assert not any(access.wants_credentials(path) for path in OPEN)


def test_on_loopback_a_token_guards_the_api_alone() -> None:
    """A Prometheus on the same machine needs none."""
    access = Access.of(WebSettings.model_validate({"token": "short"}))
    assert [access.wants_credentials(path) for path in ("/metrics", "/api/v1/alerts", "/livez")] == [False, True, False]
    assert not Access.of(WebSettings()).wants_credentials("/api/v1/alerts")


def test_token_and_login_are_known_and_nothing_else() -> None:
    """Either is enough; one in the place of the other is not."""
    access = Access(token=TOKEN, login=LOGIN)
    assert access.knows({"authorization": f"bearer  {TOKEN} "})
    assert access.knows(basic(*LOGIN))
    wrong = [
        "",
        "Bearer",
        f"Basic {TOKEN}",
        f"Bearer {LOGIN[1]}",
        "Basic !!!",
        "Basic \u00e9",
        f"Digest {TOKEN}",
        TOKEN,
    ]
    assert not any(access.knows({"authorization": value}) for value in wrong)
    assert not access.knows(basic(LOGIN[0], ""))
    assert not access.knows(basic("", ""))
    assert not access.knows({})


@given(st.text(max_size=40))
def test_no_other_text_is_taken_for_the_token(text: str) -> None:
    """And none makes the comparison fail."""
    access = Access(token=TOKEN, login=LOGIN)
    assert access.knows({"authorization": f"Bearer {text}"}) == (text.strip() == TOKEN)
    assert not Access().knows({"authorization": f"Bearer {text}"})


def test_credentials_are_compared_by_digests_of_one_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """`==` ends at the first letter that differs, and an early look at the length tells the length."""
    seen: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: bool(seen.append((a, b))) or a == b)
    access = Access(token=TOKEN, login=LOGIN)
    assert access.knows({"authorization": f"Bearer {TOKEN}"})
    assert access.knows(basic(*LOGIN))
    assert not access.knows({"authorization": "Bearer x"})
    assert [(len(a), len(b)) for a, b in seen] == [(32, 32)] * 3


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "10.0.0.1", "[2001:db8::1]:80", "127.0.0.1.evil.example", "[", "localhost@x"],
)
def test_without_credentials_only_loopback_names_are_answered(host: str) -> None:
    """A page can bind its own name to 127.0.0.1 and read what is served there through the operator's browser."""
    refusal = Access.of(WebSettings()).misdirected("GET", {"host": host})
    assert refusal is not None
    assert refusal.status == 421
    assert Access.of(settings()).misdirected("GET", {"host": host}) is None


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST", ""])
def test_the_names_of_loopback_are_ours(host: str) -> None:
    """A person, a Prometheus, a tunnel."""
    assert Access.of(WebSettings()).misdirected("GET", {"host": host}) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"sec-fetch-site": "same-origin"}, None),
        ({"sec-fetch-site": "none"}, None),
        ({"origin": "http://localhost:8080"}, None),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, None),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://["}, 403),
        ({"origin": ""}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_another_sites_page_cannot_make_a_browser_change_anything(headers: dict[str, str], status: int | None) -> None:
    """The form of a verdict sends the origin `null`, because our pages send no referrer."""
    refusal = Access().misdirected("POST", {"host": "localhost:8080"} | headers)
    assert (refusal.status if refusal else None) == status
    assert Access().misdirected("GET", {"host": "localhost:8080"} | headers) is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"token": None}, "needs token or token_file"),
        ({"behind_proxy": False}, "needs tls_cert_file and tls_key_file, or behind_proxy"),
        ({"token": "fifteen-letters"}, "token: beyond loopback at least 16"),
        ({"token": None, "username": "u", "password": "short"}, "password: beyond loopback at least 16"),
        ({"username": "u"}, "username and password"),
        ({"username": "a:b", "password": "p" * 16}, "colon"),
        ({"tls_cert_file": "c.pem"}, "go together"),
    ],
)
def test_settings_that_would_open_a_door_are_refused(keys: dict[str, object], said: str) -> None:
    """In the clear, with a guessable word, or with none: the process does not start."""
    with pytest.raises(ValueError, match=said):
        settings(**keys)


def test_a_refusal_names_the_ways_in() -> None:
    """A browser asks for a password only where it is told to."""
    assert Access(token=TOKEN).unknown().headers == {"WWW-Authenticate": "Bearer"}
    assert Access(token=TOKEN, login=LOGIN).unknown().headers["WWW-Authenticate"].startswith("Bearer, Basic realm=")
