"""Runs a program that ends with the process that started it, however that ended. Linux and standard library only."""

import ctypes
import os
import signal
import sys
from typing import NoReturn

PR_SET_PDEATHSIG = 1
"""linux/prctl.h; what it sets outlives execve (prctl(2))."""


def tied(command: list[str]) -> list[str]:
    """The command line of a program that gets SIGKILL when the calling process ends. Its process id stays its own.

    The kernel sends the signal when the thread ends that started it: start it from one that lasts as long.
    """
    # A program in between and no preexec_fn: that one is not safe where threads run (subprocess, Python's manual).
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main() -> NoReturn:
    """Become the program, unless the process that started it is gone already."""
    starter, program = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != starter:
        sys.exit("the process that started it is gone")
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
