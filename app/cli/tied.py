"""``python -m app.cli.tied PID OUTPUT PROGRAM …``: run a program that is killed when process PID ends."""

import ctypes
import os
import signal
import sys
from typing import Final

STANDARD_OUTPUT: Final = 1
DIRECT_OUTPUT: Final = 200
"""The supervisor's own output for its children to print to; it closes lower descriptors in them."""
_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Print to OUTPUT, have the kernel send SIGKILL when the parent ends, check that it is PID, become the program.

    SIGKILL cannot be ignored, and no data is lost when a process is killed. The setting survives exec and not fork:
    children of the program have to watch their own parent, as gunicorn's workers do.
    """
    parent, output, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    os.close(DIRECT_OUTPUT)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 - runs without a shell


if __name__ == "__main__":
    main()
