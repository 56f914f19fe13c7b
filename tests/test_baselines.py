"""The oracles: properties of their mathematics, and agreement with other packages."""

import numpy as np
import pytest
import scipy.sparse
from scipy.spatial import cKDTree

from baselines.closed_form import closed_form_laplacian
from baselines.knn import knn_features, knn_laplacian
from baselines.large_kernel import large_kernel_laplacian
from baselines.learning_based import learning_based_laplacian
from baselines.nonlocal_means import nonlocal_affinity, nonlocal_laplacian
from baselines.random_walk import random_walk_laplacian
from baselines.similarity import nearest_neighbors, window_topk
from baselines.solve import solve_system
from tests.synthetic import colour_ramp, hard_edge
from tests.tolerances import assert_close

SHAPE = (9, 11)
LAPLACIANS = [
    pytest.param(closed_form_laplacian, 1e-10, id="closed_form"),
    pytest.param(learning_based_laplacian, 1e-6, id="learning_based"),  # epsilon penalises the offset too
    pytest.param(random_walk_laplacian, 1e-10, id="random_walk"),
    pytest.param(lambda image: large_kernel_laplacian(image, window_size=7), 1e-10, id="large_kernel"),
    pytest.param(knn_laplacian, 1e-10, id="knn"),
    pytest.param(lambda image: knn_laplacian(image, kernel="soft"), 1e-10, id="knn, soft kernel"),
    pytest.param(lambda image: knn_laplacian(image, adjacent_weight=0.1), 1e-10, id="knn, adjacent pixels"),
    pytest.param(nonlocal_laplacian, 1e-10, id="nonlocal_means"),
]


@pytest.fixture
def image(rng):
    """Return a random image of mild contrast."""
    return 0.3 + 0.4 * rng.random((*SHAPE, 3))


@pytest.mark.parametrize(("laplacian", "constant"), LAPLACIANS)
class TestEveryLaplacian:
    def test_symmetric_positive_with_constants_in_its_null_space(self, laplacian, constant, image):
        matrix = laplacian(image).toarray()
        assert matrix.shape == (99, 99)
        assert_close(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix).min() > -1e-10
        assert np.abs(matrix.sum(axis=1)).max() < constant
        assert np.abs(matrix).max() > 0.01

    def test_mirrored_image_gives_mirrored_operator(self, laplacian, constant, image):
        del constant
        order = np.arange(99).reshape(SHAPE)[:, ::-1].ravel()
        matrix, mirrored = laplacian(image).toarray(), laplacian(image[:, ::-1]).toarray()
        assert_close(mirrored, matrix[np.ix_(order, order)], 1e-8)

    def test_channel_order_does_not_matter(self, laplacian, constant, image):
        del constant
        assert_close(laplacian(image[:, :, ::-1]).toarray(), laplacian(image).toarray(), 1e-8)


@pytest.mark.parametrize("laplacian", [closed_form_laplacian, learning_based_laplacian])
class TestLocalLaplacians:
    def test_colour_lines_cost_almost_nothing(self, laplacian, image):
        line = (image @ [0.5, -0.2, 0.3] + 0.1).ravel()
        noise = np.random.default_rng(1).permutation(line)
        matrix = laplacian(image)
        assert line @ matrix @ line < 1e-5 * (noise @ matrix @ noise)

    def test_rows_of_unknown_pixels_need_only_their_windows(self, laplacian, image):
        is_unknown = np.zeros(SHAPE, dtype=bool)
        is_unknown[3:5, 4:8] = True
        whole, part = laplacian(image), laplacian(image, is_unknown=is_unknown)
        assert_close(part[is_unknown.ravel()].toarray(), whole[is_unknown.ravel()].toarray())
        assert part.nnz < whole.nnz

    def test_solves_a_colour_line(self, laplacian):
        scene = colour_ramp()
        alpha = solve_system(laplacian(scene.image), scene.trimap)
        assert_close(alpha, scene.alpha, 1e-4)  # epsilon moves alpha off the line


def test_random_walk_by_hand():
    image = np.zeros((1, 3, 3))
    image[0, 2] = 0.025 / np.sqrt(3)
    weight = np.exp(-1)
    expected = [[1, -1, 0], [-1, 1 + weight, -weight], [0, -weight, weight]]
    assert_close(random_walk_laplacian(image).toarray(), np.array(expected))


def test_knn_by_hand():
    """Three pixels in a row, the middle one nearer in colour to the last; the first neighbour is the pixel itself."""
    image = np.repeat(np.array([[[0.0], [0.6], [1.0]]]), 3, axis=2)
    laplacian = knn_laplacian(image, n_neighbors=(2,), spatial_weight=(0.0,))
    assert_close(laplacian.toarray(), np.array([[1.0, -1, 0], [-1, 3, -2], [0, -2, 2]]))
    near = knn_laplacian(image, n_neighbors=(2,), spatial_weight=(0.0,), adjacent_weight=0.5)
    assert_close(near.toarray(), np.array([[1.5, -1.5, 0], [-1.5, 4, -2.5], [0, -2.5, 2.5]]))
    soft = knn_laplacian(image, n_neighbors=(2,), spatial_weight=(0.0,), kernel="soft")
    far, near = 1 - 1.8 / 5, 1 - 1.2 / 5
    expected = [[far, -far, 0], [-far, far + 2 * near, -2 * near], [0, -2 * near, 2 * near]]
    assert_close(soft.toarray(), np.array(expected))


def test_knn_positions_span_the_weighted_unit_square():
    features = knn_features(np.zeros((3, 5, 3)), spatial_weight=2.0).reshape(3, 5, 5)
    assert features[0, 0].tolist() == [0, 0, 0, 0, 0]
    assert features[2, 4].tolist() == [0, 0, 0, 2, 2]
    assert features[1, 1].tolist() == [0, 0, 0, 0.5, 1]


def test_nonlocal_rows_have_unit_sum_and_local_support(image):
    affinity = nonlocal_affinity(image, window_size=5)
    assert_close(np.asarray(affinity.sum(axis=1)).ravel(), np.ones(99))
    assert np.count_nonzero(affinity[4 * 11 + 5].toarray()) == 25
    assert np.count_nonzero(affinity[0].toarray()) == 9


class TestWindowTopK:
    def test_centre_first_and_ties_in_row_major_order(self):
        result = window_topk(np.full((5, 5, 3), 0.5), window_size=3)
        assert result.distances.max() == 0.0
        assert list(zip(result.dy[2, 2], result.dx[2, 2], strict=True)) == [(-1, -1), (-1, 0), (-1, 1)]
        assert list(zip(result.dy[0, 0], result.dx[0, 0], strict=True)) == [(0, 0), (0, 1), (1, 0)]

    def test_distances_belong_to_offsets_and_grow(self, image):
        result = window_topk(image, window_size=5)
        y, x = np.mgrid[:9, :11][..., None] * np.ones(5, dtype=int)
        colors = image[y + result.dy, x + result.dx]
        assert_close(result.distances, np.linalg.norm(colors - image[:, :, None], axis=3))
        assert (np.diff(result.distances, axis=2) >= 0).all()
        assert (result.distances[:, :, 0] == 0).all()
        assert_close(window_topk(image, window_size=5, n_neighbors=3).distances, result.distances[:, :, :3])

    def test_a_dark_border_is_similar_to_zeros_outside(self):
        dark = np.full((7, 7, 3), 0.0)
        assert window_topk(dark, 3, padding="zeros").dy[0, 0].tolist() == [-1, -1, -1]
        inside = window_topk(dark, 3, padding="cut")
        assert (inside.dy[0] >= 0).all()

    def test_window_without_enough_pixels(self):
        with pytest.raises(ValueError, match="image is 1 x 4"):
            window_topk(np.zeros((1, 4, 3)), 3)


def test_nearest_neighbors_against_scipy(rng):
    points, queries = rng.random((80, 5)), rng.random((13, 5))
    distances, indices = nearest_neighbors(points, 7, queries)
    expected_distances, expected_indices = cKDTree(points).query(queries, 7)
    assert_close(distances, expected_distances)
    assert np.array_equal(indices, expected_indices)
    assert np.array_equal(nearest_neighbors(points, 3)[1][:, 0], np.arange(80))
    assert nearest_neighbors(np.zeros((4, 2)), 3)[1][2].tolist() == [0, 1, 2]


class TestSolve:
    def test_minimises_the_objective(self, image, rng):
        trimap = np.full(SHAPE, 0.5)
        trimap[:, :2], trimap[:, -2:] = 0.0, 1.0
        prior, confidence = 0.3 + 0.4 * rng.random(SHAPE), rng.random(SHAPE)
        matrix = random_walk_laplacian(image)

        def objective(alpha):
            return alpha.ravel() @ matrix @ alpha.ravel() + np.sum(confidence * (alpha - prior) ** 2)

        alpha = solve_system(matrix, trimap, prior, confidence)
        assert (alpha[trimap != 0.5] == trimap[trimap != 0.5]).all()
        for _ in range(5):
            step = 1e-3 * rng.standard_normal(SHAPE) * (trimap == 0.5)
            assert objective(alpha) < objective(alpha + step)

    def test_high_confidence_gives_the_prior(self, image, rng):
        trimap = np.full(SHAPE, 0.5)
        trimap[:, 0], trimap[:, -1] = 0.0, 1.0
        prior = rng.random(SHAPE)
        alpha = solve_system(random_walk_laplacian(image), trimap, prior, 1e9)
        assert_close(alpha[:, 1:-1], prior[:, 1:-1], 1e-6)

    def test_all_known(self):
        trimap = np.array([[0.0, 1.0]])
        assert solve_system(scipy.sparse.identity(2), trimap).tolist() == [[0.0, 1.0]]

    def test_clips_to_the_unit_interval(self):
        """The third of three pixels would exceed 1 under a curvature penalty."""
        curvature = np.array([[1.0, -2.0, 1.0]])
        alpha = solve_system(scipy.sparse.csr_matrix(curvature.T @ curvature), np.array([[0.0, 1.0, 0.5]]))
        assert alpha.tolist() == [[0.0, 1.0, 1.0]]

    def test_hard_edge(self):
        scene = hard_edge()
        alpha = solve_system(random_walk_laplacian(scene.image), scene.trimap)
        assert_close(alpha, scene.alpha, 1e-4)  # weights across the edge are 1e-5, not 0


@pytest.mark.peer
class TestAgainstPyMatting:
    """PyMatting 1.1.16 builds the same local matrices."""

    @pytest.fixture(autouse=True)
    def _peer(self):
        self.peer = pytest.importorskip("pymatting")

    @pytest.mark.slow
    def test_closed_form(self, image):
        assert_close(closed_form_laplacian(image).toarray(), self.peer.cf_laplacian(image).toarray())

    def test_learning_based(self, image):
        expected = self.peer.lbdm_laplacian(image).toarray()
        assert_close(learning_based_laplacian(image).toarray(), expected, 1e-7)  # the peer inverts at condition 1e8

    def test_large_kernel(self, rng):
        image = rng.random((17, 19, 3))
        multiply = self.peer.lkm_laplacian(image, radius=3, return_diagonal=False)
        vector = rng.random(17 * 19)
        assert_close(large_kernel_laplacian(image, window_size=7) @ vector, multiply(vector))
