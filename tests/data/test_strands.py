"""Drawn hair: exact composites, thin strands, results that depend on the seed alone."""

import numpy as np
import pytest

from hybridmatte.data import random_hair, strands
from hybridmatte.foreground import composite
from tests.tolerances import assert_close


def test_composite_is_the_picture_drawn_over_the_background(monkeypatch):
    drawn = []
    average_canvas = strands.average_canvas
    monkeypatch.setattr(
        strands, "average_canvas", lambda canvas, colour: drawn.append(canvas) or average_canvas(canvas, colour)
    )
    sample = random_hair((60, 70), np.random.default_rng(1))
    background = np.random.default_rng(2).random((60, 70, 3)).astype(np.float32)
    fine = background.repeat(4, axis=0).repeat(4, axis=1)
    picture = np.where(drawn[0][:, :, 3:] > 0, drawn[0][:, :, :3] / 255, fine)
    expected = picture.reshape(60, 4, 70, 4, 3).mean(axis=(1, 3))
    assert_close(composite(sample.foreground, sample.alpha, background), expected.astype(np.float32), 1e-6)


def test_texture_multiplies_colours():
    texture = np.random.default_rng(3).random((60, 70, 3)).astype(np.float32)
    sample = random_hair((60, 70), np.random.default_rng(1), texture=texture)
    plain = random_hair((60, 70), np.random.default_rng(1), texture=np.full((60, 70, 3), 0.5, np.float32))
    assert (sample.alpha == plain.alpha).all()
    assert_close(sample.foreground, (2 * plain.foreground * texture).clip(0, 1), 1e-6)
    with pytest.raises(ValueError, match="texture"):
        random_hair((50, 50), np.random.default_rng(0), texture=texture)


def test_result_depends_on_the_generator():
    first, again, other = (random_hair((50, 60), np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (first.alpha == again.alpha).all()
    assert (first.foreground == again.foreground).all()
    assert (first.alpha != other.alpha).any()


@pytest.mark.parametrize("seed", range(5))
def test_body_strands_and_background(seed):
    alpha = random_hair((256, 200), np.random.default_rng(seed)).alpha
    assert alpha.shape == (256, 200)
    assert alpha.dtype == np.float32
    assert (alpha == 1).mean() > 0.05
    assert (alpha == 0).mean() > 0.2
    assert ((alpha > 0.05) & (alpha < 0.95)).mean() > 0.01


def test_thin_strands_cover_less():
    thin, thick = (
        random_hair((128, 128), np.random.default_rng(0), strands=(300, 300), widths=(size, size)).alpha
        for size in (0.5, 6.0)
    )
    assert thin.sum() < thick.sum()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (8, 50)}, "shape is 8"),
        ({"strands": (9, 3)}, "expected the smaller first"),
        ({"widths": (0.0, 1.0)}, "widths is 0"),
        ({"strands": (0, 3)}, "strands is 0"),
    ],
    ids=["shape", "order", "width", "none"],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        random_hair(options.pop("shape", (50, 50)), np.random.default_rng(0), **options)
