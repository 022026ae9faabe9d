"""WSGI bodies of requests that are still being handled: the server does other work while a client sends nothing."""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context

from app.core.pausing import Pausing
from app.registry.http import RegistryResponse


class PausedAnswer:
    """A WSGI body that yields ``b""`` for each pause of a handler, then the body of the handler's response.

    Status and headers are known only when the handler returns, so ``start_response`` is called between two pieces.
    Every step runs with the context variables of the request's start, on any thread, but one thread at a time.
    """

    def __init__(
        self,
        work: Pausing[RegistryResponse],
        *,
        send: Callable[[RegistryResponse], Iterable[bytes]],
        refuse: Callable[[Exception], RegistryResponse],
        note: Callable[[Exception], None],
    ) -> None:
        """Run ``work``; ``refuse`` turns its errors into responses, ``note`` logs those too late for a response."""
        self._work = work
        self._send = send
        self._refuse = refuse
        self._note = note
        self._context = copy_context()
        self._body: Iterable[bytes] | None = None
        self._pieces: Iterator[bytes] | None = None
        self._pause_told = False

    def begin(self) -> Iterable[bytes]:
        """Run the handler to its first pause and return this body; without a pause, return the response's own body."""
        self._context.run(self._resume)
        return self if self._body is None else self._body

    def __iter__(self) -> Iterator[bytes]:
        """Return this object, which is its own iterator."""
        return self

    def __next__(self) -> bytes:
        """Run the handler to its next pause, or return the next piece of the response's body."""
        return self._context.run(self._next)

    def close(self) -> None:
        """Close the response's body, or end a handler whose client has gone."""
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
        except Exception as error:  # noqa: BLE001 - the outermost layer, as in the gateway
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
        except Exception as error:  # noqa: BLE001 - the outermost layer, as in the gateway
            self._note(error)
