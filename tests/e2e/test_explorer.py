"""The API explorer and a session in a real browser that knows no other host."""

import pytest

from tests.e2e.browser import page
from tests.support.accounts import PASSWORD
from tests.support.server import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
_EXPLORER = "/devcenter-api-2.0"
_PATIENCE_MS = 30_000
_VISIT = """async ([name, password]) => {
  const header = "X-Harbor-CSRF-Token";
  let token = "";
  const call = async (method, path, body) => {
    const headers = token ? {[header]: token} : {};
    if (typeof body === "string") {
      headers["Content-Type"] = "application/json";
    }
    const answer = await fetch(path, {method, body, headers});
    token = answer.headers.get(header) || token;
    return answer.status;
  };
  const form = new URLSearchParams({principal: name, password});
  const project = JSON.stringify({project_name: "made-in-a-browser"});
  return [
    await call("GET", "/api/v2.0/users/current"),
    await call("POST", "/c/login", form),
    await call("GET", "/api/v2.0/users/current"),
    await call("POST", "/api/v2.0/projects", project),
    await fetch("/api/v2.0/projects", {method: "POST", body: project}).then((answer) => answer.status),
    await call("GET", "/c/log_out"),
    await call("GET", "/api/v2.0/users/current"),
  ];
}"""


def test_it_shows_and_calls_the_api(live_server: LiveServer) -> None:
    complaints: list[str] = []
    asked: set[str] = set()
    with page() as explorer:
        explorer.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        explorer.on("pageerror", lambda error: complaints.append(str(error)))
        explorer.on("request", lambda request: asked.add(request.url.partition("?")[0]))
        explorer.goto(f"{live_server.url}{_EXPLORER}#/ping/getPing", wait_until="networkidle")
        operation = explorer.locator("#operations-ping-getPing")
        operation.wait_for(timeout=_PATIENCE_MS)
        operation.locator(".try-out__btn").click()
        operation.locator(".execute").click()
        operation.locator(".live-responses-table .response-col_status", has_text="200").wait_for(timeout=_PATIENCE_MS)
    assert complaints == []
    assert f"{live_server.url}/api/v2.0/ping" in asked
    assert all(url.startswith((live_server.url, "data:")) for url in asked)


@pytest.mark.usefixtures("people")
def test_a_session(live_server: LiveServer) -> None:
    with page() as visitor:
        visitor.goto(f"{live_server.url}{_EXPLORER}")
        assert visitor.evaluate(_VISIT, ["guest", PASSWORD]) == [401, 200, 200, 201, 403, 200, 401]
