"""How long a peer may take for each phase of a connection, and how much there may be of everything."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one web process. Seconds and bytes."""

    threads: int = 16
    """That answer what may wait."""
    queries_at_once: bool = True
    """Whether what asks the database is tried on the loop's thread, which must not wait for another machine."""
    connections: int = 8192
    connections_per_address: int = 6144
    stands_for_many: Callable[[str], bool] = lambda _: False
    """Whether an address is a proxy's, whose connections are those of many clients; it has no bound of its own."""
    head_seconds: float = 10.0
    """From a request's first byte, or a connection's begin, until its head is complete."""
    idle_seconds: float = 75.0
    """Between two requests of a connection."""
    rate: int = 1024
    """Bytes a second that a body or an answer has to move at least, on the average of a window."""
    rate_seconds: float = 60.0
    """The window."""
    waiting: int = 1024
    """Requests that may wait for a thread; further ones are answered 503."""
    collected: int = 8 * 1024 * 1024 + 64 * 1024
    """Bytes of a body that are taken in before its request is looked at, more than the application takes of any.

    A larger one cannot be read, as a thread would have to wait for it."""
    collected_in_memory: int = 16 * 1024 * 1024
    """Bytes of all such bodies that are kept in memory; what goes beyond is kept in files without a name."""
    collected_in_files: int = 1024 * 1024 * 1024
    """Bytes of all such bodies together in files; a request whose body would go beyond is answered 503."""
    held: int = 32 * 1024 * 1024
    """Bytes of heads that are not complete and of requests that wait for those before them, of all connections."""
    unread: int = 64 * 1024 * 1024
    """Bytes of answers that wait in memory for peers that do not read, of all connections."""
    stalled_seconds: float = 10.0
    """Without a byte moved, after which a request may be ended when there is no room for others."""
    drained: int = 4 * 1024 * 1024
    """Bytes of a body nobody wants that are thrown away to keep the connection."""
    drain_seconds: float = 5.0
    linger_seconds: float = 2.0
    """After the last answer, for the peer to end the connection by itself."""
    stop_seconds: float = 10.0
    """For requests under way when the process is asked to stop."""
