"""``python -m app.cli.tied PID PROGRAM …``: becomes the program, which ends with the process PID, however that ends."""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Ask the kernel for SIGKILL at the end of the parent, make sure that it still is PID, and start the program.

    SIGKILL, because nothing else is certain; the product is made to be killed. The wish outlives the exec, not a fork:
    what the program starts has to look after its own parent, as gunicorn's workers do.
    """
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
