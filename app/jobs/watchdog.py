"""A watchdog by which the kernel kills a worker without signs of life, even one that is stopped by a signal."""

import ctypes
import os
import signal
import struct
from datetime import timedelta
from typing import Final

_CLOCK_MONOTONIC: Final = 1
_SIGEV_SIGNAL: Final = 0
_SIGNAL_EVENT: Final = struct.Struct("Pii48x")
"""``struct sigevent``: a value, the signal, the kind of notification, and padding."""
_TIMER_SPAN: Final = struct.Struct("llll")
"""``struct itimerspec``: seconds and nanoseconds between expirations, and until the first."""


class Watchdog:
    """A kernel timer that kills this process unless ``wind_up`` is called in time.

    It does not count the time in which the machine is suspended.
    """

    def __init__(self, silence: timedelta) -> None:
        """Set the time limit; the timer starts with the first ``wind_up``, and never with a ``silence`` of 0."""
        self._silence = silence
        self._timer: ctypes.c_void_p | None = None

    @property
    def seconds_between(self) -> float:
        """The interval at which to call ``wind_up``; 0 when that is not needed."""
        return self._silence.total_seconds() / 4

    def wind_up(self) -> None:
        """Restart the timer with ``silence``; raise OSError when the system has no such timer."""
        if not self._silence:
            return
        if self._timer is None:
            self._timer = _created_timer()
        span = _TIMER_SPAN.pack(0, 0, int(self._silence.total_seconds()), 0)
        _check(_library().timer_settime(self._timer, 0, span, None))


def _created_timer() -> ctypes.c_void_p:
    timer = ctypes.c_void_p()
    event = _SIGNAL_EVENT.pack(0, signal.SIGKILL, _SIGEV_SIGNAL)
    _check(_library().timer_create(_CLOCK_MONOTONIC, event, ctypes.byref(timer)))
    return timer


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
