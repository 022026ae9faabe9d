"""The registry's door: paths, methods, names, errors, and what every answer carries."""

import hashlib
import json
import re
import socket
from urllib.parse import urlsplit

import httpx
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from app.context import Ports
from app.db import gate
from tests.support.people import People
from tests.support.server import LiveServer
from tests.support.tokens import bearer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DIGEST = "sha256:" + "0" * 64


def code(response: httpx.Response) -> str:
    """The code of the one error, which has the specification's shape."""
    (error,) = response.json()["errors"]
    assert re.fullmatch(r"[A-Z_]+", error["code"])
    assert error["message"]
    assert response.headers["Content-Type"] == "application/json"
    return str(error["code"])


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/a/b/manifests/", "/v2/_oci/ext/discover", "/v2/a/b/c/d"])
def test_unknown_path_is_404_in_the_registrys_shape(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, code(response)) == (404, "NOT_FOUND")


def test_every_answer_names_the_protocol_and_the_request(client: httpx.Client, people: People) -> None:
    for path in ("/v2/", "/v2", "/v2/_catalog", "/v2/nothing", "/v2/public/x/manifests/latest"):
        response = client.get(path, headers={"X-Request-Id": "abc-123"})
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert response.headers["X-Request-Id"] == "abc-123"
    assert len(client.get("/v2/").headers["X-Request-Id"]) == 36


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_ping(client: httpx.Client, people: People, path: str) -> None:
    response = client.get(path, auth=people["stranger"].credentials)
    assert (response.status_code, response.json()) == (200, {})
    assert client.post(path, auth=people["stranger"].credentials).status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "manifests/latest", "DELETE, GET, HEAD, PUT"),
        ("PUT", f"blobs/{DIGEST}", "DELETE, GET, HEAD"),
        ("GET", "blobs/uploads/", "POST"),
        ("POST", "blobs/uploads/some-id", "DELETE, GET, HEAD, PATCH, PUT"),
        ("DELETE", "tags/list", "GET, HEAD"),
        ("PUT", f"referrers/{DIGEST}", "GET, HEAD"),
        ("OPTIONS", "tags/list", "GET, HEAD"),
    ],
)
def test_unsupported_method(client: httpx.Client, method: str, path: str, allowed: str) -> None:
    response = client.request(method, f"/v2/public/x/{path}")
    assert (response.status_code, code(response)) == (405, "UNSUPPORTED")
    assert response.headers["Allow"] == allowed


@pytest.mark.parametrize("name", ["single", "Upper/case", "a/-b", "a/b..c", "a//b", "a/" + "b" * 254, "a/%C3%A4"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_names_outside_the_grammar(client: httpx.Client, people: People, method: str, name: str) -> None:
    response = client.request(method, f"/v2/{name}/manifests/latest", auth=people["admin"].credentials)
    assert (response.status_code, code(response)) == (400, "NAME_INVALID")


@pytest.mark.parametrize(
    ("method", "reference", "status", "expected"),
    [
        ("GET", ".INVALID_MANIFEST_NAME", 404, "MANIFEST_UNKNOWN"),
        ("DELETE", ".INVALID_MANIFEST_NAME", 404, "MANIFEST_UNKNOWN"),
        ("PUT", ".INVALID_MANIFEST_NAME", 400, "TAG_INVALID"),
        ("PUT", "a" * 129, 400, "TAG_INVALID"),
        ("GET", "sha256:short", 400, "DIGEST_INVALID"),
        ("PUT", "sha256:" + "A" * 64, 400, "DIGEST_INVALID"),
        ("GET", ":", 400, "DIGEST_INVALID"),
    ],
)
def test_references_outside_the_grammar(
    client: httpx.Client, people: People, method: str, reference: str, status: int, expected: str
) -> None:
    content = b"{}" if method == "PUT" else None
    headers = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    response = client.request(
        method,
        f"/v2/public/x/manifests/{reference}",
        auth=people["admin"].credentials,
        content=content,
        headers=headers,
    )
    assert (response.status_code, code(response)) == (status, expected)


def test_percent_encoded_colon_in_a_digest(client: httpx.Client, people: People) -> None:
    path = f"/v2/public/x/blobs/sha256%3A{'0' * 64}"
    response = client.get(path, auth=people["admin"].credentials)
    assert (response.status_code, code(response)) == (404, "BLOB_UNKNOWN")


def test_head_has_the_length_of_get_and_no_body(client: httpx.Client, people: People) -> None:
    for path in ("/v2/", f"/v2/public/x/blobs/{DIGEST}", "/v2/public/x/manifests/none", "/v2/nothing"):
        got = client.get(path, auth=people["developer"].credentials)
        headed = client.head(path, auth=people["developer"].credentials)
        assert headed.status_code == got.status_code
        assert headed.headers["Content-Length"] == got.headers["Content-Length"]
        assert headed.content == b""


def test_anonymous_reads_public_and_nothing_else(client: httpx.Client, people: People) -> None:
    token = bearer(client, None, "repository:public/x:pull", "repository:private/x:pull")
    assert client.get("/v2/public/x/manifests/none", headers=token).status_code == 404
    refused = client.get("/v2/private/x/manifests/none", headers=token)
    assert (refused.status_code, code(refused)) == (401, "UNAUTHORIZED")


class TestOverSockets:
    def test_file_bodies_whole_and_in_part(self, live_server: LiveServer, people: People) -> None:
        client, credentials = live_server.client, people["developer"].credentials
        content = b"layer " * 100_000
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        pushed = client.post(
            "/v2/public/x/blobs/uploads/", params={"digest": digest}, content=content, auth=credentials
        )
        assert pushed.status_code == 201, pushed.text
        whole = client.get(f"/v2/public/x/blobs/{digest}", auth=credentials)
        assert (whole.status_code, whole.content) == (200, content)
        part = client.get(f"/v2/public/x/blobs/{digest}", auth=credentials, headers={"Range": "bytes=7-300006"})
        assert (part.status_code, part.content) == (206, content[7:300_007])
        head = client.head(f"/v2/public/x/blobs/{digest}", auth=credentials)
        assert (head.headers["Content-Length"], head.content) == (str(len(content)), b"")

    def test_a_refusal_reaches_a_client_that_is_still_sending(self, live_server: LiveServer, people: People) -> None:
        body = b"x" * 3_000_000
        for headers in ({}, bearer(live_server.client, people["guest"], "repository:public/x:push")):
            response = live_server.client.put("/v2/public/x/manifests/latest", content=body, headers=headers)
            assert response.status_code in (401, 403)
            assert live_server.client.get("/v2/").status_code == 401

    def test_the_connection_goes_on_after_a_small_refused_body(self, live_server: LiveServer) -> None:
        address = urlsplit(live_server.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            request = "PUT /v2/a/b/manifests/t HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + "x" * 1000
            for _ in range(2):
                connection.sendall(request.encode())
                answer = b""
                while b"\r\n\r\n" not in answer or json.dumps("errors").encode() not in answer:
                    received = connection.recv(65536)
                    assert received, "the connection was closed"
                    answer += received
                assert answer.startswith(b"HTTP/1.1 401 ")


class TestFaults:
    def test_anything_unexpected_is_500_with_a_trace_in_the_log_and_none_in_the_answer(
        self, client: httpx.Client, people: People, ports: Ports
    ) -> None:
        with ports.db.write() as session:
            session.execute(sa.text("ALTER TABLE repository RENAME TO gone"))
        with capture_logs() as events:
            response = client.get("/v2/public/x/tags/list", auth=people["developer"].credentials)
        assert (response.status_code, code(response)) == (500, "UNKNOWN")
        assert response.json()["errors"][0]["message"] == "unknown error"
        assert [event["event"] for event in events if event["log_level"] == "error"] == ["registry request failed"]

    def test_what_cannot_be_served_now_is_503_and_logged(
        self, client: httpx.Client, people: People, ports: Ports
    ) -> None:
        with ports.db.write() as session:
            gate.acquire(session, "collector", 60_000)
        with capture_logs() as events:
            response = client.put(
                "/v2/public/x/manifests/t",
                auth=people["developer"].credentials,
                content=b'{"schemaVersion":2,"manifests":[]}',
                headers={"Content-Type": "application/vnd.oci.image.index.v1+json"},
            )
        assert (response.status_code, code(response)) == (503, "UNAVAILABLE")
        assert 1 <= int(response.headers["Retry-After"]) <= 10
        assert [event["code"] for event in events if event["log_level"] == "warning"] == ["unavailable"]
