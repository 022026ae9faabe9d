"""Connections that can stop in the middle of a request, kept open from one request to the next."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

SILENCE = 599
_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; status 0 when the connection was cut first, ``SILENCE`` when it was kept and nothing came."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str]

    @property
    def offset(self) -> int:
        """Where an upload session stands, by its Range."""
        last = int(self.headers["Range"].partition("-")[2])
        return last + 1 if last else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request: chunked when it has a body and no length is told."""

    method: str
    target: str
    body: bytes | None = None
    chunked: bool = False
    content_range: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that describe the body."""
        length = {"Transfer-Encoding": "chunked"} if self.chunked else {"Content-Length": str(len(self.body or b""))}
        return length | ({"Content-Range": self.content_range} if self.content_range else {})


class Line:
    """One connection, with one request at a time, sent in two parts."""

    def __init__(self, host: str, port: int, authorization: str) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
        self._authorization = authorization
        self._rest: bytes | None = None
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def begin(self, asked: Asked, share: float = 1.0) -> None:
        """Send the head and that share of the body; what has no body is sent whole."""
        self._broken = False
        body = asked.body or b""
        first, rest = body[: int(len(body) * share)], body[int(len(body) * share) :]
        if asked.chunked:
            first = _chunk(first)
            rest = _chunk(rest) + b"0\r\n\r\n"
        self._rest = rest
        try:
            self._connection.putrequest(asked.method, asked.target, skip_accept_encoding=True)
            for name, value in (asked.headers | {"Authorization": self._authorization}).items():
                self._connection.putheader(name, value)
            self._connection.endheaders(first)
        except OSError:
            self._broken = True

    def end(self) -> Answer:
        """Send the rest and read the answer, which may have come before."""
        try:
            if self._rest and not self._broken:
                self._connection.send(self._rest)
        except OSError:
            self._broken = True
        try:
            response = self._connection.getresponse()
            return Answer(status=response.status, body=response.read(), headers=dict(response.headers.items()))
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(status=SILENCE if isinstance(error, TimeoutError) else 0, headers={})
        finally:
            self._rest = None

    def ask(self, asked: Asked) -> Answer:
        """Send all of it and read the answer; once more when the connection was closed while it was idle."""
        self.begin(asked)
        answer = self.end()
        if answer.status:
            return answer
        self.begin(asked)
        return self.end()


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content) if content else b""
