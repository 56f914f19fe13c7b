"""The Laplacians of windows: the public sparse forms and the eliminated systems against the plain oracles."""

import numpy as np
import pytest
import scipy.sparse

import baselines.closed_form
import baselines.large_kernel
import baselines.learning_based
import baselines.random_walk
from hybridmatte import solve_cf
from hybridmatte.methods.closed_form import closed_form_laplacian, closed_form_system
from hybridmatte.methods.large_kernel import large_kernel_laplacian, large_kernel_system
from hybridmatte.methods.learning_based import learning_based_laplacian, learning_based_system
from hybridmatte.methods.random_walk import random_walk_laplacian, random_walk_system
from tests.tolerances import assert_close

SHAPE = (11, 14)
SPARSE = [
    pytest.param(closed_form_laplacian, baselines.closed_form.closed_form_laplacian, id="closed_form"),
    pytest.param(learning_based_laplacian, baselines.learning_based.learning_based_laplacian, id="learning_based"),
    pytest.param(random_walk_laplacian, baselines.random_walk.random_walk_laplacian, id="random_walk"),
]


def shrunk(oracle, shrinkage, relative=0.0):
    """Return the oracle with the tiny weight that draws unknown pixels to the background."""

    def laplacian(image):
        matrix = oracle(image)
        return matrix + scipy.sparse.diags(shrinkage * (1.0 + relative * matrix.diagonal()))

    return laplacian


SYSTEMS = [
    pytest.param(closed_form_system, baselines.closed_form.closed_form_laplacian, id="closed_form"),
    pytest.param(
        learning_based_system, shrunk(baselines.learning_based.learning_based_laplacian, 2e-6), id="learning_based"
    ),
    pytest.param(random_walk_system, shrunk(baselines.random_walk.random_walk_laplacian, 3e-7, 1.0), id="random_walk"),
    pytest.param(
        lambda *arguments: large_kernel_system(*arguments, window_size=5),
        lambda image: baselines.large_kernel.large_kernel_laplacian(image, window_size=5),
        id="large_kernel",
    ),
]


def random_image(rng, shape=SHAPE):
    """Strong colour noise, so that no window is nearly flat; float32, as the kernels read it."""
    return rng.random((*shape, 3)).astype(np.float32)


@pytest.mark.parametrize(("build", "oracle"), SYSTEMS[:3])
def test_rows_longer_than_a_block_of_the_kernels(build, oracle, rng):
    """Runs of more than 64 pixels, two runs in a row, and a gap that is joined into a run."""
    image = random_image(rng, (7, 150))
    is_unknown = np.zeros((7, 150), bool)
    is_unknown[1:6, 3:140] = True
    is_unknown[2, 60:63] = is_unknown[4, 80:100] = is_unknown[3, 130] = False
    known_alpha = np.where(is_unknown, 0.0, rng.random((7, 150))).astype(np.float32)
    system = build(image, is_unknown, known_alpha)
    unknown, matrix = is_unknown.ravel(), oracle(image).tocsr()
    x = np.zeros(system.layout.n_cells)
    cells = system.layout.cell_map()[is_unknown]
    x[cells] = rng.standard_normal(unknown.sum())
    assert_close(system.matvec(x)[cells], matrix[unknown][:, unknown] @ x[cells], 1e-9)
    assert_close(system.rhs[cells], -matrix[unknown][:, ~unknown] @ known_alpha.ravel()[~unknown], 1e-9)


@pytest.mark.parametrize(("laplacian", "oracle"), SPARSE)
def test_sparse_form_equals_the_oracle(laplacian, oracle, rng):
    image = random_image(rng)
    assert_close(laplacian(image).toarray(), oracle(image).toarray(), 1e-9)


@pytest.mark.parametrize(("laplacian", "oracle"), SPARSE)
def test_rows_of_unknown_pixels_alone(laplacian, oracle, rng):
    del oracle
    image = random_image(rng)
    is_unknown = rng.random(SHAPE) < 0.3
    whole, part = laplacian(image).toarray(), laplacian(image, is_unknown=is_unknown).toarray()
    assert_close(part[is_unknown.ravel()], whole[is_unknown.ravel()])
    assert not part[~is_unknown.ravel()].any()


@pytest.mark.parametrize("window_size", [3, 5, 9])
def test_large_kernel_operator_equals_the_oracle(window_size, rng):
    image = random_image(rng)
    expected = baselines.large_kernel.large_kernel_laplacian(image, window_size=window_size).toarray()
    assert_close(large_kernel_laplacian(image, window_size=window_size) @ np.eye(image[:, :, 0].size), expected, 1e-8)


def unknown_masks(shape):
    """Unknown regions that try the layout: scattered, a ring, rows with gaps of every width, all but one pixel."""
    rng = np.random.default_rng(3)
    ring = np.zeros(shape, bool)
    ring[2:-2, 1:-1] = True
    ring[5:-5, 4:-4] = False
    gaps = np.zeros(shape, bool)
    for row in range(shape[0]):
        gaps[row, :: 1 + row % 9] = True
    corner = np.ones(shape, bool)
    corner[0, 0] = False
    return {"scattered": rng.random(shape) < 0.3, "ring": ring, "gaps": gaps, "all but a corner": corner}


@pytest.mark.parametrize("mask", unknown_masks((17, 31)))
@pytest.mark.parametrize(("build", "oracle"), SYSTEMS)
def test_system_is_the_laplacian_with_known_pixels_eliminated(build, oracle, mask, rng):
    is_unknown = unknown_masks((17, 31))[mask]
    image = random_image(rng, is_unknown.shape)
    known_alpha = (rng.random(is_unknown.shape) < 0.5).astype(np.float32)
    system = build(image, is_unknown, known_alpha)
    matrix = oracle(image).toarray()
    cells = np.flatnonzero(system.layout.pixels >= 0)
    pixels = system.layout.pixels[cells]
    is_known = ~is_unknown.ravel()
    assert sorted(pixels) == list(np.flatnonzero(is_unknown))
    columns = [system.matvec((np.arange(system.layout.n_cells) == cell).astype(float))[cells] for cell in cells]
    assert_close(np.stack(columns, axis=1), matrix[np.ix_(pixels, pixels)], 1e-8)
    assert_close(system.diagonal[cells], np.diag(matrix)[pixels], 1e-8)
    assert_close(system.rhs[cells], -matrix[np.ix_(pixels, is_known)] @ known_alpha.ravel()[is_known], 1e-8)


def test_colour_lines_cost_closed_form_nothing_and_random_walk_something(rng):
    image = random_image(rng)
    line = (image.astype(float) @ [0.4, -0.3, 0.5] + 0.2).ravel()
    assert line @ (closed_form_laplacian(image, epsilon=1e-12) @ line) < 1e-10
    assert line @ (random_walk_laplacian(image, sigma=1.0) @ line) > 1.0


@pytest.mark.parametrize("laplacian", [closed_form_laplacian, learning_based_laplacian])
def test_epsilon_matters(laplacian, rng):
    image = random_image(rng)
    assert np.abs((laplacian(image, epsilon=1e-2) - laplacian(image)).toarray()).max() > 1e-4


@pytest.mark.parametrize("step", [1 / 15, 1 / 255])
def test_learning_based_window_of_colours_on_a_line(step, rng):
    """Few colours, as of a palette: with F = U diag(s2 / (s2 + e)) U' (svd), nothing is lost to rounding."""
    along = rng.integers(0, 4, (3, 3))
    along.flat[:2] = 0, 3
    image = np.float32(along[:, :, None] * np.array([1, 2, 1]) * step + 2 * step)
    left, stretch, _ = np.linalg.svd(np.c_[np.ones(9), image.reshape(9, 3).astype(float)])
    kept = np.ones(9)
    kept[:4] = 1e-7 / (stretch**2 + 1e-7)
    expected = (left * kept**2) @ left.T
    assert_close(learning_based_laplacian(image).toarray(), expected, 1e-9)


def test_random_walk_keeps_pixels_tied_across_the_strongest_edge():
    image = np.zeros((1, 4, 3))
    image[:, 2:] = 1.0
    matrix = random_walk_laplacian(image).toarray()
    assert matrix[1, 2] < 0.0
    assert np.linalg.matrix_rank(matrix) == 3


class TestFlatColours:
    """Windows whose colours lie on a line: of a grey picture, or an edge between two colours."""

    LEFT = np.arange(11)[None, :, None] < 5
    IMAGES = {
        "grey": np.random.default_rng(0).random((9, 11, 1), np.float32).repeat(3, axis=2),
        "edge": np.where(LEFT, 0.0, 1.0) * np.ones((9, 1, 3)),
        "two colours": np.where(LEFT, (0.9, 0.2, 0.1), (0.1, 0.4, 0.8)) * np.ones((9, 1, 1)),
    }

    @pytest.mark.parametrize("name", IMAGES)
    def test_semidefinite_and_blind_to_the_colour(self, name):
        image = self.IMAGES[name]
        laplacian = closed_form_laplacian(image)
        assert np.linalg.eigvalsh(laplacian.toarray())[0] > -1e-7
        assert np.abs(laplacian @ np.float64(image)[:, :, 0].ravel()).max() < 1e-6

    @pytest.mark.parametrize("name", IMAGES)
    def test_prior_alone_decides(self, name):
        """No pixel is known and the prior is weak: the direct solution of the same system."""
        image, prior = self.IMAGES[name], np.tile(np.linspace(0, 1, 11), (9, 1))
        alpha = solve_cf(image, np.full((9, 11), 0.5), prior=prior, confidence=1e-3)
        system = baselines.closed_form.closed_form_laplacian(image).toarray() + 1e-3 * np.eye(99)
        assert_close(alpha.ravel(), np.float32(np.linalg.solve(system, 1e-3 * prior.ravel())), 1e-3)
