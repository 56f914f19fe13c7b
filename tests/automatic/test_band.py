"""The band along a mask: what soft masks leave open, parts that are thin or small, and hard masks that are wrong."""

import cv2
import numpy as np
import pytest

from hybridmatte import matte_from_mask
from hybridmatte.automatic import band, from_mask, mask_correction
from hybridmatte.automatic.band import is_hard, trimap_of_corrected_mask, trimap_of_soft_mask, widened
from hybridmatte.automatic.mask_correction import corrected_mask
from hybridmatte.trimap import depth_inside
from tests.synthetic import soft_disk

SHAPE = (240, 320)
SCENE = soft_disk((90, 120), seed=1)


def parts(*, thickness):
    """Return six separate strokes, and the number of each."""
    mask = np.zeros(SHAPE, np.uint8)
    for k in range(6):
        cv2.line(mask, (20 + 50 * k, 30), (30 + 50 * k, 200), 1, thickness)
    return mask.astype(np.float32), cv2.connectedComponents(mask)[1]


@pytest.mark.parametrize("thickness", [3, 5, 9])
def test_each_stroke_keeps_a_core(thickness):
    """All strokes but one vanished."""
    mask, labels = parts(thickness=thickness)
    trimap = trimap_of_soft_mask(mask)
    assert all((trimap[labels == k] == 1).any() for k in range(1, 7))
    assert (trimap[mask == 1] > 0).all()


@pytest.mark.parametrize("thickness", [3, 5, 9])
def test_each_hole_keeps_a_core(thickness):
    mask, labels = parts(thickness=thickness)
    trimap = trimap_of_soft_mask(1 - mask)
    assert all((trimap[labels == k] == 0).any() for k in range(1, 7))


def test_a_long_thin_part_of_a_larger_object_keeps_a_core():
    """A cable was wholly unknown, since the object that it hangs on has a core."""
    mask = np.zeros((300, 600), np.float32)
    mask[100:200, :100] = mask[148:152, 100:560] = 1
    assert (trimap_of_soft_mask(mask)[148:152, 300:500] == 1).any(axis=0).all()


def test_hair_of_one_pixel_stays_open():
    mask = np.zeros(SHAPE, np.float32)
    mask[100:180, 100:200] = 1
    mask[40:60, 150] = 1
    assert (trimap_of_soft_mask(mask)[40:60, 150] == 0.5).all()


def test_a_crop_tight_around_the_object_keeps_both_sides():
    mask = np.ones((60, 80), np.float32)
    mask[:3] = 0
    trimap = trimap_of_soft_mask(mask)
    assert {0, 1} <= set(np.unique(trimap))


def test_what_a_soft_mask_leaves_open_is_unknown():
    mask = np.clip(np.linspace(-1, 2, SHAPE[1], dtype=np.float32), 0, 1)[None].repeat(SHAPE[0], axis=0)
    trimap = trimap_of_soft_mask(mask)
    assert (trimap[(mask > 0.05) & (mask < 0.95)] == 0.5).all()
    assert (trimap[:, :90] == 0).all()
    assert (trimap[:, -90:] == 1).all()


def test_the_band_is_a_pixel_of_a_coarse_mask_at_least():
    mask = np.zeros(SHAPE, np.float32)
    mask[60:180, 80:240] = 1
    narrow, wide = (trimap_of_soft_mask(mask, pitch) == 0.5 for pitch in (1.0, 20.0))
    assert narrow.sum() < wide.sum()
    assert wide[120, 80:100].all()


@pytest.mark.parametrize("value", [0.6, 0.94])
def test_an_object_that_the_mask_is_nowhere_sure_of(value):
    mask = np.zeros(SHAPE, np.float32)
    mask[60:180, 80:240] = value
    trimap = trimap_of_soft_mask(mask)
    assert {0, 1} <= set(np.unique(trimap))


def test_hard_and_soft():
    hard = np.float32(SCENE.alpha >= 0.5)
    assert is_hard(hard)
    assert not is_hard(cv2.GaussianBlur(hard, (0, 0), 2))


def test_the_band_grows_where_alpha_has_not_ended():
    trimap = np.zeros((100, 200), np.float32)
    trimap[:, 120:] = 1
    trimap[:, 100:120] = 0.5
    alpha = np.where(np.arange(200) < 120, 0.0, 1.0)[None].repeat(100, axis=0)  # the edge lies at the band's right rim
    wider = widened(trimap, alpha)
    assert (wider[:, :100] == 0).all()
    assert (wider[:, 121] == 0.5).all()
    assert (wider[trimap == 0.5] == 0.5).all()
    assert (trimap[:, 120:] == 1).all()


def test_a_hard_mask_that_is_too_small(monkeypatch):
    """The object's rim was lost: 8 pixels where the band has 5."""
    y, x = np.mgrid[:300, :400]
    alpha = np.clip(90 - np.hypot(y - 150, x - 200), 0, 1).astype(np.float32)
    colours = np.float32([[0.8, 0.4, 0.2], [0.1, 0.3, 0.6]])
    image = alpha[:, :, None] * colours[0] + (1 - alpha[:, :, None]) * colours[1]
    image += np.random.default_rng(0).normal(0, 0.02, image.shape).astype(np.float32)
    mask = cv2.erode(np.float32(alpha >= 0.5), np.ones((17, 17)))
    errors = []
    for count in (from_mask.WIDENINGS, 0):
        monkeypatch.setattr(from_mask, "WIDENINGS", count)
        found = matte_from_mask(image.clip(0, 1), mask, method="cf", trust_mask=True)
        errors.append(np.abs(found.alpha - alpha).mean())
    assert errors[0] < errors[1] / 2


class TestCropped:
    """Distances are computed around what can change; at 5 megapixels, those of the whole image took two seconds."""

    MODULES = (band, mask_correction)

    @pytest.fixture
    def masks(self, rng):
        """Return a soft mask with thin and separate parts, a hard one, and one of noise, each with a correction."""
        lines = np.zeros((230, 310), np.float32)
        for _ in range(12):
            start, end = rng.integers(0, 300, (2, 2)).tolist()
            cv2.line(lines, start, end, 1, int(rng.integers(1, 12)))
        cv2.circle(lines, (260, 190), 30, 1, -1)
        noise = cv2.resize(rng.random((29, 37), np.float32), (310, 230), interpolation=cv2.INTER_LINEAR)
        soft = cv2.GaussianBlur(lines, (0, 0), 1.5)
        return [(mask, cv2.GaussianBlur(np.roll(mask, 3, 1), (0, 0), 2)) for mask in (lines, soft, noise)]

    @staticmethod
    def results(masks, monkeypatch):
        """Return correction, trimaps and wider bands of masks."""
        found = []
        for mask, answer in masks:
            small = {"answer": answer}
            monkeypatch.setattr(mask_correction, "run_segmenter", lambda _, image, __, small=small: small["answer"])  # noqa: ARG005
            corrected = corrected_mask(np.full((*mask.shape, 3), 0.5, np.float32), mask)
            trimap = trimap_of_soft_mask(mask)
            found += [corrected, trimap, trimap_of_corrected_mask(mask, answer), widened(trimap, answer)]
        return found

    def test_the_same_as_for_the_whole_image(self, masks, monkeypatch):
        found = self.results(masks, monkeypatch)
        for module in self.MODULES:
            monkeypatch.setattr(module, "box_around", lambda *_: (slice(None), slice(None)))
        monkeypatch.setattr(band, "BLOCKS", 1e9)  # blocks of one pixel
        for cropped, whole in zip(found, self.results(masks, monkeypatch), strict=True):
            assert np.array_equal(cropped, whole)

    def test_a_small_object_costs_little(self, monkeypatch):
        """Of more than twenty distance transforms, eight are left; the image has to be searched for what is certain."""
        mask = np.zeros((600, 800), np.float32)
        mask[300:340, 400:440] = mask[100:104, 100:140] = 1
        counts = []
        for module in self.MODULES:
            monkeypatch.setattr(module, "depth_inside", lambda part: (counts.append(part.size), depth_inside(part))[1])
        self.results([(mask, mask)], monkeypatch)
        assert sum(counts) < 9 * mask.size
