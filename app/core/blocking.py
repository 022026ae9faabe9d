"""Threads that must not wait: a request loop's thread says so once, and whatever may wait asks before it does."""

import threading

_here = threading.local()


class WouldBlock(BaseException):
    """Say that this thread must not wait for a lock, a disk, a network or a slow computation; another has to do it.

    No error of the domain: it passes every handler of those, undoes nothing because nothing was done, and the request
    loop that catches it gives the whole request to a thread that may wait.
    """


def forbid_blocking() -> None:
    """Let ``about_to_block`` raise in this thread from now on."""
    _here.forbidden = True


def about_to_block() -> None:
    """Raise WouldBlock in a thread that must not wait; to be called before anything of the call has changed."""
    if getattr(_here, "forbidden", False):
        raise WouldBlock
