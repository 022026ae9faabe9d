"""A browser's session at the token service."""

import pytest
from flask import Flask

from tests.support.browser import Browser


@pytest.mark.usefixtures("people")
class TestTokenService:
    SCOPE = "repository:private/app:pull"

    def test_a_session_is_a_caller(self, app: Flask) -> None:
        asked = {"service": "harbor-registry", "scope": self.SCOPE}
        browser = Browser(app).logged_in("guest")
        token = browser.get("/service/token", params=asked).json()["token"]
        pulled = browser.get("/v2/private/app/tags/list", headers={"Authorization": f"Bearer {token}"})
        assert pulled.status_code == 404
        nobodys = Browser(app).get("/service/token", params=asked).json()["token"]
        refused = browser.get("/v2/private/app/tags/list", headers={"Authorization": f"Bearer {nobodys}"})
        assert refused.status_code == 401

    def test_it_gets_no_token_that_outlives_it(self, app: Flask) -> None:
        asked = {"service": "harbor-registry", "scope": self.SCOPE, "offline_token": "true"}
        answer = Browser(app).logged_in("guest").get("/service/token", params=asked)
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()

    def test_basic_credentials_come_first(self, app: Flask) -> None:
        asked = {"service": "harbor-registry"}
        browser = Browser(app).logged_in("guest")
        assert browser.get("/service/token", params=asked).status_code == 200
        assert browser.get("/service/token", params=asked, auth=("guest", "wrong")).status_code == 401
