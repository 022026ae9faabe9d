"""The limits of the web server: deadlines of a connection's phases, and bounds on numbers and bytes."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one web process, in seconds and bytes."""

    threads: int = 16
    """Threads for requests that may wait."""
    queries_at_once: bool = True
    """Whether database queries may run on the loop's thread, which must not wait for another machine."""
    connections: int = 8192
    connections_per_address: int = 6144
    stands_for_many: Callable[[str], bool] = lambda _: False
    """Tells whether an address is a proxy's, which carries many clients; ``connections_per_address`` spares it."""
    head_seconds: float = 10.0
    """From a request's first byte, or the start of the connection, until the head is complete."""
    idle_seconds: float = 75.0
    """Between two requests of a connection."""
    rate: int = 1024
    """The fewest bytes per second that a peer must send or read, averaged over ``rate_seconds``."""
    rate_seconds: float = 60.0
    """The window over which ``rate`` is averaged."""
    waiting: int = 1024
    """Requests that may wait for a thread; further ones are answered 503."""
    collected: int = 8 * 1024 * 1024 + 64 * 1024
    """The longest body that is collected before the application runs, larger than any that the application accepts.

    A longer one is refused, as a thread would have to wait for it."""
    collected_in_memory: int = 16 * 1024 * 1024
    """The most bytes of collected bodies in memory; others are kept in unnamed files."""
    collected_in_files: int = 1024 * 1024 * 1024
    """The most bytes of collected bodies in files; a request beyond that is answered 503."""
    held: int = 32 * 1024 * 1024
    """The most bytes of incomplete heads and of requests that wait for earlier ones, of all connections."""
    unread: int = 64 * 1024 * 1024
    """The most bytes of answers in memory that peers have not read, of all connections."""
    stalled_seconds: float = 10.0
    """How long a peer may send and read nothing before its request may be ended to make room for others."""
    drained: int = 4 * 1024 * 1024
    """The most bytes of an unread body that are discarded to keep the connection."""
    drain_seconds: float = 5.0
    linger_seconds: float = 2.0
    """How long the peer may take to close the connection after the last answer."""
    stop_seconds: float = 10.0
    """How long current requests may take when the process is asked to stop."""
