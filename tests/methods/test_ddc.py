"""The DDC program: its gap, its oracle by linear programming, its Lipschitz band."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

import hybridmatte
from hybridmatte import lipschitz_band, solve_ddc, window_topk
from hybridmatte.linalg.primal_dual import minimize_links
from hybridmatte.methods.ddc import make_links
from hybridmatte.systems.problem import check_problem
from tests.synthetic import soft_disk


def links_of(image, trimap, window_size):
    problem = check_problem(image, trimap)
    return make_links(window_topk(problem.image, window_size), problem.is_unknown, problem.known_alpha)


def ends(links, alpha):
    """Return the alphas at the links' tails and heads."""
    return [
        np.where(end >= 0, alpha[np.maximum(end, 0)], links.known[np.maximum(-1 - end, 0)])
        for end in (links.tails, links.heads)
    ]


def penalty(links, alpha, form):
    tails, heads = ends(links, alpha)
    x, d = tails - heads, links.lengths
    return (np.abs(x - d) if form == "ddc" else np.maximum(np.abs(x) - d, 0)).sum()


def least_penalty(links, form):
    """Return the least penalty by linear programming: s_e >= x_e - d_e, s_e >= -x_e + d_e (or -x_e - d_e, 0)."""
    n, m = len(links.pixels), len(links.tails)
    rows, bounds = [], []
    for e in range(m):
        for sign, offset in ((1, links.lengths[e]), (-1, -links.lengths[e] if form == "ddc" else links.lengths[e])):
            row, bound = np.zeros(n + m), offset
            for end, side in ((links.tails[e], sign), (links.heads[e], -sign)):
                if end >= 0:
                    row[end] += side
                else:
                    bound -= side * links.known[-1 - end]
            row[n + e] = -1
            rows.append(row)
            bounds.append(bound)
    result = linprog(
        np.concatenate([np.zeros(n), np.ones(m)]),
        np.array(rows),
        np.array(bounds),
        bounds=[(0, 1)] * n + [(0, None)] * m,
    )
    assert result.success
    return result.fun


@pytest.mark.parametrize("form", ["ddc", "hinge"])
def test_reaches_the_least_penalty(form, rng):
    image = rng.random((5, 6, 3)) * 0.4
    trimap = np.full((5, 6), 0.5)
    trimap[:, 0], trimap[:, -1] = 0.0, 1.0
    links = links_of(image, trimap, 3)
    n = len(links.pixels)
    result = minimize_links(
        links, form, start=np.full(n, 0.5), weight=np.zeros(n), prior=np.zeros(n), gap=1e-6, maxiter=20_000
    )
    expected = least_penalty(links, form)
    assert result.penalty == pytest.approx(expected, abs=1e-4)
    assert result.bound <= expected + 1e-6
    assert result.penalty == pytest.approx(penalty(links, result.alpha, form))


@pytest.mark.parametrize("form", ["ddc", "hinge"])
def test_bound_is_below_every_penalty(form, rng):
    scene = soft_disk()
    links = links_of(scene.image, scene.trimap, 5)
    n = len(links.pixels)
    weight, prior = rng.random(n), rng.random(n)
    result = minimize_links(links, form, start=np.full(n, 0.5), weight=weight, prior=prior, gap=1e-12, maxiter=100)
    for alpha in rng.random((20, n)):
        assert result.bound <= penalty(links, alpha, form) + (weight / 2 * (alpha - prior) ** 2).sum()


def test_links_leave_out_what_is_known(rng):
    image = rng.random((6, 8, 3))
    trimap = np.zeros((6, 8))
    trimap[:, 4:] = 1.0
    trimap[2, 3] = 0.5
    links = links_of(image, trimap, 3)
    assert links.pixels.tolist() == [19]
    assert ((links.tails == 0) ^ (links.heads == 0)).all()


def compatible_scene(seed):
    """A grey staircase from background to foreground, in steps that add up to one: the band is not empty."""
    rng = np.random.default_rng(seed)
    steps = 0.4 + rng.random(24)
    grey = 1.3 / 3**0.5 * np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    image = np.repeat(np.tile(grey, (2, 1))[:, :, None], 3, axis=2)  # two rows: windows reach along the staircase
    trimap = np.full((2, 25), 0.5)
    trimap[:, 0], trimap[:, -1] = 0.0, 1.0
    return image, trimap


@pytest.mark.parametrize("seed", range(5))
def test_minimiser_of_the_hinge_lies_in_the_band(seed):
    image, trimap = compatible_scene(seed)
    band = lipschitz_band(image, trimap, window_size=5)
    assert not band.is_empty.any()
    assert (band.upper - band.lower)[trimap == 0.5].mean() < 0.5
    alpha = solve_ddc(image, trimap, form="hinge", window_size=5, gap=1e-7, maxiter=20_000)
    slack = np.maximum(band.lower - alpha, alpha - band.upper).max()
    assert slack < 2e-3
    is_known = trimap != 0.5
    assert np.array_equal(band.lower[is_known], trimap[is_known])
    assert np.array_equal(band.upper[is_known], trimap[is_known])


def test_band_is_empty_where_known_pixels_contradict():
    image = np.full((5, 9, 3), 0.5)
    trimap = np.full((5, 9), 0.5)
    trimap[:, 0], trimap[:, -1] = 0.0, 1.0
    assert lipschitz_band(image, trimap, window_size=3).is_empty.all()


def test_warns_with_the_gap_it_reached():
    scene = soft_disk()
    with pytest.warns(hybridmatte.ConvergenceWarning, match="duality gap of .* after 25 iterations, wanted 1.0e-09"):
        solve_ddc(scene.image, scene.trimap, gap=1e-9, maxiter=25)


def test_prior_of_large_confidence_wins():
    scene = soft_disk()
    prior = np.clip(0.5 * scene.alpha + 0.2, 0, 1)
    alpha = solve_ddc(scene.image, scene.trimap, prior=prior, confidence=1e4)
    assert np.abs(alpha - prior)[scene.trimap == 0.5].max() < 1e-2


@pytest.mark.parametrize("form", ["ddc", "hinge"])
def test_recovers_the_soft_disk(form):
    scene = soft_disk()
    alpha = solve_ddc(scene.image, scene.trimap, form=form)
    assert np.abs(alpha - scene.alpha)[scene.trimap == 0.5].mean() < 0.15


def test_bad_options():
    scene = soft_disk()
    with pytest.raises(ValueError, match="form is 'dc', expected 'ddc' or 'hinge'"):
        solve_ddc(scene.image, scene.trimap, form="dc")
    with pytest.raises(ValueError, match="window_size is 4, expected an odd integer of at least 3"):
        solve_ddc(scene.image, scene.trimap, window_size=4)


@pytest.mark.parametrize("with_prior", [False, True], ids=["plain", "prior"])
@pytest.mark.parametrize("form", ["ddc", "hinge"])
def test_tensors_reach_the_same_penalty(form, with_prior, rng):
    scenes = [soft_disk(), soft_disk(seed=4)]
    images = torch.stack([torch.from_numpy(scene.image).permute(2, 0, 1) for scene in scenes])
    trimaps = torch.stack([torch.from_numpy(scene.trimap)[None] for scene in scenes])
    priors = torch.from_numpy(rng.random(trimaps.shape).astype(np.float32))
    options = {"prior": priors, "confidence": 0.5} if with_prior else {}
    found = solve_ddc(images, trimaps, form=form, window_size=5, gap=1e-6, maxiter=20_000, **options)
    assert found.shape == trimaps.shape
    for index, scene in enumerate(scenes):
        one = {"prior": priors[index, 0].numpy(), "confidence": 0.5} if with_prior else {}
        expected = solve_ddc(scene.image, scene.trimap, form=form, window_size=5, gap=1e-6, maxiter=20_000, **one)
        links = links_of(scene.image, scene.trimap, 5)
        unknown = scene.trimap == 0.5
        costs = []
        for alpha in (found[index, 0].numpy(), expected):
            cost = penalty(links, alpha[unknown].astype(float), form)
            if with_prior:
                cost += 0.5 * ((alpha - one["prior"])[unknown].astype(float) ** 2).sum()
            costs.append(cost / len(links.tails))
        assert costs[0] == pytest.approx(costs[1], abs=3e-6)
        assert np.array_equal(found[index, 0].numpy()[~unknown], scene.trimap[~unknown])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trimap": lambda t: t * 5}, "trimap has values from 0.0 to 5.0, expected finite ones"),
        ({"trimap": lambda t: t.clamp(max=0.5)}, "trimap has no foreground pixel in image 0"),
        ({"prior": lambda t: t * torch.nan}, "prior has NaN"),
        ({"prior": lambda t: t.clone().requires_grad_()}, "prior requires a gradient, but none flows to it"),
    ],
    ids=["range", "region", "nan", "gradient"],
)
def test_bad_tensors(change, message):
    scene = soft_disk()
    image, trimap = torch.from_numpy(scene.image).permute(2, 0, 1)[None], torch.from_numpy(scene.trimap)[None, None]
    options = {"prior": change["prior"](trimap)} if "prior" in change else {}
    with pytest.raises(ValueError, match=message):
        solve_ddc(image, change.get("trimap", lambda t: t)(trimap), **options)
