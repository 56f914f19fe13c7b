"""The window top-K against the double loop, with ties and at borders."""

import numpy as np
import pytest

from baselines.similarity import window_topk as oracle
from hybridmatte.similarity.window import window_topk
from tests.tolerances import assert_close


@pytest.mark.parametrize("padding", ["cut", "zeros"])
@pytest.mark.parametrize("window_size", [3, 7])
def test_equals_the_double_loop_with_many_ties(window_size, padding, rng):
    image = (rng.integers(0, 3, (13, 17, 3)) / 2).astype(np.float32)
    found, expected = window_topk(image, window_size, padding=padding), oracle(image, window_size, padding=padding)
    stride = 17 + (window_size - 1) * (padding == "zeros")
    assert_close(found.distances, expected.distances)
    assert np.array_equal(found.offsets, expected.dy * stride + expected.dx)


def test_offsets_gather_the_neighbours(rng):
    image = rng.random((9, 14, 3)).astype(np.float32)
    found = window_topk(image, 5, n_neighbors=4)
    neighbors = image.reshape(-1, 3)[np.arange(9 * 14).reshape(9, 14, 1) + found.offsets]
    assert_close(np.linalg.norm(neighbors - image[:, :, None], axis=3), found.distances)
    assert (np.diff(found.distances, axis=2) >= 0).all()


def test_more_neighbours_extend_the_list(rng):
    image = rng.random((9, 14, 3)).astype(np.float32)
    few, many = window_topk(image, 5, n_neighbors=2), window_topk(image, 5, n_neighbors=9)
    assert np.array_equal(many.offsets[:, :, :2], few.offsets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"window_size": 4}, "window_size is 4, expected an odd integer", id="even window"),
        pytest.param({"window_size": 1}, "window_size is 1, expected an odd integer of at least 3", id="window of one"),
        pytest.param({"n_neighbors": 37}, "n_neighbors is 37, expected an integer .* 36", id="cut window"),
        pytest.param({"padding": "edge"}, "padding is 'edge', expected 'cut' or 'zeros'", id="padding"),
    ],
)
def test_bad_options(options, message, rng):
    with pytest.raises(ValueError, match=message):
        window_topk(rng.random((20, 20, 3)), **options)
