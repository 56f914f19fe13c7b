"""``compile``: what the first run would do, beforehand."""

import time

from hybridmatte.cli._streams import note


def compile_default():
    """Compile matte and cutout on all cores, once after installing, so that no first run has to wait."""
    from hybridmatte import compilation

    start = time.perf_counter()
    compilation.compile_default()
    seconds = time.perf_counter() - start
    note(f"compiled in {seconds:.0f} s" if compilation.has_compiled() else "was compiled already")
