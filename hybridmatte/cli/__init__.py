"""The command line: ``hybridmatte --help``. A thin layer over the package."""

import os
import sys
import warnings

__all__ = ["main"]

THREADING_LAYERS = "omp tbb workqueue"  # Numba's, fastest first: starting OpenMP's threads costs 2 us, TBB's 30 to 90


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
    from hybridmatte.errors import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", ConvergenceWarning)
        warnings.showwarning = lambda message, *_, **__: note(f"warning: {message}")
        try:
            app(args=arguments, prog_name="hybridmatte")
        except (ValueError, OSError, ImportError, MemoryError) as error:
            note(f"error: {str(error) or type(error).__name__}")
            sys.exit(2)
