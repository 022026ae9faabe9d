"""Where a client is sent for its token: never to a host that somebody merely names."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.support.server import LiveServer, serve
from tests.support.tokens import challenge

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HERE = ("localhost", "localhost:9000", "127.0.0.1:9000", "registry.test", "REGISTRY.test:8443", "other.test:444")
SOMEWHERE = (
    "evil.test",
    "127.0.0.2",
    "8.8.8.8",
    "127.0.0.1.evil.test",
    "127.0.0.1@evil.test",
    "127.1",
    "2130706433",
    "registry.test.evil.test",
    "other.test",
    "other.test:445",
    'registry.test"',
    "registry.test/a",
    "registry.test:999999",
    "[::1]",
    "",
)


def realm(url: str, **headers: str) -> str:
    """The URL that an anonymous client is sent to."""
    answer = httpx.get(f"{url}/v2/", headers=headers)
    return challenge(answer).partition('realm="')[2].partition('"')[0]


@pytest.fixture
def server(settings: Settings, environment: dict[str, str], tmp_path: Path) -> Iterator[LiveServer]:
    """A server for everybody around, of which nobody said how it is called, but for two names."""
    assert settings.web.external_url_given
    variables = {
        "HARBOR_HOST": "0.0.0.0",  # noqa: S104 - that is the point
        "HARBOR_EXTERNAL_URL": "",
        "HARBOR_ALLOWED_HOSTS": "registry.test, other.test:444",
    }
    with serve(environment | variables, tmp_path / "server.log", workers=1) as running:
        yield running


@pytest.mark.parametrize("host", ["::", "[::]", "::1"])
def test_a_server_on_an_address_of_ipv6(
    settings: Settings, environment: dict[str, str], tmp_path: Path, host: str
) -> None:
    assert settings.web.external_url_given
    proxies = {"HARBOR_TRUSTED_PROXIES": "127.0.0.1" if host != "::1" else "::1"}
    variables = {"HARBOR_HOST": host, "HARBOR_EXTERNAL_URL": ""} | proxies
    with serve(environment | variables, tmp_path / "server.log", workers=1) as running:
        port = running.url.rpartition(":")[2]
        for address in ("[::1]",) if host == "::1" else ("[::1]", "127.0.0.1"):
            assert realm(f"http://{address}:{port}") == f"http://{address}:{port}/service/token"
        proxy = "127.0.0.1" if host != "::1" else "[::1]"
        behind = realm(f"http://{proxy}:{port}", **{"X-Forwarded-Proto": "https"})
        assert behind == f"https://{proxy}:{port}/service/token"


def test_each_client_is_sent_where_it_came_to(server: LiveServer) -> None:
    port = server.url.rpartition(":")[2]
    for address in ("127.0.0.1", "127.0.0.2", "127.9.9.9"):
        assert realm(f"http://{address}:{port}") == f"http://{address}:{port}/service/token"
        token = httpx.get(f"http://{address}:{port}/service/token?service=harbor-registry&scope=repository:a/b:pull")
        assert token.status_code == 200
    for host in HERE:
        assert realm(server.url, Host=host) == f"http://{host.lower()}/service/token"
    for host in SOMEWHERE:
        headers = {"Host": host, "X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test"}
        assert (host, realm(server.url, **headers)) in ((host, f"http://127.0.0.1:{port}/service/token"), (host, ""))
    said = server.log.read_text()
    assert "HARBOR_HOST is 0.0.0.0" in said
    assert "Set HARBOR_EXTERNAL_URL=" in said
    assert "HARBOR_ALLOWED_HOSTS=" in said


def test_with_a_url_nothing_but_listed_hosts_is_followed(live_server: LiveServer) -> None:
    for host in ("localhost", "127.0.0.2", "evil.test"):
        assert realm(live_server.url, Host=host) == f"{live_server.url}/service/token"
    assert "HARBOR_EXTERNAL_URL" not in live_server.log.read_text()
