"""``compile``: compile what `matte` and `cutout` need, before their first run."""

from __future__ import annotations

import time

import typer

from hybridmatte.cli.compilation_note import note_compilation
from hybridmatte.cli.options import Weights
from hybridmatte.cli.streams import note
from hybridmatte.errors import is_interrupt

SIDE = 160  # pixels of the example; searches among fewer pixels do not use all kernels


def compile_default(weights: Weights = "research") -> None:
    """Compile matte and cutout, once after installation, so that their first run does not wait."""
    import numpy as np

    from hybridmatte.correction.weights import check_weights
    from hybridmatte.foreground import cutout
    from hybridmatte.linalg._cache_numba import remove_damaged

    kind = check_weights(weights)
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    trimap = np.full((SIDE, SIDE), 0.5, np.float32)
    trimap[:, : SIDE // 6], trimap[:, -SIDE // 6 :] = 0, 1
    start = time.perf_counter()
    try:
        with note_compilation() as seen:
            cutout(image, trimap, weights=kind)
    except (KeyboardInterrupt, Exception) as error:
        if not is_interrupt(error):
            raise
        note("interrupted; what is compiled stays, and compile continues from there")
        raise typer.Exit(130) from None
    note(f"compiled in {time.perf_counter() - start:.0f} s" if seen.is_seen else "was compiled already")
    if n_damaged := remove_damaged():
        note(f"{n_damaged} damaged files of other kernels removed; these compile at their next use")
