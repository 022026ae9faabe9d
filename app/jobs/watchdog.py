"""The end of a worker that gives no sign of life, by the kernel: also of one that is stopped and runs nothing."""

import ctypes
import os
import signal
import struct
from datetime import timedelta
from typing import Final

_CLOCK_MONOTONIC: Final = 1
_SIGEV_SIGNAL: Final = 0
_SIGNAL_EVENT: Final = struct.Struct("Pii48x")
"""``struct sigevent``: a value, the signal, how it is notified, and room for other ways."""
_TIMER_SPAN: Final = struct.Struct("llll")
"""``struct itimerspec``: seconds and nanoseconds between ends, and until the first."""


class Watchdog:
    """A timer of the kernel's that kills this process unless it is wound up again in time.

    While a machine sleeps no time passes for it.
    """

    def __init__(self, silence: timedelta) -> None:
        """Nothing runs before ``wind_up``; without a ``silence`` nothing ever does."""
        self._silence = silence
        self._timer: ctypes.c_void_p | None = None

    @property
    def seconds_between(self) -> float:
        """How often to wind it up; 0 when there is no need to."""
        return self._silence.total_seconds() / 4

    def wind_up(self) -> None:
        """Live for another ``silence``; OSError when the system gives no such timer."""
        if not self._silence:
            return
        if self._timer is None:
            self._timer = _made()
        span = _TIMER_SPAN.pack(0, 0, int(self._silence.total_seconds()), 0)
        _check(_library().timer_settime(self._timer, 0, span, None))


def _made() -> ctypes.c_void_p:
    timer = ctypes.c_void_p()
    event = _SIGNAL_EVENT.pack(0, signal.SIGKILL, _SIGEV_SIGNAL)
    _check(_library().timer_create(_CLOCK_MONOTONIC, event, ctypes.byref(timer)))
    return timer


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
