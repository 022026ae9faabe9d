"""What another site can make a browser send is refused."""

import hmac
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from http.cookies import SimpleCookie

import httpx
import pytest
from flask import Flask

from app.context import Ports
from app.web import csrf
from app.web.csrf import COOKIE, HEADER
from tests.integration.test_api_conventions import error_of
from tests.support.accounts import PASSWORD
from tests.support.browser import Browser

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.usefixtures("people"),
]
PROJECTS = "/api/v2.0/projects"
FORM = {"principal": "guest", "password": PASSWORD}
NOT_TOKENS = {
    "nothing": "",
    "short": "AAAA",
    "half": b64encode(b"x" * 32).decode(),
    "zeros": b64encode(bytes(64)).decode(),
    "other characters": "é" * 88,
    "no base64": "!" * 88,
    "spaces": " " * 88,
    "long": "A" * 10_000,
    "wrong": b64encode(b"x" * 64).decode(),
}


@pytest.fixture
def browser(app: Flask) -> Browser:
    """The browser of a project's guest."""
    return Browser(app).logged_in("guest")


def create(browser: httpx.Client, **headers: str) -> httpx.Response:
    return browser.post(PROJECTS, json={"project_name": "private"}, headers=headers)


class TestSession:
    def test_a_change_needs_a_token(self, browser: Browser) -> None:
        assert create(browser).status_code == 409
        browser.forget_token()
        refused = create(browser)
        assert error_of(refused) == (403, "FORBIDDEN")

    def test_the_refusal_brings_the_token_for_the_next_try(self, browser: Browser) -> None:
        browser.forget_token()
        refused = create(browser)
        assert create(browser, **{HEADER: refused.headers[HEADER]}).status_code == 409

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_every_method_that_changes_something(self, browser: Browser, method: str) -> None:
        browser.forget_token()
        for path in (f"{PROJECTS}/private", "/api/v2.0/nothing", "/api/v2.0/labels", "/service/token"):
            browser.forget_token()
            assert error_of(browser.request(method, path)) == (403, "FORBIDDEN")

    def test_reading_needs_none(self, browser: Browser) -> None:
        for method in ("GET", "HEAD", "OPTIONS"):
            browser.forget_token()
            assert browser.request(method, f"{PROJECTS}?project_name=private").status_code == 200

    @pytest.mark.parametrize("token", NOT_TOKENS.values(), ids=NOT_TOKENS.keys())
    def test_what_is_no_token(self, app: Flask, browser: Browser, token: str) -> None:
        headers = {"Cookie": f"sid={browser.sid}; {COOKIE}={browser.cookies[COOKIE]}", HEADER: token}
        answer = app.test_client(use_cookies=False).post(PROJECTS, json={"project_name": "private"}, headers=headers)
        assert answer.status_code == 403

    def test_each_answer_brings_another_token_and_all_of_them_fit(self, browser: Browser) -> None:
        tokens = [browser.get("/api/version").headers[HEADER] for _ in range(3)]
        assert len(set(tokens)) == 3
        assert [create(browser, **{HEADER: token}).status_code for token in tokens] == [409] * 3

    def test_a_changed_token_does_not_fit(self, browser: Browser) -> None:
        token = bytearray(b64decode(browser.get("/api/version").headers[HEADER]))
        for at in (0, 31, 32, 63):
            changed = bytearray(token)
            changed[at] ^= 1
            assert create(browser, **{HEADER: b64encode(changed).decode()}).status_code == 403

    def test_tokens_of_another_browser_do_not_fit(self, app: Flask, browser: Browser) -> None:
        others = Browser(app).logged_in("guest").get("/api/version").headers[HEADER]
        assert create(browser, **{HEADER: others}).status_code == 403

    def test_the_cookie_alone_makes_no_token(self, browser: Browser) -> None:
        secret = urlsafe_b64decode(str(browser.cookies[COOKIE]) + "=")
        for guess in (secret, sha256(secret).digest()):
            pad = b"p" * 32
            token = b64encode(pad + bytes(a ^ b for a, b in zip(pad, guess, strict=True))).decode()
            assert create(browser, **{HEADER: token}).status_code == 403

    @pytest.mark.parametrize("cookie", ["", "A", "A" * 43, "A" * 44, "A" * 10_000, "é", "!" * 44])
    def test_a_forged_cookie_fits_nothing(self, app: Flask, browser: Browser, cookie: str) -> None:
        client = app.test_client(use_cookies=False)
        headers = {
            "Cookie": f"sid={browser.sid}; {COOKIE}={cookie}",
            HEADER: browser.get("/api/version").headers[HEADER],
        }
        assert client.post(PROJECTS, json={"project_name": "private"}, headers=headers).status_code == 403

    def test_pages_of_other_sites_are_refused_with_the_right_token(self, browser: Browser) -> None:
        for site in ("cross-site", "same-site"):
            assert create(browser, **{"Sec-Fetch-Site": site}).status_code == 403
        for site in ("same-origin", "none"):
            assert create(browser, **{"Sec-Fetch-Site": site}).status_code == 409

    def test_it_is_asked_of_any_session_cookie(self, app: Flask) -> None:
        nobody = Browser(app)
        nobody.cookies.set("sid", "forged", domain="registry.test")
        nobody.forget_token()
        assert create(nobody).status_code == 403
        assert create(nobody).status_code == 401


class TestOwnCredentials:
    def test_programs_need_no_token(self, client: httpx.Client) -> None:
        client.auth = ("guest", PASSWORD)
        answer = create(client)
        assert answer.status_code == 409
        assert HEADER not in answer.headers
        assert "Set-Cookie" not in answer.headers

    def test_beside_a_session_they_decide_alone(self, browser: Browser) -> None:
        browser.forget_token()
        assert browser.post(PROJECTS, json={"project_name": "private"}, auth=("guest", PASSWORD)).status_code == 409
        browser.forget_token()
        assert browser.post(PROJECTS, json={"project_name": "private"}, auth=("guest", "wrong")).status_code == 401

    def test_nobody_needs_no_token_in_the_api(self, client: httpx.Client) -> None:
        assert create(client).status_code == 401

    @pytest.mark.parametrize("door", ["/c/login", "/c/userExists"])
    def test_the_doors_always_ask(self, client: httpx.Client, door: str) -> None:
        assert error_of(client.post(door, data=FORM)) == (403, "FORBIDDEN")
        assert error_of(client.post(door, data=FORM, auth=("admin", PASSWORD))) == (403, "FORBIDDEN")


class TestOffer:
    def test_the_cookie_is_set_once(self, client: httpx.Client) -> None:
        first = client.get("/api/v2.0/ping")
        cookie = SimpleCookie(first.headers["Set-Cookie"])[COOKIE]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Strict", "/", "")
        again = client.get("/api/v2.0/ping")
        assert "Set-Cookie" not in again.headers
        assert HEADER in again.headers

    def test_the_registry_and_its_tokens_offer_none(self, client: httpx.Client) -> None:
        for path in ("/v2/", "/v2/_catalog", "/service/token?service=harbor-registry&scope=repository:public/a:pull"):
            answer = client.get(path)
            assert HEADER not in answer.headers
            assert "Set-Cookie" not in answer.headers

    def test_tokens_are_bound_to_the_installations_key(self, app: Flask, ports: Ports, browser: Browser) -> None:
        secret, pad = b"s" * 32, b"p" * 32
        bound = hmac.digest(ports.keys.csrf, secret, "sha256")
        token = b64encode(pad + bytes(a ^ b for a, b in zip(pad, bound, strict=True))).decode()
        headers = {"Cookie": f"sid={browser.sid}; {COOKIE}={urlsafe_b64encode(secret).decode()}", HEADER: token}
        client = app.test_client(use_cookies=False)
        assert client.post(PROJECTS, json={"project_name": "private"}, headers=headers).status_code == 409


def test_carried_tells(app: Flask, browser: Browser) -> None:
    token = browser.get("/api/version").headers[HEADER]
    cookie = f"{COOKIE}={browser.cookies[COOKIE]}"
    with app.test_request_context(headers={"Cookie": cookie, HEADER: token}):
        assert csrf.carried()
    for headers in ({"Cookie": cookie}, {HEADER: token}, {}):
        with app.test_request_context(headers=headers):
            assert not csrf.carried()


def test_the_cookies_value_is_not_padded(app: Flask, browser: Browser) -> None:
    value = str(browser.cookies[COOKIE])
    assert (len(value), "=" in value, '"' in value) == (43, False, False)
    headers = {"Cookie": f"sid={browser.sid}; {COOKIE}={value}=", HEADER: browser.get("/api/version").headers[HEADER]}
    padded = app.test_client(use_cookies=False).post(PROJECTS, json={"project_name": "private"}, headers=headers)
    assert padded.status_code == 409
