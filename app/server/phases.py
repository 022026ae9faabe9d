"""The phases of a connection, by what it waits for."""

from typing import Final

HEAD: Final = 0
"""A request's head."""
BODY: Final = 1
"""The rest of a body that is collected before the application runs."""
WORK: Final = 2
"""A thread, which is answering the request."""
PAUSED: Final = 3
"""More of a streamed body that a thread has begun to read."""
SEND: Final = 4
"""The peer to read, before more of the answer can be sent."""
DRAIN: Final = 5
"""The rest of an unread body, which is discarded."""
LINGER: Final = 6
"""The peer to close the connection, after ours has been shut down."""
CLOSED: Final = 7
