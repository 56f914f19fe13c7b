"""``compile``: what the first run would do, beforehand."""

import time

import typer

from hybridmatte.cli._streams import note
from hybridmatte.errors import is_interrupt


def compile_default():
    """Compile matte and cutout on all cores, once after installing, so that no first run has to wait."""
    from hybridmatte import compilation

    start = time.perf_counter()
    note("compiling matte and cutout, a minute or two unless it is done")
    try:
        compilation.compile_default()
    except (KeyboardInterrupt, Exception) as error:
        if not is_interrupt(error):
            raise
        note("interrupted; what is compiled stays, and compile goes on from there")
        raise typer.Exit(130) from None
    seconds = time.perf_counter() - start
    note(f"compiled in {seconds:.0f} s" if compilation.has_compiled() else "was compiled already")
