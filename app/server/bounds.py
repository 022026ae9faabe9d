"""Close connections when there are too many or they take too much memory; on the loop's thread."""

from collections.abc import Mapping
from typing import Final

from app.server.connection import Connection
from app.server.limits import Limits

_AT_ONCE: Final = 64
_ROOM: Final = 8
"""This share (one in so many) of the connections is kept free of stalled ones."""


def evict(connections: Mapping[int, Connection], place: str | None) -> None:
    """Close some of the connections that have been idle longest, of one place or of all when None."""
    idle = [
        (connection.idle_since, descriptor)
        for descriptor, connection in connections.items()
        if connection.idle_since is not None and (place is None or connection.place == place)
    ]
    idle.sort()
    for _, descriptor in idle[: min(_AT_ONCE, 1 + len(idle) // 4)]:
        connections[descriptor].close()


def make_room(connections: Mapping[int, Connection], limits: Limits, now: float) -> None:
    """End the requests that have stalled longest when the connections in use leave too little room."""
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
    """Close the connections with most received and unserved bytes while all together exceed ``limits.held``.

    While unsent answers exceed ``limits.unread``, close those with the largest whose peers have stalled.
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
    """Return the descriptors of the largest sizes, without which the sum is at most half of ``most``.

    None when the sum does not exceed ``most``.
    """
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
