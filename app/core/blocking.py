"""Keep blocking calls out of threads that must not wait, such as the one that runs the request loop."""

import threading

_here = threading.local()


class WouldBlock(BaseException):
    """Raised in a thread that must not wait when a call would: for a lock, a disk, a network, a slow computation.

    It is no DomainError and no Exception, so no handler stops it. It comes before anything has changed; the request
    loop catches it and gives the whole request to a thread that may wait.
    """


def forbid_blocking() -> None:
    """Make ``about_to_block`` raise in this thread from now on."""
    _here.forbidden = True


def about_to_block() -> None:
    """Raise WouldBlock in a thread that must not wait; call it before a blocking call has changed anything."""
    if getattr(_here, "forbidden", False):
        raise WouldBlock
