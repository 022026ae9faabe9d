"""A process of connections that hang: ``python -m tests.faults.crowd`` reads from its input what they do, as JSON.

It prints ``ready`` when each has been opened once. SIGTERM ends it; then it prints what happened, counted, as JSON.
"""

import contextlib
import errno
import heapq
import json
import resource
import select
import signal
import socket
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

_OPENED_AT_ONCE = 64
_AGAIN_SECONDS = 1.0
"""After this a connection that the server has ended is opened anew, as an attacker does."""
_ROUND_SECONDS = 0.05
_FEW_BYTES = 4096
_ADDRESSES_PER_NET = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a number of connections do: say an opening, then one more byte every while; some read, some do not."""

    openings: list[str]
    """What is said at first, latin-1; connections take them in turns."""
    count: int
    drip: str = ""
    every: float = 5.0
    """Seconds between two bytes of ``drip``."""
    reads: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whom the crowd calls, from how many addresses (127.0.1.1 and following; 0 for 127.0.0.1 itself), and how."""

    port: int
    addresses: int
    scripts: list[Script]

    def dumped(self) -> str:
        """The plan as the process reads it."""
        return json.dumps(asdict(self))


@dataclass(slots=True, kw_only=True, eq=False)
class _Connection:
    script: Script
    number: int
    wire: socket.socket | None = None
    connected: bool = False
    dripped: int = 0
    tries: int = 0
    timer: int = 0
    """The number of its last timer, the only one that counts."""


@dataclass(slots=True, kw_only=True)
class _Crowd:
    plan: Plan
    ended: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    _poll: select.epoll = field(default_factory=select.epoll)
    _open: dict[int, _Connection] = field(default_factory=dict)
    _due: list[tuple[float, int, int, _Connection]] = field(default_factory=list)

    def run(self) -> None:
        """Keep all connections open until ``ended``."""
        connections = [
            _Connection(script=script, number=number) for script in self.plan.scripts for number in range(script.count)
        ]
        waiting, told = list(reversed(connections)), False
        while not self.ended:
            for _ in range(min(_OPENED_AT_ONCE, len(waiting))):
                self._connect(waiting.pop())
            if not told and not waiting and all(connection.tries for connection in connections):
                told = True
                print("ready", flush=True)
            with contextlib.suppress(InterruptedError):
                for number, events in self._poll.poll(_ROUND_SECONDS):
                    if connection := self._open.get(number):
                        self._serve(connection, events)
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, _, timer, connection = heapq.heappop(self._due)
                if timer == connection.timer:
                    self._go_on(connection)

    def _connect(self, connection: _Connection) -> None:
        connection.tries += 1
        connection.connected = False
        made = socket.socket()
        made.settimeout(0)
        if not connection.script.reads:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _FEW_BYTES)
        if self.plan.addresses:
            net, host = divmod(connection.number % self.plan.addresses, _ADDRESSES_PER_NET)
            made.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            made.bind((f"127.0.{1 + net}.{1 + host}", 0))
        connection.wire = made
        self._open[made.fileno()] = connection
        self._poll.register(made, select.EPOLLOUT)
        if made.connect_ex(("127.0.0.1", self.plan.port)) not in {0, errno.EINPROGRESS}:
            self._lost(connection, "refused")

    def _serve(self, connection: _Connection, events: int) -> None:
        script, wire = connection.script, connection.wire
        assert wire
        if not connection.connected:
            if wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._lost(connection, "refused")
                return
            connection.connected = True
            self.counts["opened"] += 1
            self._poll.modify(wire, select.EPOLLRDHUP | (select.EPOLLIN if script.reads else 0))
            if opening := script.openings[connection.number % len(script.openings)]:
                self._send(connection, opening.encode("latin-1"))
            if script.drip:
                self._later(connection, script.every * (connection.number % 100 + 1) / 100)
        elif events & select.EPOLLIN:
            self._read(connection)
        else:
            self._lost(connection, "ended by the server")

    def _read(self, connection: _Connection) -> None:
        assert connection.wire
        try:
            content = connection.wire.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if content.startswith(b"HTTP/1."):
            self.counts[content[9:12].decode("latin-1")] += 1
        if not content:
            self._lost(connection, "ended by the server")

    def _go_on(self, connection: _Connection) -> None:
        if connection.wire is None:
            self._connect(connection)
        elif connection.connected and connection.script.drip:
            drip = connection.script.drip
            connection.dripped += 1
            self._send(connection, drip[connection.dripped % len(drip)].encode("latin-1"))
            self._later(connection, connection.script.every)

    def _send(self, connection: _Connection, content: bytes) -> None:
        assert connection.wire
        try:
            connection.wire.send(content)
        except BlockingIOError:
            pass
        except OSError:
            self._lost(connection, "ended by the server")

    def _lost(self, connection: _Connection, how: str) -> None:
        if connection.wire is None:
            return
        self.counts[how] += 1
        self._open.pop(connection.wire.fileno(), None)
        self._poll.unregister(connection.wire)
        connection.wire.close()
        connection.wire = None
        self._later(connection, _AGAIN_SECONDS)

    def _later(self, connection: _Connection, seconds: float) -> None:
        connection.timer += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, id(connection), connection.timer, connection))


def main() -> None:
    """Play the plan until SIGTERM."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    given = json.loads(sys.stdin.readline())
    scripts = [Script(**script) for script in given.pop("scripts")]
    crowd = _Crowd(plan=Plan(**given, scripts=scripts))

    def end(*_: object) -> None:
        crowd.ended = True

    signal.signal(signal.SIGTERM, end)
    crowd.run()
    print(json.dumps(crowd.counts), flush=True)


_BIND_ADDRESS_NO_PORT = 24

if __name__ == "__main__":
    main()
