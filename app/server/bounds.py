"""Which connections end when there are too many, or when they hold too much; on the loop's thread."""

from collections.abc import Mapping
from typing import Final

from app.server.connection import Connection
from app.server.limits import Limits

_AT_ONCE: Final = 64
_ROOM: Final = 8
"""One part in so many of the connections is kept free of those whose peers do nothing."""


def evict(connections: Mapping[int, Connection], place: str | None) -> None:
    """Close the connections that have been idle longest, some at once, of one place or of all."""
    idle = [
        (connection.idle_since, descriptor)
        for descriptor, connection in connections.items()
        if connection.idle_since is not None and (place is None or connection.place == place)
    ]
    idle.sort()
    for _, descriptor in idle[: min(_AT_ONCE, 1 + len(idle) // 4)]:
        connections[descriptor].close()


def make_room(connections: Mapping[int, Connection], limits: Limits, now: float) -> None:
    """End requests whose peers have moved nothing for a while, oldest first, when little else could give way."""
    room = limits.connections // _ROOM
    if len(connections) <= limits.connections - room:
        return
    idle = sum(connection.idle_since is not None for connection in connections.values())
    missing = len(connections) - idle - (limits.connections - room)
    if missing <= 0:
        return
    stalled = [
        (connection.stalled_since, descriptor)
        for descriptor, connection in connections.items()
        if connection.stalled_since is not None and now - connection.stalled_since > limits.stalled_seconds
    ]
    stalled.sort()
    for _, descriptor in stalled[:missing]:
        connections[descriptor].end_stalled()


def shed(connections: Mapping[int, Connection], limits: Limits, now: float) -> None:
    """End the connections that hold most of what was received and cannot be served yet, if all hold too much.

    If too much is held of answers, those whose peers have read nothing of theirs for a while.
    """
    received = {descriptor: len(connection.buffer) for descriptor, connection in connections.items()}
    for descriptor in _largest(received, limits.held):
        connections[descriptor].shed()
    unread = {descriptor: connection.unread for descriptor, connection in connections.items()}
    for descriptor in _largest(unread, limits.unread):
        connection = connections[descriptor]
        if connection.stalled_since is not None and now - connection.stalled_since > limits.stalled_seconds:
            connection.end_stalled()


def _largest(sizes: Mapping[int, int], most: int) -> list[int]:
    """The largest ones, without which all together are half of ``most``; none when they are no more than that."""
    total = sum(sizes.values())
    if total <= most:
        return []
    chosen = []
    for descriptor in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if total <= most // 2:
            break
        total -= sizes[descriptor]
        chosen.append(descriptor)
    return chosen
