"""What silent clients do to a registry, kind by kind, and the process that does it to one."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.faults.crowd import Plan, Script

_ROOT: Final = Path(__file__).parents[2]
_FORM: Final = "Content-Type: application/x-www-form-urlencoded\r\n"
_END_SECONDS: Final = 60


class Kind(StrEnum):
    """One way to hold a server up."""

    NOTHING = "nothing at all"
    PARTIAL_HEAD = "part of a head"
    DRIPPED_HEAD = "a head of one byte per five seconds"
    DRIPPED_TOKEN = "a token's body of one byte per five seconds"
    DRIPPED_LOGIN = "a login's body of one byte per five seconds"
    PATCH_WITHOUT_BODY = "a PATCH whose body does not come"
    UNREAD_PULL = "a pull that is not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What silent clients ask for."""

    port: int
    token: str
    """A bearer token that may push."""
    uploads: Sequence[str]
    """Open upload sessions of that token's account, as paths."""
    blob: str
    """The path of a large blob."""
    form: str
    """The headers of a form that a browser sends to log in, each with its line's end."""


@contextmanager
def attacked(target: Target, counts: Mapping[Kind, int], *, addresses: int) -> Iterator[Mapping[str, int]]:
    """Keep that many connections of each kind open meanwhile; what is yielded counts, at the end, what happened.

    ``addresses`` is how many addresses they come from; 0 is 127.0.0.1 alone, from where everybody else comes as well.
    """
    scripts = [_script(kind, count, target) for kind, count in counts.items()]
    plan = Plan(port=target.port, addresses=addresses, scripts=scripts)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.crowd"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    told: dict[str, int] = {}
    with process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(plan.dumped() + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n"
            yield told
        finally:
            process.terminate()
            told.update(_ended(process))


def _ended(process: subprocess.Popen[str]) -> dict[str, int]:
    """What the process counted; it is killed when it does not end."""
    try:
        output, _ = process.communicate(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    counts: dict[str, int] = json.loads(output)
    return counts


def _script(kind: Kind, count: int, target: Target) -> Script:
    bearer = f"Authorization: Bearer {target.token}\r\n"
    unfinished = _head("GET", "/v2/").removesuffix("\r\n")
    length = "Content-Length: 200\r\n"
    patches = [_head("PATCH", place, bearer, "Content-Length: 100000000\r\n") for place in target.uploads]
    scripts = {
        Kind.NOTHING: Script(openings=[""], count=count),
        Kind.PARTIAL_HEAD: Script(openings=[unfinished], count=count),
        Kind.DRIPPED_HEAD: Script(openings=[unfinished + "X-Slow: "], count=count, drip="x"),
        Kind.DRIPPED_TOKEN: Script(
            openings=[_head("POST", "/service/token", _FORM, length) + "grant_type="], count=count, drip="password"
        ),
        Kind.DRIPPED_LOGIN: Script(
            openings=[_head("POST", "/c/login", _FORM, target.form, length) + "principal="], count=count, drip="admin"
        ),
        Kind.PATCH_WITHOUT_BODY: Script(openings=patches, count=count),
        Kind.UNREAD_PULL: Script(openings=[_head("GET", target.blob, bearer)], count=count, reads=False),
    }
    return scripts[kind]


def _head(method: str, path: str, *lines: str) -> str:
    return f"{method} {path} HTTP/1.1\r\nHost: registry\r\n{''.join(lines)}\r\n"
