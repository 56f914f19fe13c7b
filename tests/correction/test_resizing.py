"""Halving of images and trimaps, and enlarging."""

import cv2
import numpy as np
import pytest

from hybridmatte.correction.resizing import doubled, halved, halved_trimap


@pytest.mark.parametrize("shape", [(6, 8), (7, 9), (1, 1), (5, 6, 3)])
def test_halved(shape):
    """The means of 2 x 2 pixels; an odd side gets its last pixels twice."""
    part = np.random.default_rng(0).random(shape, np.float32)
    even = np.pad(part, [(0, side % 2) for side in shape[:2]] + [(0, 0)] * (len(shape) - 2), mode="edge")
    expected = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    np.testing.assert_allclose(halved(part), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 60), (41, 59)])
@pytest.mark.parametrize("interpolation", [cv2.INTER_LINEAR, cv2.INTER_CUBIC])
def test_there_and_back(shape, interpolation):
    """A ramp stays where it is, within a quarter of a pixel, but at the border."""
    ramp = np.float32(np.indices(shape).sum(axis=0) / 100)
    back = doubled(halved(ramp), shape, interpolation)
    assert back.shape == shape
    np.testing.assert_allclose(back[4:-4, 4:-4], ramp[4:-4, 4:-4], atol=2.5e-3)


class TestHalvedTrimap:
    @pytest.mark.parametrize("shape", [(40, 60), (41, 59)])
    def test_regions(self, shape):
        """A pixel is known if its four pixels are; beside such pixels no other one is."""
        trimap = np.full(shape, 0.5, np.float32)
        trimap[:11], trimap[29:] = 0, 1
        half = halved_trimap(trimap)
        assert half.shape == tuple(-(-side // 2) for side in shape)
        assert (half[:5] == 0).all()
        assert (half[5:15] == 0.5).all()
        assert (half[15:] == 1).all()

    @pytest.mark.parametrize("value", [0, 1])
    @pytest.mark.parametrize("kind", ["diagonal", "row", "dots"])
    def test_strokes_and_dots_stay(self, value, kind):
        trimap = np.full((41, 60), 0.5, np.float32)
        trimap[:, :8], trimap[:, -8:] = 1 - value, 1 - value
        ys = np.arange(6, 36)
        pixels = {"diagonal": (ys, ys + 10), "row": (np.full(30, 21), ys + 10), "dots": (ys[::5], ys[::5] + 10)}[kind]
        trimap[pixels] = value
        half = halved_trimap(trimap)
        assert (half[pixels[0] // 2, pixels[1] // 2] == value).all()
        assert np.count_nonzero(half == value) == len(np.unique(np.stack(pixels) // 2, axis=1).T)

    def test_opposite_values_in_one_pixel_are_unknown(self):
        trimap = np.full((8, 8), 0.5, np.float32)
        trimap[4, 4], trimap[4, 5] = 0, 1
        assert (halved_trimap(trimap) == 0.5).all()

    def test_a_thin_unknown_line_stays(self):
        trimap = np.zeros((20, 20), np.float32)
        trimap[10:], trimap[9] = 1, 0.5
        assert (halved_trimap(trimap)[4] == 0.5).all()
