"""The stage of each kernel that a solver calls."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybridmatte.linalg import _stencil_numba

BUILD, SET_UP, ITERATION = "build", "set-up", "iteration"
STAGES = {  # by module and kernel, or by module alone
    "_closed_form_numba": f"{BUILD}: Laplacian",
    "_known_expansion_numba": f"{BUILD}: expansion of the known regions",
    "_trimap_numba": f"{BUILD}: expansion of the known regions",
    "_features_numba": f"{BUILD}: features",
    "_neighbors_numba": f"{BUILD}: tree",
    "_tree_search_numba": f"{BUILD}: search in the tree",
    "_nonlocal_means_numba._find_similar": f"{BUILD}: search in the windows",
    "_nonlocal_means_numba": f"{BUILD}: graph",
    "_links_numba": f"{BUILD}: graph",
    "_sampling_numba": f"{BUILD}: samples along rays",
    "_sharing_numba": f"{BUILD}: samples shared and smoothed",
    "_refinement_numba": f"{BUILD}: samples shared and smoothed",
    "_between_runs_numba": f"{SET_UP}: two levels",
    "_aggregate_numba._collect_cells": f"{SET_UP}: coarse functions",
    "_aggregate_numba._orthonormalize": f"{SET_UP}: coarse functions",
    "_aggregate_numba._stencil_galerkin": f"{SET_UP}: first coarse matrix",
    "_aggregate_numba._mirror_blocks": f"{SET_UP}: first coarse matrix",
    "_block_numba._count_product": f"{SET_UP}: later coarse matrices",
    "_block_numba._fill_product": f"{SET_UP}: later coarse matrices",
    "_block_numba._smooth_prolongation": f"{SET_UP}: prolongations",
    "_block_numba._fix_diagonal": f"{SET_UP}: diagonal blocks",
    "_block_numba._transpose": f"{SET_UP}: later coarse matrices",
    "_dense_numba": f"{SET_UP}: coarsest inverse",
    "_dense_numba.multiply_dense": f"{ITERATION}: product of the coarsest inverse",
    "_graph_numba._coarsen": f"{SET_UP}: coarse graphs",
    "_graph_numba._pack_rows": f"{SET_UP}: coarse graphs",
    "_aggregate_numba._restrict": f"{ITERATION}: restriction of the pixels",
    "_aggregate_numba._prolong": f"{ITERATION}: prolongation to the pixels",
    "_graph_numba._multiply": f"{ITERATION}: product of the graph",
    "_graph_numba": f"{ITERATION}: aggregation of the graph",
    "_two_level_numba": f"{ITERATION}: two levels",
    "_stencil_numba._scale_residual": f"{ITERATION}: smoother of the pixels",
}
EITHER = {  # before the iteration, and in it
    "_block_numba": (f"{SET_UP}: eigenvalues of the block levels", f"{ITERATION}: block levels"),
    "_vector_numba": (f"{SET_UP}: eigenvalues of the block levels", f"{ITERATION}: vectors"),
    "_information_flow_numba": (f"{BUILD}: flows", f"{ITERATION}: product of the flows"),
}
FORM = 5  # position of the form among the arguments of the stencil's product


def label(name: str, is_iterating: bool, arguments: Sequence[Any]) -> str:
    """Return the stage of a kernel's call."""
    module = name.split(".")[0]
    for key in (name, module):
        if key in STAGES:
            return STAGES[key]
    if module in EITHER:
        return EITHER[module][is_iterating]
    if name == "_stencil_numba._multiply":
        if arguments[FORM] != _stencil_numba.PRODUCT:
            return f"{ITERATION}: smoother of the pixels"
        precision = "double" if arguments[2].dtype == np.float64 else "single"
        return f"{ITERATION}: product of the stencil, {precision} precision"
    raise ValueError(f"kernel {name!r} has no stage, expected one of the tables in {__name__}")
