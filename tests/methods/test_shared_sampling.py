"""Shared sampling: the kernels against the plain form, what it must reproduce, and its matte refinement."""

import numpy as np
import pytest

import baselines.sampling
from hybridmatte._trimap_numba import chessboard_distances
from hybridmatte.linalg.threads import thread_limit
from hybridmatte.methods._sampling_numba import edge_energies, path_energy, trace_rays
from hybridmatte.methods._sharing_numba import interleaved, project
from hybridmatte.methods.shared_sampling import Samples, _rays, sample_alpha, sampled_pixels, solve_sampling
from tests.synthetic import colour_ramp, soft_disk
from tests.tolerances import assert_close

NEAR_TIES = 3e-3  # float32 decides some near ties, such as the third best sample, otherwise than float64


def solve(scene, *, refine=True, sample_weight=0.03, prior=None, confidence=None):
    return solve_sampling(
        scene.image,
        scene.trimap,
        refine=refine,
        sample_weight=sample_weight,
        prior=prior,
        confidence=confidence,
        rtol=1e-7,
    )


@pytest.mark.slow
@pytest.mark.parametrize("expansion", [pytest.param(0.0, id="trimap as given"), pytest.param(12.0, id="expanded")])
@pytest.mark.parametrize("n_rays", [4, 6])
@pytest.mark.parametrize("shape", [(29, 37), (23, 41), (20, 70)])  # 2, 2 and 3 tiles
def test_kernels_equal_the_plain_form(shape, n_rays, expansion):
    scene = soft_disk(shape, noise=0.01, seed=n_rays)
    expected = baselines.sampling.sample_alpha(scene.image, scene.trimap, n_rays, expansion)
    for plane, plain in zip(
        sample_alpha(scene.image, scene.trimap, n_rays=n_rays, expansion=expansion), expected, strict=True
    ):
        assert_close(plane, plain, NEAR_TIES)


@pytest.mark.parametrize("n_tasks", [1, 2, 3, 8, 9])
def test_every_piece_of_work_is_done_once(n_tasks):
    pieces = [interleaved(task, n_tasks) for task in range(n_tasks)]
    assert sorted(pieces) == list(range(n_tasks))
    assert abs(np.mean(pieces[: (n_tasks + 1) // 2]) - np.mean(pieces)) <= 1


def test_a_pixel_of_the_foreground_colour_has_an_alpha_of_exactly_one(rng):
    """All samples of this colour then explain it equally well, whatever their background: the nearest one counts."""
    for foreground, background in rng.random((2000, 2, 3), np.float32):
        if ((foreground - background) ** 2).sum() > 0.01:
            alpha, square = project(*foreground, *foreground, *background)
            assert alpha == 1
            assert square == 0


@pytest.mark.parametrize("share", [0.5, 0.95, 1.05])
@pytest.mark.parametrize("n_steps", [1, 4, 7, 9])
def test_energy_of_a_path_is_exact_up_to_the_most_that_matters(n_steps, share, rng):
    edges, steps = rng.random(44).astype(np.float32), rng.permutation(36).astype(np.int32)
    energy = 0.7 * edges[8 + steps[1 : n_steps + 1]].sum()
    assert_close(path_energy(edges, 2, steps, n_steps, 0.7, energy * share), min(energy, energy * share), 1e-6)


def test_regions_farther_than_a_leap(rng):
    """Distances are kept as bytes, so that rays leap more than once to what is 256 to 741 pixels away."""
    columns = np.arange(1000)
    image = np.repeat(rng.random((1, 1000, 3)), 3, axis=0)
    trimap = np.repeat(np.where(columns < 2, 0, np.where(columns > 997, 1, 0.5))[None], 3, axis=0)
    labels = np.where(trimap == 0.5, -1, trimap).astype(np.int8)
    distances = chessboard_distances(labels, 2).reshape(2, -1)
    rays, edges = _rays(4, labels.shape), edge_energies(np.float32(image))
    for column in (257, 600):
        for side, end, box in ((0, 1, [0, 2, 0, 1]), (1, 998, [0, 2, 998, 999])):
            places, met = np.zeros((4, 2), np.int64), np.zeros(4, np.int64)
            count, energy = trace_rays(edges, distances[side], 1000, np.array(box), 1000 + column, rays, 0, places, met)
            assert places[:count].tolist() == [[1, end]]
            way = image[1, min(column, end) : max(column, end) + 1]
            assert energy == pytest.approx((np.diff(way, axis=0) ** 2).sum(), rel=1e-4)


def test_edges_along_a_ray_are_the_steps_between_its_pixels(rng):
    image = rng.random((9, 11, 3)).astype(np.float32)
    edges, (directions, paths, steps, densities) = edge_energies(image), _rays(5, image.shape[:2])
    assert len(directions) == 45
    start, colors = 4 * 11 + 5, image.reshape(-1, 3)
    for direction, path, step, density in zip(directions, paths, steps, densities, strict=True):
        assert density == pytest.approx(abs(direction).max() / np.hypot(*direction))
        way = colors[start + path[:5]]
        assert_close(edges[4 * start + step[1:5]], (np.diff(way, axis=0) ** 2).sum(axis=1), 1e-6)
        ends = np.floor(0.5 + 4 * direction / 65536).astype(int)
        assert path[4] == ends @ [11, 1]


def test_two_constant_colours_are_unmixed():
    scene = colour_ramp()
    samples = sample_alpha(scene.image, scene.trimap)
    assert_close(samples.alpha, scene.alpha, 0.05)  # colours within the samples' spread are taken for pure ones
    middle = np.abs(scene.alpha - 0.5) < 0.3
    assert_close(samples.alpha[middle], scene.alpha[middle], 0.02)
    assert samples.confidence[middle].min() > 0.99
    assert_close(samples.foreground[middle], np.tile([0.9, 0.6, 0.2], (middle.sum(), 1)), 0.02)
    assert_close(samples.background[middle], np.tile([0.1, 0.2, 0.5], (middle.sum(), 1)), 0.02)


def test_noisy_scene_is_matted():
    scene = soft_disk((47, 61), noise=0.03)
    is_unknown = scene.trimap == 0.5
    sampled, refined = (
        np.abs(solve(scene, refine=refine) - scene.alpha)[is_unknown].mean() for refine in (False, True)
    )
    assert sampled < 0.03
    assert refined < 0.03


def test_layers_compose_to_the_image_where_confident():
    scene = soft_disk((47, 61), noise=0.0)
    samples = sample_alpha(scene.image, scene.trimap)
    mixed = samples.alpha[:, :, None] * samples.foreground + (1 - samples.alpha[:, :, None]) * samples.background
    assert np.abs(mixed - scene.image)[samples.confidence > 0.9].max() < 0.05


def test_known_pixels_are_exact_and_results_in_range(rng):
    image = rng.random((17, 23, 3))
    trimap = rng.choice([0.0, 0.5, 1.0], (17, 23))
    samples = sample_alpha(image, trimap)
    assert np.array_equal(samples.alpha[trimap != 0.5], trimap[trimap != 0.5])
    assert (samples.confidence[trimap != 0.5] == 1.0).all()
    for plane in samples:
        assert plane.dtype == np.float32
        assert 0.0 <= plane.min() <= plane.max() <= 1.0


def test_threads_do_not_change_the_bits():
    scene = soft_disk(noise=0.03)
    whole = sample_alpha(scene.image, scene.trimap)
    with thread_limit(1):
        for plane, alone in zip(whole, sample_alpha(scene.image, scene.trimap), strict=True):
            assert np.array_equal(plane, alone)


def test_rays_that_meet_nothing_fall_back_on_mean_colours():
    image = np.full((40, 40, 3), 0.5, np.float32)
    trimap = np.full((40, 40), 0.5)
    trimap[0, 0], trimap[0, 1] = 1.0, 0.0
    image[0, 0], image[0, 1] = 1.0, 0.0
    samples = sample_alpha(image, trimap, n_rays=1)
    assert_close(samples.alpha[30, 30], 0.5, 1e-3)
    assert_close(samples.foreground[30, 30], np.ones(3), 0.3)


@pytest.mark.parametrize("missing", ["foreground", "background"])
def test_missing_region(missing):
    trimap = np.full((5, 6), 0.5)
    trimap[:, 0] = 0.0 if missing == "foreground" else 1.0
    with pytest.raises(ValueError, match=f"trimap has no {missing} pixel, expected one to take samples from"):
        sample_alpha(np.zeros((5, 6, 3)), trimap)


def test_known_everywhere_is_the_trimap_itself(rng):
    trimap = rng.choice([0.0, 1.0], (5, 6))
    samples = sample_alpha(rng.random((5, 6, 3)), trimap)
    assert isinstance(samples, Samples)
    assert np.array_equal(samples.alpha, trimap)


@pytest.mark.parametrize(("option", "value"), [("n_rays", 7), ("expansion", 0.0)])
def test_every_option_changes_the_result(option, value):
    scene = soft_disk(noise=0.03)
    changed = sample_alpha(scene.image, scene.trimap, **{option: value}).alpha
    assert np.abs(changed - sample_alpha(scene.image, scene.trimap).alpha).max() > 1e-3


def test_sample_weight_leads_from_the_closed_form_to_the_samples():
    scene = soft_disk(noise=0.03)
    sampled = solve(scene, refine=False)
    distances = [
        np.abs(solve(scene, sample_weight=weight) - sampled)[scene.trimap == 0.5].mean()
        for weight in (1e-3, 0.03, 1.0, 1e4)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 1e-3 < distances[0]


@pytest.mark.parametrize("refine", [False, True])
def test_a_strong_prior_is_followed(refine):
    scene = soft_disk(noise=0.03)
    prior = np.full(scene.trimap.shape, 0.25, np.float32)
    alpha = solve(scene, refine=refine, prior=prior, confidence=1e5)
    assert_close(alpha[scene.trimap == 0.5], prior[scene.trimap == 0.5], 1e-3)


def test_sampled_pixels_are_the_samples():
    """The correction copied the samples into planes: 32 bytes for each pixel of the image, at the peak."""
    scene = soft_disk((40, 50))
    pixels, values = sampled_pixels(scene.image, scene.trimap)
    np.testing.assert_array_equal(pixels, np.flatnonzero(scene.trimap == 0.5))
    samples = sample_alpha(scene.image, scene.trimap, expansion=0.0)
    expected = np.dstack(samples).reshape(-1, 8)
    np.testing.assert_array_equal(values, expected[pixels])
