"""The command line: ``hybridmatte --help``. A thin layer over the package."""

import os
import sys
import warnings

__all__ = ["main"]

THREADING_LAYERS = "omp tbb workqueue"  # Numba's, fastest first: starting OpenMP's threads costs 2 us, TBB's 30 to 90
PLAIN_ERRORS = (ValueError, OSError, ImportError, MemoryError, ArithmeticError)  # whose message is for the person


def main(arguments=None):
    """Run one command; errors end as one sentence on standard error and exit code 2."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == ["--version"]:  # before the heavy imports
        from hybridmatte import __version__

        sys.stdout.write(f"hybridmatte {__version__}\n")
        return
    os.environ.setdefault("NUMBA_THREADING_LAYER_PRIORITY", THREADING_LAYERS)  # before Numba is imported
    from hybridmatte.cli._app import app
    from hybridmatte.cli._streams import note
    from hybridmatte.errors import is_interrupt, remembering_interrupts

    with warnings.catch_warnings(), remembering_interrupts():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: note(f"warning: {message}")
        try:
            app(args=arguments, prog_name="hybridmatte")
        except Exception as error:
            if is_interrupt(error):
                note("interrupted")
                sys.exit(130)
            if not isinstance(error, PLAIN_ERRORS):
                raise
            note(f"error: {_sentence(error)}")
            sys.exit(2)


def _sentence(error):
    """Return what went wrong in words; errors of the system itself come as a number and a file."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.filename or 'standard output'} cannot be used: {error.strerror}"
    return str(error) or type(error).__name__
