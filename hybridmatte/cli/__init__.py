"""The command line: ``hybridmatte --help``. Each command is a thin layer over the package.

The modules of this folder import nothing heavy at their top; a command imports what it needs when it runs, so that
``--help`` is fast.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # see `hybridmatte._lazy`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FunctionType

__all__ = ["main"]

GARBAGE_THRESHOLD = 100_000  # objects; Python's 700 make its garbage collector take a tenth of a compilation's time
FRAME_SIZE = 70_000  # words of 8 bytes
INTERRUPTED = 130  # exit code

USER_ERRORS = (ValueError, OSError, ImportError, MemoryError, ArithmeticError)  # shown without a traceback


def large_frame(function: FunctionType) -> FunctionType:
    """Make the frame of a function so large that all frames of the functions that it calls stand behind it.

    CPython places frames in chunks of 16 KiB, and maps and unmaps a chunk whenever a call crosses the end of one. If a
    busy loop happens to call there, that is slow: 200,000 times, or 2 of 14 seconds, in one compilation. A frame that
    fits no chunk gets one of 1 MiB.
    """
    function.__code__ = function.__code__.replace(co_stacksize=FRAME_SIZE)
    return function


@large_frame
def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; an error ends it with one sentence on standard error and exit code 2, Ctrl-C with 130."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if arguments[:1] == ["--version"]:  # answered before typer is imported
            from hybridmatte import __version__

            _show_version(__version__)
            return
        import gc

        gc.set_threshold(GARBAGE_THRESHOLD, *gc.get_threshold()[1:])
        from hybridmatte.errors import remembering_interrupts

        with remembering_interrupts():
            _run_command(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")  # without rich, whose import may be what was interrupted
        sys.exit(130)


def _show_version(version: str) -> None:
    """Write the version to standard output; one sentence if that is closed or full."""
    from hybridmatte.cli.standard_output import describe_unusable, discard_output, exit_code_of, refuse_closed_output

    try:
        refuse_closed_output()
        sys.stdout.write(f"hybridmatte {version}\n")
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        sys.stderr.write(f"error: {describe_unusable(error)}\n")
        sys.exit(exit_code_of(error))


def _run_command(arguments: Sequence[str]) -> None:
    """Run one command; errors of the user end it, and Ctrl-C raises a KeyboardInterrupt."""
    from hybridmatte.errors import is_interrupt

    try:
        import warnings

        from hybridmatte.cli.app import app
        from hybridmatte.cli.reports import choose_json, choose_quiet, finish_report
        from hybridmatte.cli.standard_output import exit_code_of
        from hybridmatte.cli.streams import complain, note

        choose_quiet(False)
        choose_json(False)
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_, **__: note(f"warning: {message}")
            app(args=arguments, prog_name="hybridmatte")
    except SystemExit as leave:
        finish_report("interrupted" if leave.code == INTERRUPTED else None)
        unusable = _complain_of_output(leave.__context__)
        if unusable is not None and (leave.code in (None, 0) or unusable is leave.__context__):
            sys.exit(exit_code_of(unusable))
        raise
    except Exception as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        if not isinstance(error, USER_ERRORS):
            raise
        finish_report(_sentence(error))
        complain(f"error: {_sentence(error)}")
        _complain_of_output(None)
        sys.exit(2)


def _complain_of_output(cause: BaseException | None) -> OSError | None:
    """Say that standard output could not be written; return the error, None if there was none.

    typer and rich turn the error of a pipe whose reader has left into an exit, and keep it as the exit's cause.
    """
    from hybridmatte.cli.reports import lost_reports
    from hybridmatte.cli.standard_output import describe_unusable, discard_output
    from hybridmatte.cli.streams import complain

    error, n_lost = lost_reports()
    if isinstance(cause, BrokenPipeError):
        discard_output()
        complain(f"error: {describe_unusable(cause)}")
        return cause
    if error is not None:
        complain(f"error: {describe_unusable(error)}; {n_lost} of the reports of --json are lost, the files are not")
    return error


def _sentence(error: Exception) -> str:
    """Return an error as one sentence; errors of the operating system have a number and a file name instead.

    The system names no file where an open one cannot be read or written; see `hybridmatte.io.streams.naming`.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return f"{'a file' if error.filename is None else error.filename} cannot be used: {error.strerror}"
    return str(error) or type(error).__name__
