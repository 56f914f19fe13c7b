"""``compile``: compile what `matte` and `cutout` need, before their first run."""

from __future__ import annotations

import time

import typer

from hybridmatte.cli.streams import note
from hybridmatte.errors import is_interrupt


def compile_default() -> None:
    """Compile matte and cutout on all cores, once after installation, so that their first run does not wait."""
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
