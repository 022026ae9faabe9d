"""``pyharbor up``: prepare the installation, then become supervisord, which runs web, worker and Temporal."""

import fcntl
import os
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from app.cli import instance_lock
from app.cli.first_start import make_folder, prepare
from app.cli.tied import DIRECT_OUTPUT, STANDARD_OUTPUT
from app.core.errors import PreconditionError
from app.settings import Settings, load

_STOP_SECONDS = 12
_PORT_SECONDS = 5.0
"""How long a port may still be in use by processes of a killed supervisor."""
_PAUSE_SECONDS = 0.1
_RELAYED = frozenset({"temporal"})
"""Programs whose output the supervisor relays: Go programs end when they write to a pipe without a reader."""
_SECTION = """
[program:{name}]
command = {command}
autorestart = {restart}
startsecs = {startsecs}
startretries = 1000000
exitcodes = 0
stopsignal = TERM
stopwaitsecs = {stop}
killasgroup = true
redirect_stderr = true
stdout_logfile = {relayed}
stdout_logfile_maxbytes = 0
"""
_HEAD = """[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
loglevel = warn
minfds = {output}
pidfile = {run}/supervisord.pid
childlogdir = {run}
user = {user}

[group:pyharbor]
programs = {programs}
"""


@click.command()
def up() -> None:
    """Run the registry in the foreground; Ctrl-C stops it."""
    settings = load()
    binary = _temporal_binary_or_none(settings)
    make_folder(settings)
    run = settings.data_dir / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    instance_lock.hold(run / "up.lock")
    _require_free_ports(settings)
    prepare(settings)
    configuration = run / "supervisord.conf"
    configuration.write_text(_configuration(settings, run, binary), encoding="utf-8")
    click.echo("starting web, worker" + (" and Temporal" if binary else ""))
    sys.stdout.flush()
    _keep_output()
    supervisord = [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(configuration)]
    os.execv(sys.executable, supervisord)  # noqa: S606 - runs without a shell


def _keep_output() -> None:
    """Keep this process's output as DIRECT_OUTPUT, where the supervisor's children write themselves.

    A file is opened for appending, so that lines stay whole when others write to it or truncate it.
    """
    output = sys.stdout.fileno()
    if stat.S_ISREG(os.fstat(output).st_mode):
        fcntl.fcntl(output, fcntl.F_SETFL, fcntl.fcntl(output, fcntl.F_GETFL) | os.O_APPEND)
    os.dup2(output, DIRECT_OUTPUT)


def _configuration(settings: Settings, run: Path, binary: str | None) -> str:
    programs = dict(_programs(settings, binary))
    head = _HEAD.format(output=DIRECT_OUTPUT, run=run, programs=",".join(programs), user=_user())
    return head + "".join(
        _SECTION.format(
            name=name,
            command=f"{_tied(name)} {command}".replace("%", "%%"),
            relayed="/dev/fd/1" if name in _RELAYED else "NONE",
            restart="unexpected" if name == "announce" else "true",
            startsecs=0 if name == "announce" else 1,
            stop=_STOP_SECONDS,
        )
        for name, command in programs.items()
    )


def _tied(name: str) -> str:
    output = STANDARD_OUTPUT if name in _RELAYED else DIRECT_OUTPUT
    return f"{_quoted(sys.executable)} -m app.cli.tied {os.getpid()} {output}"


def _programs(settings: Settings, binary: str | None) -> Iterator[tuple[str, str]]:
    if binary:
        database = settings.data_dir / "temporal.db"
        command = (
            f"{_quoted(binary)} server start-dev --ip 127.0.0.1 --port {settings.temporal.port} "
            f"--ui-port {settings.temporal.ui_port} --db-filename {_quoted(str(database))} "
            "--sqlite-pragma journal_mode=wal --log-level error"
        )
        yield "temporal", command
    for name in ("web", "worker", "announce"):
        yield name, f"{_quoted(sys.executable)} -m app.cli {name}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _user() -> str:
    return str(os.getuid())


def _temporal_binary_or_none(settings: Settings) -> str | None:
    if not settings.temporal.embedded:
        return None
    binary = shutil.which(settings.temporal.binary)
    if binary is None:
        raise PreconditionError(
            f"the Temporal server {settings.temporal.binary!r} is not there: "
            "build it with 'deploy/tools/go-tool.sh temporal' "
            "and set HARBOR_TEMPORAL_BINARY to the path it prints, or set HARBOR_TEMPORAL_ADDRESS to a server that runs"
        )
    return binary


def _require_free_ports(settings: Settings) -> None:
    ports = [(settings.web.host, settings.web.port, "HARBOR_PORT")]
    if settings.temporal.embedded:
        ports.append(("127.0.0.1", settings.temporal.port, "HARBOR_TEMPORAL_PORT"))
        ports.append(("127.0.0.1", settings.temporal.ui_port, "HARBOR_TEMPORAL_UI_PORT"))
    for host, port, variable in ports:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            deadline = time.monotonic() + _PORT_SECONDS
            while (reason := _bind(probe, host, port)) and time.monotonic() < deadline:
                time.sleep(_PAUSE_SECONDS)
            if reason:
                raise PreconditionError(f"{host}:{port} cannot be used ({reason}): set {variable} to a free port")


def _bind(probe: socket.socket, host: str, port: int) -> str:
    """Bind the socket; return the reason when that fails, else an empty text."""
    try:
        probe.bind((host, port))
    except OSError as error:
        return error.strerror or str(error)
    return ""
