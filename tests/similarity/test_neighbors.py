"""Exact nearest neighbours against brute force and SciPy."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hybridmatte.linalg.threads import thread_limit
from hybridmatte.similarity import _neighbors_numba as kernels
from hybridmatte.similarity import _tree_search_numba as searching
from hybridmatte.similarity.neighbors import NeighborTree, nearest_neighbors
from tests.tolerances import assert_close

CASES = [
    pytest.param(1000, 3, 5, id="colours"),
    pytest.param(2000, 5, 20, id="colours and positions"),
    pytest.param(3000, 9, 4, id="nine dimensions"),
    pytest.param(17, 1, 17, id="all points, one dimension"),
    pytest.param(33, 2, 20, id="one more point than a leaf holds"),
    pytest.param(1, 5, 1, id="one point"),
]


@pytest.mark.parametrize("is_coarse", [False, True], ids=["random", "many equal points"])
@pytest.mark.parametrize(("n_points", "n_dims", "n_neighbors"), CASES)
def test_distances_equal_brute_force(n_points, n_dims, n_neighbors, is_coarse, rng):
    points, queries = rng.random((n_points, n_dims)), rng.random((401, n_dims)) * 1.6 - 0.3
    if is_coarse:
        points, queries = np.round(points * 2) / 2, np.round(queries * 4) / 4
    found = nearest_neighbors(points, queries, n_neighbors)
    between = np.linalg.norm(queries[:, None] - points, axis=2)
    assert_close(found.distances, np.sort(between, axis=1)[:, :n_neighbors].astype(np.float32))
    assert_close(np.take_along_axis(between, found.indices.astype(int), 1).astype(np.float32), found.distances)
    assert all(len(set(row)) == n_neighbors for row in found.indices.tolist())


def test_equals_scipy_for_clustered_points(rng):
    points = (rng.random((40, 5))[rng.integers(0, 40, 9000)] + 0.01 * rng.standard_normal((9000, 5))).astype(np.float32)
    found = nearest_neighbors(points, points[::7], 10)
    assert_close(found.distances, cKDTree(points).query(points[::7], 10)[0].astype(np.float32))


def test_one_thread_and_two_agree_bit_for_bit(rng):
    points = np.round(rng.random((5000, 5)) * 8) / 8
    results = []
    for n_threads in (1, 2):
        with thread_limit(n_threads):
            results.append(nearest_neighbors(points, points, 7))
    assert np.array_equal(results[0].indices, results[1].indices)


@pytest.mark.parametrize("n_neighbors", [1, 3, 20])
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_every_slot_holds_a_point_for_clusters_and_isolated_points(n_neighbors, epsilon, rng):
    clusters = rng.random((30, 1, 5)) * 10 + 0.001 * rng.random((30, 50, 5))
    points = np.concatenate([clusters.reshape(-1, 5), rng.random((60, 5)) * 30]).astype(np.float32)
    perm, *tree = kernels.build_tree(np.ascontiguousarray(points.T))
    leaves, queries = np.arange(len(points)) // searching.LEAF, points[perm]
    squared, slots = searching.search(*tree, leaves, queries, n_neighbors, epsilon)
    assert all(len(set(row)) == n_neighbors for row in slots.tolist())
    assert_close(((points[perm[slots]] - queries[:, None]) ** 2).sum(axis=2), squared, 1e-4)


def test_approximate_search_keeps_its_bound(rng):
    points = rng.random((20000, 5)).astype(np.float32)
    perm, *tree = kernels.build_tree(np.ascontiguousarray(points.T))
    assert np.array_equal(np.sort(perm), np.arange(20000))
    leaves, queries = np.arange(20000) // searching.LEAF, points[perm]
    exact = searching.search(*tree, leaves, queries, 20, 0.0)[0]
    loose = searching.search(*tree, leaves, queries, 20, 1.0)[0]
    assert (loose >= exact).all()
    assert (loose <= 4 * exact).all()  # squared distances, epsilon 1
    assert (loose > exact).any()


def test_a_tree_finds_the_neighbours_of_its_own_points_and_of_others(rng):
    columns, queries = rng.random((5, 3000)).astype(np.float32), rng.random((70, 5)).astype(np.float32)
    tree, points = NeighborTree(columns), np.ascontiguousarray(columns.T)
    chosen = tree.order[rng.random(3000) < 0.3]
    for found, wanted in ((tree.among(chosen, 6), points[chosen]), (tree.nearest(queries, 6), queries)):
        expected = nearest_neighbors(points, wanted, 6)
        assert np.array_equal(found.indices, expected.indices)
        assert np.array_equal(found.distances, expected.distances)
    assert np.array_equal(tree.among(chosen, 1).indices[:, 0], chosen)


@pytest.mark.parametrize(
    ("points", "queries", "n_neighbors", "message"),
    [
        pytest.param(np.zeros((3, 2)), np.zeros((3, 3)), 1, "queries has shape .* but points has shape", id="columns"),
        pytest.param(np.zeros((3, 2)), np.zeros((3, 2)), 4, "n_neighbors is 4, expected .* at most 3", id="too many"),
        pytest.param(np.full((3, 2), np.nan), np.zeros((3, 2)), 1, "points has 6 NaN", id="nan"),
        pytest.param(np.zeros(3), np.zeros((3, 2)), 1, "points has shape", id="flat"),
    ],
)
def test_bad_input(points, queries, n_neighbors, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbors(points, queries, n_neighbors)
