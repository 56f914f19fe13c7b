"""Kernels of the graph preconditioner against SciPy, on one thread and on several."""

import numpy as np
import pytest
from scipy.sparse import diags, random_array

from hybridmatte.linalg import _graph_numba as kernels
from hybridmatte.linalg.threads import _settings

BLOCK = 8


@pytest.mark.parametrize("n_rows", [1, 7, 8, 9, 5003])
def test_restricted_residual_is_that_of_the_forward_sweep(n_rows, rng, monkeypatch):
    graph = random_array((n_rows, n_rows), density=min(12 / n_rows, 1.0), rng=rng).tocsr()
    graph.setdiag(0.0)
    graph.eliminate_zeros()
    graph.sort_indices()
    graph = graph.astype(np.float32)
    diagonal, rhs = graph.sum(axis=1) + 0.5, rng.random(n_rows)
    counts_before = np.array([np.count_nonzero(row.indices < i) for i, row in enumerate(graph)], np.int64)
    indptr, middles = graph.indptr.astype(np.int64), graph.indptr[:-1] + counts_before
    entries = indptr, graph.indices.astype(np.int32), graph.data
    x = np.zeros(n_rows)
    kernels.sweep_forward(*entries, diagonal, middles, rhs, x)
    residual = rhs - (diags(diagonal) - graph) @ x
    expected = np.add.reduceat(residual, np.arange(0, n_rows, BLOCK))
    for limit in (1, 2, 5):
        monkeypatch.setattr(_settings, "limit", limit)
        found = np.full(expected.shape, np.nan)
        kernels.restrict_residual(*entries, middles, x, BLOCK, found)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
