"""A standard output that cannot be written: what is said, and the exit code. Imports nothing heavy.

The rule for every command: files are worked on to the end, nothing more is written to standard output, one sentence
goes to standard error, and the exit code is 141 for a reader that has left, as for a program that SIGPIPE ends, and
2 for other errors. A failure of the command itself keeps its own exit code.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

__all__ = ["describe_unusable", "discard_output", "exit_code_of", "refuse_closed_output"]

CLOSED = "standard output cannot be used: it is closed"
READER_LEFT = 141  # exit code, 128 + SIGPIPE
UNUSABLE = 2  # exit code


def refuse_closed_output() -> None:
    """Raise an error if the command was started with a closed standard output."""
    if sys.stdout is None:
        raise OSError(CLOSED)


def describe_unusable(error: OSError) -> str:
    """Return an error of writing to standard output, or that of `refuse_closed_output`, as one sentence."""
    if error.args == (CLOSED,):
        return CLOSED
    reason = "its reader has left" if isinstance(error, BrokenPipeError) else error.strerror or str(error)
    return f"standard output cannot be used: {reason}"


def exit_code_of(error: OSError) -> int:
    """Return the exit code of a command that succeeds but for its standard output."""
    return READER_LEFT if isinstance(error, BrokenPipeError) else UNUSABLE


def discard_output() -> None:
    """Lead standard output to nowhere; Python would write what is left in its buffer at the end, and complain."""
    if sys.stdout is None:
        return
    with suppress(OSError, ValueError):  # no file descriptor, or a closed one
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
