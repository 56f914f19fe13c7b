"""Exactly grey pictures and pictures of few colours: windows whose colours span no volume."""

import numpy as np
import pytest

from baselines.large_kernel import large_kernel_laplacian
from baselines.solve import solve_system
from hybridmatte import solve_large_kernel
from hybridmatte.methods.large_kernel import large_kernel_laplacian as operator
from tests.tolerances import assert_close


def disk(shape, radius, softness):
    """Return the alpha of a disk, and its trimap with a band of `softness` + 3 pixels on each side of the edge."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot(y - shape[0] / 2, x - shape[1] / 2) - radius
    alpha = np.clip(0.5 - distance / softness, 0, 1)
    return alpha, np.where(distance < -softness - 3, 1.0, np.where(distance > softness + 3, 0.0, 0.5))


def test_grey_drawing_is_solved_exactly():
    """A black drawing on white paper, scanned in grey, gave an alpha with a SAD of 30 where alpha is the grey value."""
    alpha, trimap = disk((100, 100), 30, 1)
    assert_close(solve_large_kernel(np.repeat(alpha[..., None], 3, axis=2), trimap), alpha, 1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_grey_photograph_is_solved_as_with_a_little_chroma(seed):
    """A scan in grey had 1.5 times the error of the same picture with invisible colour noise, or no answer at all."""
    rng = np.random.default_rng(seed)
    alpha, trimap = disk((90, 100), 28, 3)
    grey = 0.75 * alpha + 0.2 * (1 - alpha) + 0.03 * rng.standard_normal(alpha.shape).cumsum(axis=1) / 5
    grey = np.repeat((np.rint(grey.clip(0, 1) * 255) / 255)[..., None], 3, axis=2)
    noisy = (grey + rng.normal(0, 0.2 / 255, grey.shape)).clip(0, 1)
    expected = solve_large_kernel(noisy, trimap)
    assert np.abs(solve_large_kernel(grey, trimap) - expected).sum() < 0.05 * np.abs(expected - alpha).sum()


@pytest.mark.parametrize("palette", ["grey", "one line", "two colors"])
@pytest.mark.parametrize("window_size", [5, 11])
def test_few_colors_equal_a_direct_solve(palette, window_size):
    """In drawings of few flat colours alpha was off by up to 0.43 without a warning."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        ends = np.array([[0, 0, 0], [1, 1, 1]]) if palette == "grey" else rng.random((2, 3))
        share = rng.choice([0, 1] if palette == "two colors" else [0, 0.2, 0.6, 1], (3, 4, 1))
        image = (ends[0] + share * (ends[1] - ends[0])).astype(np.float32).repeat(5, axis=0).repeat(5, axis=1)
        trimap = rng.choice([0, 0.5, 1], image.shape[:2])
        expected = solve_system(large_kernel_laplacian(image, window_size), trimap)
        assert_close(solve_large_kernel(image, trimap, window_size=window_size), expected, 1e-3)


def test_operator_of_a_grey_image_is_positive_semidefinite(rng):
    """The operator of a grey picture had negative eigenvalues, so conjugate gradients broke down."""
    image = np.repeat(rng.integers(0, 256, (9, 12, 1)) / 255, 3, axis=2)
    matrix = operator(image, window_size=7) @ np.eye(108)
    assert_close(matrix, matrix.T, 1e-7)
    assert np.linalg.eigvalsh((matrix + matrix.T) / 2)[0] > -1e-7
    assert_close(matrix, large_kernel_laplacian(image.astype(np.float32), 7).toarray(), 1e-6)
