"""What a caller without credentials is asked for."""

import httpx
import pytest
from flask import Flask

from tests.support.tokens import REALM, challenge

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DIGEST = "sha256:" + "0" * 64


def test_ping(client: httpx.Client) -> None:
    assert challenge(client.get("/v2/")) == REALM


@pytest.mark.parametrize(
    ("method", "path", "actions"),
    [
        ("GET", "manifests/latest", "pull"),
        ("GET", f"blobs/{DIGEST}", "pull"),
        ("GET", "tags/list", "pull"),
        ("GET", f"referrers/{DIGEST}", "pull"),
        ("PUT", "manifests/latest", "pull,push"),
        ("POST", "blobs/uploads/", "pull,push"),
        ("PATCH", "blobs/uploads/id", "pull,push"),
        ("PUT", "blobs/uploads/id", "pull,push"),
        ("DELETE", "blobs/uploads/id", "pull,push"),
        ("DELETE", "manifests/latest", "delete"),
        ("DELETE", f"blobs/{DIGEST}", "delete"),
    ],
)
def test_every_repository_path_asks_for_a_token(client: httpx.Client, method: str, path: str, actions: str) -> None:
    for project in ("private", "public", "missing"):
        response = client.request(method, f"/v2/{project}/image/{path}")
        assert challenge(response) == f'{REALM},scope="repository:{project}/image:{actions}"'


def test_head_is_challenged_like_get(client: httpx.Client) -> None:
    response = client.head("/v2/public/image/manifests/latest")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == f'{REALM},scope="repository:public/image:pull"'


def test_a_mount_asks_for_the_source_in_the_same_scope(client: httpx.Client) -> None:
    response = client.post(f"/v2/public/image/blobs/uploads/?mount={DIGEST}&from=private/source")
    scope = "repository:public/image:pull,push repository:private/source:pull"
    assert challenge(response) == f'{REALM},scope="{scope}"'


def test_what_comes_from_the_query_cannot_leave_its_quotes(client: httpx.Client) -> None:
    response = client.post(f'/v2/public/image/blobs/uploads/?mount={DIGEST}&from=a/b",error="x')
    assert challenge(response) == f'{REALM},scope="repository:public/image:pull,push"'


def test_the_realm_never_comes_from_the_host(client: httpx.Client) -> None:
    headers = {"Host": "evil.test", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"}
    assert challenge(client.get("/v2/", headers=headers)) == REALM


@pytest.mark.parametrize(
    "path", ["/v2/", "/v2/_catalog", "/service/token?service=harbor-registry", "/api/v2.0/users/current"]
)
def test_credentials_that_are_no_ascii(app: Flask, path: str) -> None:
    refused = app.test_client().get(path, environ_overrides={"HTTP_AUTHORIZATION": "Basic \xe9"})
    assert refused.status_code == 401
