"""``python -m app.cli.tied PID OUTPUT PROGRAM …``: becomes the program, which ends with PID and prints to OUTPUT."""

import ctypes
import os
import signal
import sys
from typing import Final

STANDARD_OUTPUT: Final = 1
DIRECT_OUTPUT: Final = 200
"""Where the supervisor keeps the output that it was started with for its children; it closes what is below for them."""
_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Take the output, ask the kernel for SIGKILL at the end of the parent, make sure it is PID, start the program.

    SIGKILL, because nothing else is certain; the product is made to be killed. The wish outlives the exec, not a fork:
    what the program starts has to look after its own parent, as gunicorn's workers do.
    """
    parent, output, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    os.close(DIRECT_OUTPUT)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
