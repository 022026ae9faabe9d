"""``pyharbor announce``: wait until the registry answers, then print its addresses."""

import http.client
import time
from pathlib import Path

import click

from app.core.errors import UnavailableError
from app.settings import Settings, load

_PATIENCE_SECONDS = 120
_PAUSE_SECONDS = 0.1
PASSWORD_FILE = "first-password"  # noqa: S105 - a file's name
"""The file under ``<data>/run`` with the generated password; deleted once it has been printed."""


@click.command()
def announce() -> None:
    """Wait until the registry answers, then print its addresses and, after the first start, the password."""
    settings = load()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _answers(settings):
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"no answer from {settings.web.host}:{settings.web.port} within {_PATIENCE_SECONDS} s"
            )
        time.sleep(_PAUSE_SECONDS)
    click.echo("\n".join(_lines(settings)))
    (settings.data_dir / "run" / PASSWORD_FILE).unlink(missing_ok=True)


def _lines(settings: Settings) -> list[str]:
    host = settings.web.external_url.partition("://")[2]
    lines = ["", "PyHarbor is ready", "", f"  address      {settings.web.external_url}", "  user         admin"]
    password = settings.data_dir / "run" / PASSWORD_FILE
    if password.exists():
        lines.append(f"  password     {password.read_text(encoding='utf-8')}   (shown this once)")
    lines += [f"  Temporal UI  {settings.temporal.ui_url}", "", f"  docker login {host} --username admin", ""]
    return lines


def _answers(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.web.host, settings.web.host)  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(host, settings.web.port, timeout=5)
    try:
        connection.request("GET", "/api/v2.0/ping")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def leave_password(settings: Settings, password: str) -> None:
    """Write the generated password to a file for ``announce``, readable by this user only."""
    folder = settings.data_dir / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = Path(folder / PASSWORD_FILE)
    path.touch(mode=0o600)
    path.write_text(password, encoding="utf-8")
