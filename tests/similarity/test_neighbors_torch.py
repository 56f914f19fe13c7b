"""Nearest neighbours by tensor operations against brute force."""

import numpy as np
import pytest
import torch

from hybridmatte.similarity import _neighbors_torch
from hybridmatte.similarity._neighbors_torch import build_tensor_tree, search_tensor_tree
from tests.similarity.test_neighbors import CASES


@pytest.mark.parametrize("is_coarse", [False, True], ids=["random", "many equal points"])
@pytest.mark.parametrize(("n_points", "n_dims", "n_neighbors"), CASES)
def test_distances_equal_brute_force(n_points, n_dims, n_neighbors, is_coarse, rng):
    points, queries = rng.random((n_points, n_dims)), rng.random((61, n_dims)) * 1.6 - 0.3
    if is_coarse:
        points, queries = np.round(points * 2) / 2, np.round(queries * 4) / 4
    points, queries = torch.from_numpy(points).float(), torch.from_numpy(queries).float()
    squared, indices = search_tensor_tree(build_tensor_tree(points), queries, n_neighbors)
    between = (queries[:, None] - points).square().sum(dim=2)
    assert torch.allclose(squared, between.sort(dim=1).values[:, :n_neighbors], rtol=1e-5, atol=1e-7)
    assert torch.allclose(between.gather(1, indices), squared, rtol=1e-5, atol=1e-7)
    assert all(len(set(row)) == n_neighbors for row in indices.tolist())


def test_clusters_need_more_blocks_than_the_first_search(rng, monkeypatch):
    points = rng.random((40, 5))[rng.integers(0, 40, 6000)] + 0.1 * rng.standard_normal((6000, 5))
    points, compared = torch.from_numpy(points).float(), []
    search = _neighbors_torch._search_blocks

    def recorded(tree, groups, n_blocks, n_neighbors):
        compared.append(n_blocks)
        return search(tree, groups, n_blocks, n_neighbors)

    monkeypatch.setattr(_neighbors_torch, "_search_blocks", recorded)
    monkeypatch.setattr(_neighbors_torch, "BUDGET", 1 << 20)
    squared, _ = search_tensor_tree(build_tensor_tree(points), points[::60], 10)
    expected = torch.cdist(points[::60].double(), points.double()).square().sort(dim=1).values[:, :10]
    assert torch.allclose(squared.double(), expected, rtol=1e-4, atol=1e-7)
    assert min(compared) == _neighbors_torch.FIRST_BLOCKS < max(compared)


def test_every_point_is_in_the_tree_once(rng):
    tree = build_tensor_tree(torch.from_numpy(rng.random((777, 3))).float())
    order = tree.order[tree.order < 777]
    assert torch.equal(order.sort().values, torch.arange(777))
    inside = torch.isfinite(tree.blocks) & (tree.blocks >= tree.lows[:, None]) & (tree.blocks <= tree.highs[:, None])
    assert int(inside.all(dim=2).sum()) == 777
