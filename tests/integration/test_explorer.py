"""The API explorer loads everything from this server."""

import re
from urllib.parse import urlsplit

import httpx
import pytest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAGE = "/devcenter-api-2.0"
_LOADED = re.compile(r'(?:src|href)="([^"]*)"')
_FETCHED = re.compile(r'url: "([^"]*)"')
_IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?([^\"')]+)")


def loaded_by(client: httpx.Client, page: str) -> dict[str, httpx.Response]:
    """What a browser loads for the page, by address."""
    addresses = _LOADED.findall(client.get(page).text)
    answers = {address: client.get(address) for address in addresses}
    script = answers[f"{PAGE}/start.js"].text
    return answers | {address: client.get(address) for address in _FETCHED.findall(script)}


@pytest.mark.parametrize("path", [PAGE, PAGE + "/"])
def test_the_page(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy


def test_everything_it_loads_is_here(client: httpx.Client) -> None:
    loaded = loaded_by(client, PAGE)
    assert loaded.keys() == {
        f"{PAGE}/favicon-32x32.png",
        f"{PAGE}/swagger-ui.css",
        f"{PAGE}/swagger-ui-bundle.js",
        f"{PAGE}/start.js",
        "/api/v2.0/swagger.json",
    }
    for address, answer in loaded.items():
        assert not urlsplit(address).netloc
        assert answer.status_code == 200, address
        assert len(answer.content) > 300, address


def test_no_style_leads_elsewhere(client: httpx.Client) -> None:
    targets = _IN_STYLES.findall(client.get(f"{PAGE}/swagger-ui.css").text)
    assert targets
    assert all(target.startswith("data:") for target in targets)


def test_no_validator_is_asked(client: httpx.Client) -> None:
    assert "validatorUrl: null" in client.get(f"{PAGE}/start.js").text


def test_shared_caches_get_nobodys_cookie(client: httpx.Client) -> None:
    answer = client.get(f"{PAGE}/swagger-ui-bundle.js")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert "X-Harbor-CSRF-Token" not in answer.headers
    again = client.get(f"{PAGE}/swagger-ui-bundle.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "name", ["nothing", "swagger-ui.js", "..%2f__init__.py", "%2e%2e%2f__init__.py", "..", "VERSION", "%00", "a/b"]
)
def test_nothing_else_is_served(client: httpx.Client, name: str) -> None:
    assert client.get(f"{PAGE}/{name}").status_code == 404
