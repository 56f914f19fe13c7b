"""Independent parts of the unknown region: a partition that changes no answer."""

import time

import numpy as np
import pytest

import hybridmatte
from hybridmatte.systems import regions
from hybridmatte.systems.regions import independent_regions


def scattered(rng, shape=(70, 90), share=0.01):
    return rng.random(shape) < share


@pytest.mark.parametrize("reach", [2, 4])
@pytest.mark.parametrize("least", [1, 20, 10_000])
def test_parts_cover_the_unknown_region_and_lie_apart(reach, least, rng, monkeypatch):
    monkeypatch.setattr(regions, "MIN_UNKNOWNS", least)
    is_unknown = scattered(rng)
    owner = np.full(is_unknown.shape, -1)
    parts = independent_regions(is_unknown, reach)
    for number, (crop, is_part) in enumerate(parts):
        assert (owner[crop][is_part] == -1).all()
        owner[crop][is_part] = number
        rows, columns = np.nonzero(is_part)
        gaps = (
            crop[0].start and rows.min(),
            crop[1].start and columns.min(),
            crop[0].stop < 70 and is_part.shape[0] - 1 - rows.max(),
            crop[1].stop < 90 and is_part.shape[1] - 1 - columns.max(),
        )
        assert all(gap >= reach for gap in gaps if gap)
    assert np.array_equal(owner >= 0, is_unknown)
    for y, x in np.argwhere(is_unknown):
        near = owner[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        assert set(np.unique(near)) <= {-1, owner[y, x]}
    assert (len(parts) == 1) == (least == 10_000)


@pytest.mark.parametrize("reach", [255, 256, 257, 512])
def test_squares_of_more_than_65535_pixels(reach):
    """Large windows: a full square of 256 pixels a side counted as empty, and its pixels got alpha 0, unsaid."""
    parts = independent_regions(np.ones((520, 530), bool), reach)
    assert sum(np.count_nonzero(is_part) for _, is_part in parts) == 520 * 530


def test_many_small_parts_are_joined_in_one_pass():
    """A trimap of noise: 57,600 single pixels took 28 seconds, as each part added up all that waited before it."""
    is_unknown = np.zeros((1200, 1200), bool)
    is_unknown[::5, ::5] = True
    start = time.process_time()
    parts = independent_regions(is_unknown, 2)
    assert time.process_time() - start < 5
    assert [np.count_nonzero(is_part) for _, is_part in parts] == [20_000, 20_000, 17_600]


@pytest.mark.parametrize(
    "solver",
    [
        hybridmatte.solve_cf,
        hybridmatte.solve_random_walk,
        lambda *inputs, **options: hybridmatte.solve_large_kernel(*inputs, window_size=5, **options),
    ],
    ids=["cf", "random_walk", "large_kernel"],
)
@pytest.mark.parametrize("with_prior", [False, True], ids=["plain", "prior"])
def test_same_alpha_in_parts_and_at_once(solver, with_prior, rng, monkeypatch):
    image = rng.random((40, 60, 3))
    trimap = np.repeat(np.arange(60) > 30, 40).reshape(60, 40).T.astype(float)
    trimap[5:12, 5:12] = trimap[20:30, 26:36] = trimap[2:9, 44:57] = trimap[36:40, 50:53] = 0.5
    options = {"prior": rng.random((40, 60)), "confidence": rng.random((40, 60))} if with_prior else {}
    at_once = solver(image, trimap, rtol=1e-10, **options)
    monkeypatch.setattr(regions, "MIN_UNKNOWNS", 1)
    in_parts = solver(image, trimap, rtol=1e-10, **options)
    assert np.abs(in_parts - at_once).max() < 1e-5


def test_warns_once_if_any_part_falls_short(rng, monkeypatch):
    monkeypatch.setattr(regions, "MIN_UNKNOWNS", 1)
    image = rng.random((40, 60, 3))
    trimap = np.zeros((40, 60))
    trimap[:, 20:40] = 1
    trimap[:, 10:30] = 0.5
    trimap[5:9, 50:55] = 0.5
    with pytest.warns(hybridmatte.ConvergenceWarning) as warned:
        hybridmatte.solve_cf(image, trimap, maxiter=1)
    assert len(warned) == 1
