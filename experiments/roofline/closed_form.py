"""The stages of closed-form matting."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybridmatte import solve_cf
from hybridmatte.linalg import _stencil_numba

BUILD, SET_UP, ITERATION = "build", "set-up", "iteration"
PHASES = {
    "_closed_form_numba.assemble": f"{BUILD}: Laplacian",
    "_aggregate_numba._collect_cells": f"{SET_UP}: coarse functions",
    "_aggregate_numba._orthonormalize": f"{SET_UP}: coarse functions",
    "_aggregate_numba._stencil_galerkin": f"{SET_UP}: first coarse matrix",
    "_aggregate_numba._mirror_blocks": f"{SET_UP}: first coarse matrix",
    "_block_numba._count_product": f"{SET_UP}: later coarse matrices",
    "_block_numba._fill_product": f"{SET_UP}: later coarse matrices",
    "_block_numba._smooth_prolongation": f"{SET_UP}: prolongations",
    "_block_numba._fix_diagonal": f"{SET_UP}: diagonal blocks",
    "_dense_numba._subtract_product": f"{SET_UP}: coarsest inverse",
    "_aggregate_numba._restrict": f"{ITERATION}: restriction of the pixels",
    "_aggregate_numba._prolong": f"{ITERATION}: prolongation to the pixels",
    "_stencil_numba._scale_residual": f"{ITERATION}: smoother of the pixels",
}
VECTORS = ("_vector_numba._dot", "_vector_numba._dot_pair", "_vector_numba._combine", "_vector_numba._advance")
FORM = 5  # position of the form among the arguments of the stencil's product


def solve(image: Any, trimap: Any) -> Any:
    """Return alpha by the method."""
    return solve_cf(image, trimap)


def label(name: str, is_iterating: bool, arguments: Sequence[Any]) -> str:
    """Return the stage of a kernel's call."""
    if name in PHASES:
        return PHASES[name]
    if not is_iterating:
        return f"{SET_UP}: eigenvalues of the block levels"
    if name in VECTORS:
        return f"{ITERATION}: vectors of conjugate gradients"
    if name == "_stencil_numba._multiply":
        if arguments[FORM] != _stencil_numba.PRODUCT:
            return f"{ITERATION}: smoother of the pixels"
        precision = "double" if arguments[2].dtype == np.float64 else "single"
        return f"{ITERATION}: product, {precision} precision"
    if name.startswith("_block_numba."):
        return f"{ITERATION}: block levels"
    raise ValueError(f"kernel {name!r} has no stage, expected one of the table in {__name__}")
