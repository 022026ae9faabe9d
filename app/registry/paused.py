"""Answers that are still being made: WSGI bodies that let the server do something else while a client sends nothing."""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context

from app.core.pausing import Pausing
from app.registry.http import RegistryResponse


class PausedAnswer:
    """A WSGI body that is ``b""`` for each pause of a handler, and its response's own body once it has returned.

    Only then are status and headers known, so ``start_response`` is called between two pieces. Each step runs in the
    context variables of the request's beginning, on whichever thread asks for it; one thread asks at a time.
    """

    def __init__(
        self,
        work: Pausing[RegistryResponse],
        *,
        send: Callable[[RegistryResponse], Iterable[bytes]],
        refuse: Callable[[Exception], RegistryResponse],
        note: Callable[[Exception], None],
    ) -> None:
        """Take up ``work``, whose errors ``refuse`` answers; ``note`` gets those that nobody can be told any more."""
        self._work = work
        self._send = send
        self._refuse = refuse
        self._note = note
        self._context = copy_context()
        self._body: Iterable[bytes] | None = None
        self._pieces: Iterator[bytes] | None = None
        self._pause_told = False

    def begin(self) -> Iterable[bytes]:
        """Go as far as the first pause; without one the response's own body, sent as any other."""
        self._context.run(self._resume)
        return self if self._body is None else self._body

    def __iter__(self) -> Iterator[bytes]:
        """WSGI's; the answer is its own iterator."""
        return self

    def __next__(self) -> bytes:
        """Go on to the next pause or piece."""
        return self._context.run(self._next)

    def close(self) -> None:
        """End the response's body, or work that nobody waits for any more."""
        self._context.run(self._close)

    def _next(self) -> bytes:
        if self._pieces is None:
            if self._pause_told:
                self._resume()
            self._pause_told = True
            if self._body is None:
                return b""
            self._pieces = iter(self._body)
        return next(self._pieces)

    def _resume(self) -> None:
        try:
            next(self._work)
        except StopIteration as end:
            response: RegistryResponse = end.value
        except Exception as error:  # noqa: BLE001 - the edge, as in the gateway
            response = self._refuse(error)
        else:
            return
        self._body = self._send(response)

    def _close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
        try:
            self._work.close()
        except Exception as error:  # noqa: BLE001 - the edge, as in the gateway
            self._note(error)
