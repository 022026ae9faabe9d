"""A client that behaves as a browser: it keeps cookies, and gives back the CSRF token of the latest answer."""

import httpx
from flask import Flask

from app.web.csrf import HEADER
from tests.support.accounts import PASSWORD


class Browser(httpx.Client):
    """Visits the application inside this process; ``log_in`` before it is somebody."""

    def __init__(self, app: Flask, address: str = "127.0.0.1") -> None:
        transport = httpx.WSGITransport(app=app, remote_addr=address)
        self._token = ""
        super().__init__(transport=transport, base_url="http://registry.test")
        self.event_hooks = {"request": [self._give_back], "response": [self._remember]}
        self.get("/api/version")

    @property
    def sid(self) -> str | None:
        """The session's id, None without one."""
        return self.cookies.get("sid")

    def log_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        """Send the form of the login page."""
        return self.post("/c/login", data={"principal": name, "password": password})

    def logged_in(self, name: str, password: str = PASSWORD) -> "Browser":
        """Itself, after a login that must succeed."""
        assert self.log_in(name, password).status_code == 200
        return self

    def who(self) -> str | None:
        """The name of the user that the server takes it for, None for nobody."""
        answer = self.get("/api/v2.0/users/current")
        assert answer.status_code in (200, 401)
        return answer.json()["username"] if answer.is_success else None

    def forget_token(self) -> None:
        """Send no token with the next request."""
        self._token = ""

    def _give_back(self, request: httpx.Request) -> None:
        if self._token:
            request.headers.setdefault(HEADER, self._token)

    def _remember(self, response: httpx.Response) -> None:
        self._token = response.headers.get(HEADER, self._token)
