"""The average over time: the motion of cut-outs, and what it does with errors that are independent or wrong."""

import cv2
import numpy as np

from hybridmatte.video.flow import motion_between
from hybridmatte.video.links import Tracked, linked
from hybridmatte.video.object_motion import cutout_cells, flow_of_cells, object_flow
from hybridmatte.video.smoothing import averaged
from hybridmatte.video.tracking import Matted
from tests.video.test_flow import texture

SHAPE = (90, 120)


def hair(shift, core=9, tips=42):
    """Return the alpha (H, W) of fine strands around a core, moved by whole pixels in x; both end at a radius."""
    y, x = np.indices(SHAPE)
    angle, distance = np.arctan2(y - 45, x - 60 - shift), np.hypot(y - 45, x - 60 - shift)
    strands = np.clip(2 * np.sin(24 * angle + distance / 6) - 0.6, 0, 1) * np.clip((tips - distance) / 6, 0, 1)
    return np.maximum(strands, np.clip(core - distance, 0, 1)).astype(np.float32)


def over(alpha, ground, shift):
    skin = np.roll(0.3 * texture(3, SHAPE), shift, axis=1)
    return (alpha[..., None] * skin + (1 - alpha[..., None]) * ground).astype(np.float32)


def mattes(alphas, images):
    variance = np.zeros(SHAPE, np.float32)
    trimap = np.full(SHAPE, 0.5, np.float32)
    motions = [None, *map(motion_between, images, images[1:])]
    return [
        Tracked(Matted(image, alpha, variance), trimap, motion=motion)
        for image, alpha, motion in zip(images, alphas, motions, strict=True)
    ]


def smoothed(frames, radius):
    return (item.frame.matte for item in averaged(linked(frames), radius))


def test_the_motion_of_cut_outs_is_that_of_hair_where_the_frames_show_the_ground():
    ground = texture(2, SHAPE)
    alphas = [hair(0), hair(3)]
    frames = [over(alpha, ground, shift) for alpha, shift in zip(alphas, (0, 3), strict=True)]
    back, ahead = (flow_of_cells(cells, SHAPE) for cells in cutout_cells(frames[0], alphas[0], frames[1], alphas[1]))
    of_frames = object_flow(motion_between(*frames).to_previous, alphas[0])
    for flow, alpha, wanted in ((back, alphas[1], (-3, 0)), (ahead, alphas[0], (3, 0))):
        assert np.abs(flow - wanted)[alpha > 0.05].mean() < 0.3
    error, control = (np.abs(flow - (-3, 0))[alphas[1] > 0.05].mean() for flow in (back, of_frames))
    assert error < 0.25 * control


def test_independent_errors_are_averaged_along_the_motion():
    """Deviations that are small against the expected one fall by the square root of the number of frames."""
    generator = np.random.default_rng(7)
    shifts = (0, 1, 2, 3, 4)
    alphas = [np.clip(0.9 * cv2.GaussianBlur(hair(shift), (0, 0), 2), 0, 1) for shift in shifts]
    frames = [over(alpha, texture(5, SHAPE), shift) for alpha, shift in zip(alphas, shifts, strict=True)]
    noisy = [alpha + 0.05 * generator.standard_normal(SHAPE).astype(np.float32) for alpha in alphas]
    noisy = [alpha.clip(0, 1) for alpha in noisy]
    found = [matte.alpha for matte in smoothed(mattes(noisy, frames), 2)]
    region = (alphas[2] > 0.15) & (alphas[2] < 0.85)
    errors = [np.std((alpha - alphas[2])[region]) for alpha in (found[2], noisy[2])]
    assert 0.35 * errors[1] < errors[0] < 0.65 * errors[1]  # 1 / sqrt(5) is 0.45


def test_an_alpha_that_does_not_fit_changes_little():
    alpha, ground = hair(0), texture(4, SHAPE)
    frames = [over(alpha, ground, 0), over(alpha, 0.9 * ground, 0)]
    one, _ = smoothed(mattes([alpha, 1 - alpha], frames), 2)
    assert np.abs(one.alpha - alpha).mean() < 0.1 * np.abs(1 - 2 * alpha).mean()


def test_known_pixels_and_frames_of_other_scenes_do_not_change():
    alpha = hair(0)
    frames = [over(alpha, texture(seed, SHAPE), 0) for seed in (4, 5)]
    first, second = mattes([alpha, np.sqrt(alpha)], frames)
    assert np.array_equal(next(smoothed([first, second._replace(begins=True)], 2)).alpha, alpha)
    known = first._replace(trimap=np.rint(alpha))
    assert np.array_equal(next(smoothed([known, second], 2)).alpha, alpha)
