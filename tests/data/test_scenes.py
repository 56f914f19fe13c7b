"""Drawn scenes: exact alpha, properties of each kind, results that depend on the seed alone."""

import cv2
import numpy as np
import pytest

from hybridmatte.data import random_hair, random_scene, scenes
from hybridmatte.data.drawing import smooth_noise
from hybridmatte.foreground import composite
from tests.tolerances import assert_close

KINDS = list(scenes.SCENES)


def mixed(alpha):
    return float(((alpha > 0.05) & (alpha < 0.95)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind):
    sample = random_scene((120, 150), np.random.default_rng(3), kind=kind)
    assert sample.name == kind
    assert sample.foreground.shape == (120, 150, 3)
    assert sample.foreground.dtype == sample.alpha.dtype == np.float32
    for plane in (sample.foreground, sample.alpha):
        assert plane.min() >= 0
        assert plane.max() <= 1
    assert (sample.alpha == 0).mean() > 0.2
    assert mixed(sample.alpha) > 0.005


@pytest.mark.parametrize("kind", KINDS)
def test_result_depends_on_the_generator(kind):
    first, again, other = (random_scene((50, 60), np.random.default_rng(seed), kind=kind) for seed in (0, 0, 1))
    assert (first.alpha == again.alpha).all()
    assert (first.foreground == again.foreground).all()
    assert (first.alpha != other.alpha).any()


def test_lace_composite_is_the_picture_drawn_over_the_background(monkeypatch):
    drawn, average_canvas = [], scenes.average_canvas
    monkeypatch.setattr(
        scenes, "average_canvas", lambda canvas, colour: drawn.append(canvas) or average_canvas(canvas, colour)
    )
    sample = random_scene((60, 70), np.random.default_rng(1), kind="lace")
    background = np.random.default_rng(2).random((60, 70, 3)).astype(np.float32)
    fine = background.repeat(4, axis=0).repeat(4, axis=1)
    picture = np.where(drawn[0][:, :, 3:] > 0, drawn[0][:, :, :3] / 255, fine)
    expected = picture.reshape(60, 4, 70, 4, 3).mean(axis=(1, 3))
    assert_close(composite(sample.foreground, sample.alpha, background), expected.astype(np.float32), 1e-6)


def test_motion_is_the_mean_of_the_positions(monkeypatch):
    """An opaque object of one colour keeps its area and its colour."""
    still = (np.zeros((40, 40, 3), np.float32), np.zeros((40, 40), np.float32))
    still[0][12:28, 12:28], still[1][12:28, 12:28] = (0.9, 0.2, 0.4), 1
    monkeypatch.setattr(scenes, "_hair", lambda *_: still)
    monkeypatch.setattr(scenes, "_lace", lambda *_: still)
    sample = random_scene((40, 40), np.random.default_rng(0), kind="motion")
    assert abs(sample.alpha.sum() - still[1].sum()) < 0.01  # nothing is lost
    assert np.abs(sample.foreground[sample.alpha > 0.01] - (0.9, 0.2, 0.4)).max() < 1e-4
    assert mixed(sample.alpha) > 0.01


def test_fur_is_shorter_than_hair():
    """Compare the largest distance of a strand from the body, which is the same for one seed."""
    options = {"strands": (300, 300), "widths": (2.0, 2.0)}
    for seed in range(4):
        body, fur, hair = (
            random_hair((128, 128), np.random.default_rng(seed), lengths=lengths, **options).alpha > 0
            for lengths in ((1e-3, 1e-3), (0.02, 0.08), (0.3, 0.45))
        )
        distance = cv2.distanceTransform(np.uint8(~body), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        assert distance[fur].max() < 0.15 * 128
        assert distance[hair].max() > 1.5 * distance[fur].max()


def test_glass_has_highlights_of_white():
    sample = random_scene((200, 200), np.random.default_rng(1), kind="glass")
    brightest = np.unravel_index(sample.alpha.argmax(), sample.alpha.shape)
    assert sample.foreground[brightest].min() > 0.6


def test_plant_is_opaque_and_stands_on_the_ground():
    """Twigs and leaves are connected with the lower border."""
    for seed in range(4):
        alpha = random_scene((160, 160), np.random.default_rng(seed), kind="plant").alpha
        parts, _ = cv2.connectedComponents(np.uint8(alpha > 0))
        assert parts <= 3  # the background, the plant, and a leaf whose twig is outside the picture
        assert alpha[-1].max() == 1


def test_texture_multiplies_colours():
    texture = np.random.default_rng(3).random((60, 70, 3)).astype(np.float32)
    for kind in ("hair", "fur", "lace", "plant"):
        sample = random_scene((60, 70), np.random.default_rng(1), kind=kind, texture=texture)
        plain = random_scene((60, 70), np.random.default_rng(1), kind=kind, texture=np.full((60, 70, 3), 0.5))
        assert (sample.alpha == plain.alpha).all()
        assert_close(sample.foreground, (2 * plain.foreground * texture).clip(0, 1), 1e-6)


def test_every_kind_is_drawn():
    generator = np.random.default_rng(0)
    assert {random_scene((16, 16), generator).name for _ in range(60)} == set(KINDS)


def test_noise_is_smooth():
    plane = smooth_noise((64, 64), np.random.default_rng(0), octaves=1)
    assert np.abs(np.diff(plane)).max() < 0.2
    assert np.ptp(plane) > 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "steam"}, "kind is 'steam'"),
        ({"shape": (8, 50)}, "is 8"),
        ({"kind": "smoke", "texture": np.zeros((9, 9, 3))}, "texture has shape"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        random_scene(options.pop("shape", (50, 50)), np.random.default_rng(0), **options)
