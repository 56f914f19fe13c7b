"""Motion between frames: translation, occlusion, cuts, and an object's motion over its soft edge."""

import cv2
import numpy as np
import pytest

from hybridmatte.video.flow import is_cut, motion_between
from hybridmatte.video.ground_motion import ground_cells, shown_ground
from hybridmatte.video.object_motion import flow_of_cells, object_flow


def texture(seed=0, shape=(90, 120)):
    rng = np.random.default_rng(seed)
    picture = cv2.GaussianBlur(rng.random((*shape, 3)).astype(np.float32), (0, 0), 2)
    return ((picture - picture.min()) / np.ptp(picture)).astype(np.float32)


def warp(plane, flow):
    y, x = np.indices(flow.shape[:2], np.float32)
    return cv2.remap(plane, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("shift", [(3, 2), (-4, 1)])
def test_a_translation_is_found_in_both_directions(shift):
    large = texture()
    one, other = large[10:70, 10:100], large[10 + shift[1] : 70 + shift[1], 10 + shift[0] : 100 + shift[0]]
    pair = motion_between(one, other)
    inner = slice(8, -8), slice(8, -8)
    assert np.abs(pair.to_previous.flow[inner] - shift).max() < 0.3
    assert np.abs(pair.to_next.flow[inner] + shift).max() < 0.3
    assert np.abs(warp(one, pair.to_previous.flow) - other)[inner].max() < 0.05
    assert pair.to_previous.reliability[inner].min() > 0.5


def test_pixels_that_come_into_the_frame_are_not_reliable():
    large = texture()
    motion = motion_between(large[10:70, 10:80], large[10:70, 20:90]).to_previous
    assert np.median(motion.reliability[:, -5:]) < 0.1


def test_a_cut_is_found_and_flicker_and_motion_are_none():
    frame = texture(shape=(120, 160))[:90, :120]
    assert is_cut(frame, texture(1))
    assert not is_cut(frame, np.clip(1.15 * frame, 0, 1))
    assert not is_cut(frame, texture(shape=(120, 160))[6:96, 8:128])
    assert not is_cut(frame, frame)


def test_small_frames_and_one_pixel_have_a_motion():
    for shape in ((1, 1, 3), (5, 40, 3)):
        frame = np.full(shape, 0.5, np.float32)
        assert motion_between(frame, frame).to_previous.flow.shape == (*shape[:2], 2)


def test_the_objects_motion_is_continued_over_its_edge():
    """The ground stands still, the object moves by 4 pixels; its soft edge moves with it."""
    ground, skin = texture(2, (120, 160)), texture(3, (120, 160))
    y, x = np.indices((120, 160))
    alphas = [np.clip((40 - np.hypot(y - 60, x - 70 - k)) / 10, 0, 1).astype(np.float32) for k in (0, 4)]
    frames = [
        alpha[..., None] * np.roll(skin, k, axis=1) + (1 - alpha[..., None]) * ground
        for alpha, k in zip(alphas, (0, 4), strict=True)
    ]
    motion = motion_between(*frames).to_previous
    flow = object_flow(motion, alphas[0])
    is_edge = (alphas[1] > 0.05) & (alphas[1] < 0.95)
    assert np.abs(flow[is_edge] - (-4, 0)).mean() < 0.5
    errors = [np.abs(warp(alphas[0], one) - alphas[1])[is_edge].mean() for one in (flow, motion.flow)]
    assert errors[0] < 0.7 * errors[1]


def test_the_grounds_motion_is_continued_behind_the_object():
    """The object stands still, the ground moves by 3 pixels, behind the object too."""
    large, skin = texture(2, (120, 170)), texture(3, (120, 160))
    y, x = np.indices((120, 160))
    alpha = np.clip((40 - np.hypot(y - 60, x - 80)) / 10, 0, 1).astype(np.float32)
    frames = [alpha[..., None] * skin + (1 - alpha[..., None]) * large[:, k : k + 160] for k in (6, 3)]
    motion = motion_between(*frames).to_previous
    flow = flow_of_cells(ground_cells(motion, shown_ground(frames[1], alpha == 0)), alpha.shape)
    assert np.abs(flow - (-3, 0))[alpha > 0].mean() < 0.2
    assert np.abs(motion.flow - (-3, 0))[alpha > 0.5].mean() > 1
