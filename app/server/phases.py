"""What a connection is waiting for."""

from typing import Final

HEAD: Final = 0
"""A request's head, or the begin of one."""
BODY: Final = 1
"""The rest of a body that is taken in before its request is looked at."""
WORK: Final = 2
"""A thread."""
PAUSED: Final = 3
"""More of a body that a thread has begun to read."""
SEND: Final = 4
"""The peer, who has to read before more can be sent."""
DRAIN: Final = 5
"""The rest of a body nobody wants."""
LINGER: Final = 6
"""The peer's end of the connection; ours has ended."""
CLOSED: Final = 7
