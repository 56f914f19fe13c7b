"""Alpha against a clean plate: exact where the ground is known, and unchanged where other frames tell nothing."""

import cv2
import numpy as np
import pytest

from hybridmatte import matte_sequence
from hybridmatte.video.clean_plate import against_plates
from hybridmatte.video.colour_fit import NOISE, alpha_of_colours, local_sums
from hybridmatte.video.links import Link, Linked, Tracked
from hybridmatte.video.object_motion import cell_size
from hybridmatte.video.tracking import Matted

SHAPE = 61, 83
SKIN = np.float32([0.9, 0.25, 0.1])
ERROR = 0.25  # of the alphas that are given


def ground(seed=0):
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((*SHAPE, 3)).astype(np.float32), (0, 0), 1.5)
    return 0.1 + 0.5 * (noise - noise.min()) / np.ptp(noise)


def flow(x):
    width, height = cell_size(SHAPE)
    return np.broadcast_to(np.float32([x, 0]), (height, width, 2)).copy()


def clip(speed, *, n=7, grounds=None, light=1.0, begins=()):
    """Return true alphas and frames with wrong ones: a soft disk moves over ground that stands still."""
    y, x = np.indices(SHAPE, np.float32)
    alphas, items = [], []
    for k in range(n):
        alpha = np.clip((20 - np.hypot(y - 30, x - 41 - speed * (k - n // 2))) / 14, 0, 1)
        back = ground() if grounds is None else grounds[k]
        image = (alpha[..., None] * SKIN + (1 - alpha[..., None]) * back) * np.float32(light**k)
        is_mixed = (alpha > 0) & (alpha < 1)
        wrong = np.where(is_mixed, np.clip(alpha + ERROR * np.sin(x / 4), 0, 1), alpha).astype(np.float32)
        trimap = np.where(is_mixed, np.float32(0.5), alpha)
        matte = Matted(image.astype(np.float32), wrong, np.where(is_mixed, np.float32(ERROR**2), 0))
        links = [None if k in (0, *begins) else Link(flow(-at), flow(at)) for at in (speed, 0)]
        items.append(Linked(Tracked(matte, trimap, begins=links[0] is None), *links))
        alphas.append(alpha)
    return alphas, items


def error(items, alphas, k=3):
    is_unknown = items[k].frame.trimap == 0.5
    return float(np.abs(items[k].frame.matte.alpha - alphas[k])[is_unknown].mean())


@pytest.mark.parametrize("seed", [0, 1])
def test_alpha_is_exact_up_to_noise_where_the_ground_is_known(seed):
    rng = np.random.default_rng(seed)
    alpha = np.clip(cv2.GaussianBlur(rng.random(SHAPE).astype(np.float32), (0, 0), 3) * 6 - 2.5, 0, 1)
    noise = np.sqrt(NOISE)
    back = ground(seed)
    image = alpha[..., None] * SKIN + (1 - alpha[..., None]) * back
    image = (image + noise * rng.standard_normal(image.shape)).astype(np.float32)
    mixed = (alpha > 0.1) & (alpha < 0.9)
    skin = np.broadcast_to(np.uint16(SKIN * 65535), image.shape).copy()
    variance = np.full(np.count_nonzero(mixed), 1e-6, np.float32)
    found, precision = alpha_of_colours(image, alpha, skin, back[mixed], variance, mixed)
    expected = noise / np.linalg.norm(SKIN - back[mixed], axis=1)
    assert np.sqrt(np.mean(np.square(found - alpha[mixed]))) < 1.5 * np.sqrt(np.mean(np.square(expected)))
    assert np.median(precision * np.square(expected)) == pytest.approx(1, abs=0.5)


def test_a_foreground_of_the_grounds_colour_tells_nothing():
    image = np.full((*SHAPE, 3), 0.4, np.float32)
    unknown = np.zeros(SHAPE, bool)
    unknown[20:40] = True
    colours, variance = image[unknown], np.full(np.count_nonzero(unknown), 1e-4, np.float32)
    _, precision = alpha_of_colours(
        image, np.full(SHAPE, 0.5, np.float32), np.uint16(np.rint(65535 * image)), colours, variance, unknown
    )
    assert precision.max() < 2


def test_a_moving_object_is_seen_against_the_ground_of_other_frames():
    alphas, items = clip(6)
    assert error(list(against_plates(items)), alphas) < 0.5 * error(items, alphas)


def test_known_pixels_stay():
    _, items = clip(6)
    for found, given in zip(against_plates(items), items, strict=True):
        known = given.frame.trimap != 0.5
        assert np.array_equal(found.frame.matte.alpha[known], given.frame.matte.alpha[known])


def test_without_motion_against_each_other_alpha_stays():
    _, items = clip(0)
    for found, given in zip(against_plates(items), items, strict=True):
        assert np.abs(found.frame.matte.alpha - given.frame.matte.alpha).max() < 1e-3


def test_other_ground_is_refused():
    """The motion is wrong, or another light falls on a part: sure pixels tell."""
    grounds = [ground(0 if k == 3 else k + 10) for k in range(7)]
    alphas, items = clip(6, grounds=grounds)
    found = list(against_plates(items))
    assert error(found, alphas) < 1.05 * error(items, alphas)


def test_flicker_changes_little():
    alphas, items = clip(6)
    _, darker = clip(6, light=0.93)
    errors = [error(list(against_plates(each)), alphas) for each in (items, darker)]
    assert errors[1] < 1.3 * errors[0]


def test_a_scene_sees_no_other_scene():
    _, items = clip(6, begins=[3, 4])
    found = list(against_plates(items))
    assert np.array_equal(found[3].frame.matte.alpha, items[3].frame.matte.alpha)
    assert not np.array_equal(found[2].frame.matte.alpha, items[2].frame.matte.alpha)


def test_local_means_reach_pixels_far_from_all_values():
    weights = np.zeros(SHAPE, np.float32)
    weights[30, 5] = 1
    values, total = local_sums(3 * weights), local_sums(weights)
    assert values[30, 80] / total[30, 80] == pytest.approx(3, abs=1e-3)
    assert total[30, 80] < 1e-3 * total[30, 5]


def test_thin_frames_are_compared():
    image = np.linspace(0, 1, 1200, dtype=np.float32)[None, :, None] * np.ones((3, 1, 3), np.float32)
    trimap = np.repeat(np.float32([0, 0.5, 1]), 400)[None].repeat(3, axis=0)
    alphas = list(matte_sequence([image, 0.99 * image, image], [trimap] * 3, quality="fast"))
    assert all(np.isfinite(alpha).all() for alpha in alphas)
