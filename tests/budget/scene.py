"""An installation over SQLite whose requests are counted: in this process, or in a live server."""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest import mock
from urllib.parse import unquote, urlencode, urlsplit
from wsgiref.util import FileWrapper

import httpx

from app.access.roles import Role
from app.artifacts.pulls import PullBuffer
from app.context import Ports
from app.factory import create_app
from app.settings import load
from app.telemetry.layer import Application
from app.telemetry.logging import configure_logging
from app.wiring import build
from tests.budget.requests import NAME, Answer
from tests.support.accounts import PASSWORD, make_project, make_user
from tests.support.databases import migrate
from tests.support.tokens import SERVICE

_PUSHER: Final = "pusher"


def environment_of(folder: Path) -> dict[str, str]:
    """The variables of an installation in the folder, as it is by default."""
    return {
        "HARBOR_DATA_DIR": str(folder / "data"),
        "HARBOR_DATABASE_URL": f"sqlite:///{folder}/pyharbor.db",
        "HARBOR_EXTERNAL_URL": "http://registry.test",
        "HARBOR_STORAGE_RESERVE": "0",
    }


@contextmanager
def installation(environment: Mapping[str, str]) -> Iterator[Ports]:
    """A new installation with an account that pushes into a project of its own. Pulls are remembered, not written."""
    migrate(environment["HARBOR_DATABASE_URL"])
    with mock.patch.dict(os.environ, environment):
        ports = build(load())
    try:
        make_user(ports, "root", sysadmin=True)
        pusher = make_user(ports, _PUSHER)
        make_project(ports, NAME.partition("/")[0], members={pusher: Role.MAINTAINER})
        yield replace(ports, pulls=PullBuffer())
    finally:
        ports.db.dispose()


def token_of(ports: Ports) -> str:
    """A token of the account for pulls and pushes."""
    target = "/service/token?" + urlencode({"service": SERVICE, "scope": f"repository:{NAME}:pull,push"})
    with httpx.Client(transport=httpx.WSGITransport(app=create_app(ports)), base_url="http://registry.test") as client:
        answer = client.get(target, auth=(_PUSHER, PASSWORD))
    token: str = answer.raise_for_status().json()["token"]
    return token


class Direct:
    """Calls the application as a server does, without one."""

    def __init__(self, ports: Ports, token: str) -> None:
        """Make the application; every request carries the token."""
        configure_logging(ports.settings.log)
        self._application: Application = create_app(ports)
        self._authorization = f"Bearer {token}"

    def send(self, method: str, target: str, body: bytes = b"", kind: str = "") -> Answer:
        """One request; the answer's body is read and closed."""
        place = urlsplit(target)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(place.path),
            "QUERY_STRING": place.query,
            "RAW_URI": target,
            "SERVER_NAME": "registry.test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_AUTHORIZATION": self._authorization,
            "HTTP_HOST": "registry.test",
            "HTTP_USER_AGENT": "budget",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": kind,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
        }
        status, headers = 0, dict[str, str]()

        def start(line: str, fields: list[tuple[str, str]], _error: object = None) -> None:
            nonlocal status
            status = int(line[:3])
            headers.update((name.lower(), value) for name, value in fields)

        answer = self._application(environ, start)
        try:
            length = sum(map(len, answer))
        finally:
            if close := getattr(answer, "close", None):
                close()
        return Answer(status=status, headers=headers, length=length)
