"""Read-only mode as one switch: the API's key, the command and the write gate; what is refused and what goes on."""

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.audit.models import AuditLog
from app.configuration.keys import READ_ONLY
from app.configuration.service import ConfigurationService
from app.context import Context
from app.db import gate
from tests.integration.test_api_conventions import error_of
from tests.support.browser import Browser
from tests.support.configuration import configure
from tests.support.manifests import OCI_MANIFEST, push_image
from tests.support.people import People
from tests.support.tokens import ask


def switched(ctx: Context) -> tuple[bool, bool]:
    with ctx.read() as session:
        return gate.state(session).switched, ConfigurationService(ctx).value(READ_ONLY)


def test_it_is_switched_on_and_off_through_the_api(admin: httpx.Client, ctx: Context) -> None:
    project = {"project_name": "new"}
    configure(admin, read_only=True)
    assert switched(ctx) == (True, True)
    assert admin.get("/systeminfo").json()["read_only"] is True
    assert admin.get("/configurations").json()["read_only"] == {"value": True, "editable": True}
    refused = admin.post("/projects", json=project)
    assert error_of(refused) == (403, "DENIED")
    assert "read only mode" in refused.json()["errors"][0]["message"]
    configure(admin, read_only=False)
    assert switched(ctx) == (False, False)
    assert admin.post("/projects", json=project).status_code == 201
    with ctx.read() as session:
        rows = session.scalars(
            sa.select(AuditLog.resource).where(AuditLog.resource_type == "configuration").order_by(AuditLog.op_time)
        ).all()
    assert rows == ["read_only: false -> true", "read_only: true -> false"]


def test_the_gate_and_the_key_are_one(admin: httpx.Client, ctx: Context) -> None:
    for on in (True, False):
        with ctx.write() as session:
            gate.switch(session, on=on)
        assert switched(ctx) == (on, on)
        assert admin.get("/configurations").json()["read_only"]["value"] is on


def test_a_lease_is_not_the_switch(admin: httpx.Client, ctx: Context) -> None:
    with ctx.write() as session:
        assert gate.acquire(session, "collection", 60_000)
    assert admin.get("/systeminfo").json()["read_only"] is True
    assert admin.get("/configurations").json()["read_only"]["value"] is False
    configure(admin, read_only=True)
    configure(admin, read_only=False)
    with ctx.read() as session:
        assert gate.state(session).leased_ms > 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_goes_on_and_what_does_not(app: Flask, client: httpx.Client, admin: httpx.Client, people: People) -> None:
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    push_image(client, "private/app", "1")
    configure(admin, read_only=True)

    browser = Browser(app).logged_in("admin")
    assert browser.post("/c/userExists", data={"target": "username", "value": "guest"}).json() is True
    assert browser.get("/c/log_out").status_code == 200
    assert ask(client, people["guest"], "repository:private/app:pull").status_code == 200
    assert client.get("/v2/private/app/manifests/1", headers={"Accept": OCI_MANIFEST}).status_code == 200
    configure(admin, session_timeout=30, banner_message="back at noon")

    once = {"schedule": {"type": "Manual"}, "parameters": {"dry_run": True}}
    assert admin.post("/system/gc/schedule", json=once).status_code == 201
    (collection,) = admin.get("/system/gc").json()
    assert admin.put(f"/system/gc/{collection['id']}").status_code == 200
    daily = {"schedule": {"type": "Daily", "cron": "0 0 0 * * *"}}
    assert admin.post("/system/gc/schedule", json=daily).status_code == 201
    assert admin.put("/system/gc/schedule", json=daily).status_code == 200

    for method, path, body in (
        ("PUT", "/system/CVEAllowlist", {"items": []}),
        ("POST", "/users", {"username": "new", "password": "Harbor12345", "email": "n@example.test", "realname": "N"}),
        ("POST", "/projects", {"project_name": "new"}),
        ("PUT", "/projects/private", {"metadata": {"public": "true"}}),
        ("DELETE", "/projects/private/repositories/app", None),
        ("POST", "/robots", {}),
    ):
        assert error_of(admin.request(method, path, json=body)) == (403, "DENIED"), path
    assert client.post("/v2/private/app/blobs/uploads/?digest=sha256:" + "0" * 64, content=b"x").status_code == 403
    assert client.delete("/v2/private/app/manifests/1").status_code == 403
