"""Information flow solved again with more known pixels: as a fresh solve, without a new search of the whole image."""

from types import SimpleNamespace

import numpy as np
import pytest

from hybridmatte.methods import flow_neighbors
from hybridmatte.methods.flow_neighbors import FlowMemory, find_flow_neighbors, known_neighbors, near_unknown
from hybridmatte.methods.information_flow import information_flow_system, solve_flow, solve_information_flow
from hybridmatte.similarity import candidates
from hybridmatte.similarity._neighbors_numba import squared_distances
from hybridmatte.similarity.features import centered_features_at, centered_places
from hybridmatte.similarity.neighbors import NeighborTree, UntiedNeighbors
from hybridmatte.systems.problem import check_problem
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

HALF = np.float32(0.5)


@pytest.fixture(params=["noise", "levels"])
def scene(request, rng):
    """A soft disk, with noise, so that no distances are equal, or with few grey levels, so that many are."""
    disk = soft_disk((61, 80))
    if request.param == "noise":
        image = np.clip(disk.image + rng.normal(0, 0.05, disk.image.shape), 0, 1).astype(np.float32)
    else:
        image = (np.rint(disk.image * 4) / 4).astype(np.float32)
    return SimpleNamespace(image=image, trimap=disk.trimap, alpha=disk.alpha)


def more_known(scene, rng, kinds=(0, 1)):
    """Return the trimap with half of the unknown pixels of the given kinds known."""
    trimap, truth = scene.trimap.copy(), np.rint(scene.alpha)
    trimap[(trimap == HALF) & np.isin(truth, kinds) & (rng.random(trimap.shape) < 0.5)] = HALF + 1
    return np.where(trimap > 1, truth, trimap).astype(np.float32)


def solve_twice(image, first, second):
    """Return the second of two solves with one memory."""
    memory = FlowMemory()
    solve_flow(check_problem(image, first), memory=memory)
    return solve_flow(check_problem(image, second), memory=memory)


def untied(found):
    """Return each row's neighbours that no tie decides, as a sorted list."""
    return [sorted(row[:count]) for row, count in zip(found.indices.tolist(), found.counts, strict=True)]


@pytest.mark.parametrize("kinds", [(0, 1), (0,), (1,)])
def test_second_solve_equals_a_fresh_one(scene, rng, kinds):
    """The second pass of `matte` searched the whole image again, and so took two thirds of the first one's time."""
    second = more_known(scene, rng, kinds)
    assert 0 < np.count_nonzero(second == HALF) < np.count_nonzero(scene.trimap == HALF)
    fresh = solve_information_flow(scene.image, second, expansion=0.0)
    assert_close(solve_twice(scene.image, scene.trimap, second), fresh, 1e-6)


def test_neighbours_are_those_of_a_fresh_search(scene, rng):
    """Neighbours that no tie decides, and their numbers, are exactly the same, after several steps, too."""
    memory, trimap = FlowMemory(), scene.trimap
    for _ in range(3):
        problem = check_problem(scene.image, trimap)
        arguments = problem.image, problem.is_unknown, problem.known_alpha
        found, fresh = memory.find(*arguments), find_flow_neighbors(*arguments)
        np.testing.assert_array_equal(found.pixels, fresh.pixels)
        for name in ("mixture", "foreground", "background"):
            np.testing.assert_array_equal(getattr(found, name).counts, getattr(fresh, name).counts)
            assert untied(getattr(found, name)) == untied(getattr(fresh, name))
        trimap = more_known(SimpleNamespace(trimap=trimap, alpha=scene.alpha), rng)


def test_neighbours_are_kept_for_as_many_calls_as_asked_for(scene, rng):
    """The last pass of `matte` kept them while it sampled colours, which needs the most memory."""
    problems = [check_problem(scene.image, trimap) for trimap in (scene.trimap, more_known(scene, rng))]
    memory, without_end = FlowMemory(2), FlowMemory()
    for number, problem in enumerate(problems, start=1):
        arguments = problem.image, problem.is_unknown, problem.known_alpha
        found, expected = memory.find(*arguments), without_end.find(*arguments)
        np.testing.assert_array_equal(found.mixture.indices, expected.mixture.indices)
        assert (memory._found is None) == (number == 2)


def test_whole_image_is_searched_once(scene, rng, monkeypatch):
    """The second solve builds no tree of all pixels."""
    sizes = []

    def counted(columns, build=NeighborTree):
        sizes.append(columns.shape[1])
        return build(columns)

    monkeypatch.setattr(flow_neighbors, "NeighborTree", counted)
    second = more_known(scene, rng)
    solve_twice(scene.image, scene.trimap, second)
    n_known = [np.count_nonzero(scene.trimap == kind) for kind in (1, 0)]
    n_added = [np.count_nonzero(second == kind) - n for kind, n in zip((1, 0), n_known, strict=True)]
    assert sizes == [scene.trimap.size, *n_known, *n_added]


def test_first_solve_is_the_plain_one_to_the_bit(scene):
    problem = check_problem(scene.image, scene.trimap)
    fresh = solve_information_flow(scene.image, scene.trimap, expansion=0.0)
    np.testing.assert_array_equal(solve_flow(problem, memory=FlowMemory()), fresh)


@pytest.mark.parametrize("n_known", [1, 3, 6])
def test_few_known_pixels(scene, rng, n_known):
    """Fewer known pixels than the 7 neighbours in the first solve, more in the second."""
    first = np.full_like(scene.trimap, HALF)
    for kind in (0, 1):
        places = np.flatnonzero(scene.trimap == kind)
        first.flat[rng.choice(places, n_known, replace=False)] = kind
    second = np.where((first == HALF) & (rng.random(first.shape) < 0.7), HALF, np.rint(scene.alpha))
    second = np.where(first == HALF, second, first).astype(np.float32)
    systems = []
    for trimaps in ((first, second), (second,)):
        memory = FlowMemory()
        for trimap in trimaps:
            problem = check_problem(scene.image, trimap)
            system = information_flow_system(problem.image, problem.is_unknown, problem.known_alpha, memory=memory)
        systems.append(system)
    assert_close(systems[0].rhs, systems[1].rhs)
    assert_close(systems[0].diagonal, systems[1].diagonal)


def test_one_pixel_is_left(rng):
    image = rng.random((3, 4, 3)).astype(np.float32)
    first = np.float32([[0, HALF, HALF, 1]] * 3)
    second = np.where(np.arange(12).reshape(3, 4) == 5, HALF, np.rint(first))
    fresh = solve_information_flow(image, second, expansion=0.0)
    assert_close(solve_twice(image, first, second), fresh, 1e-6)


def test_known_pixels_stay_known(scene, rng):
    """The memory has no neighbours of a pixel that was known."""
    with pytest.raises(ValueError, match="is_unknown has pixels that were known before, expected"):
        solve_twice(scene.image, more_known(scene, rng), scene.trimap)


@pytest.mark.parametrize("n_points", [(2, 3), (5, 40), (40, 40)])
@pytest.mark.parametrize("levels", [2, 1000])
def test_neighbours_of_two_searches_are_those_of_all_points(rng, n_points, levels):
    """A search that knows the neighbours among other points is one search of all points, where no tie decides."""
    points = (rng.integers(0, levels, (sum(n_points), 5)) / levels).astype(np.float32)
    queries = (rng.integers(0, levels, (50, 5)) / levels).astype(np.float32)
    own = rng.permutation(len(points)).astype(np.int32)
    others, own = own[: n_points[0]], own[n_points[0] :]
    found = NeighborTree(np.ascontiguousarray(points[others].T)).untied(queries, min(7, len(others)))
    before = UntiedNeighbors(others[found.indices], found.counts)
    gaps = (points[before.indices] - queries[:, None]) ** 2
    squared = (gaps[..., 0] + gaps[..., 1] + gaps[..., 2]) + (gaps[..., 3] + gaps[..., 4])
    n_neighbors = min(7, len(points))
    whole = NeighborTree(np.ascontiguousarray(points.T)).untied(queries, n_neighbors)
    tree = NeighborTree(np.ascontiguousarray(points[own].T))
    both = tree.untied_beside(queries, n_neighbors, own, before, squared)
    np.testing.assert_array_equal(both.counts, whole.counts)
    assert untied(both) == untied(whole)


def test_distances_are_those_of_a_search_to_the_bit(scene):
    pixels = np.flatnonzero(scene.trimap == HALF).astype(np.int32)
    features = centered_features_at(scene.image, np.arange(scene.alpha.size), spatial_weight=3.0)
    found = NeighborTree(features).among(pixels, 5)
    places = centered_places(scene.image.shape, 3.0)
    squared = squared_distances(scene.image.reshape(-1, 3), *places, pixels, found.indices)
    np.testing.assert_array_equal(np.sqrt(squared), found.distances)


def test_large_images_are_searched_near_the_unknown_pixels(rng):
    """A small image is searched whole; a large one in places that are the same for a mirrored image."""
    for shape, is_whole in (((200, 300), True), ((300, 400), False)):
        is_unknown = np.zeros(shape, bool)
        is_unknown[100:120, 50:90] = rng.random((20, 40)) < 0.5
        place, mirrored = np.zeros((2, *shape), bool)
        place.ravel()[near_unknown(is_unknown)] = True
        assert place.all() == is_whole
        assert place[is_unknown].all()
        mirrored.ravel()[near_unknown(is_unknown[:, ::-1])] = True
        np.testing.assert_array_equal(mirrored[:, ::-1], place)


def ringed_disk(rng):
    """Return a disk of one colour in a ring of another, which hides the ground that is seen through its gaps."""
    y, x = np.mgrid[:300, :400]
    distance, angle = np.hypot(y - 150, x - 200), np.arctan2(y - 150, x - 200)
    alpha = (distance < 60) & ~((distance > 45) & (angle * 8 / np.pi % 2 < 1))
    is_ring = (distance >= 60) & (distance < 90)
    image = np.where(alpha[..., None], (0.3, 0.3, 0.6), np.where(is_ring[..., None], 0.95, 0.05))
    image = (image + 0.02 * rng.standard_normal((300, 400, 1))).clip(0, 1).astype(np.float32)
    return image, np.where(distance < 40, 1, np.where(distance > 63, 0, 0.5)).astype(np.float32), alpha


def test_colours_far_inside_a_known_region_are_found(rng, monkeypatch):
    """User: behind a rim of another colour the right ground was out of reach, and gaps became foreground, unsaid."""
    image, trimap, alpha = ringed_disk(rng)
    monkeypatch.setattr(flow_neighbors, "KNOWN_REACH", 0.02)  # 7 pixels, so that several searches are needed
    found = find_flow_neighbors(image, trimap == HALF, trimap)
    for near, value in ((found.foreground, 1), (found.background, 0)):
        whole = known_neighbors(image, found.pixels, np.flatnonzero(trimap == value).astype(np.int32))
        np.testing.assert_array_equal(near.indices, whole.indices)
        np.testing.assert_array_equal(near.counts, whole.counts)
    assert np.abs(solve_information_flow(image, trimap) - alpha)[trimap == HALF].mean() < 0.01


def test_known_pixels_far_from_the_unknown_ones_are_found(rng):
    """User: an object whose foreground was marked far from it became background, without a word."""
    image = 0.1 * rng.random((300, 400, 3)).astype(np.float32)
    image[:, :60] += 0.8
    image[100:200, 250:350] += 0.8
    trimap = np.zeros((300, 400), np.float32)
    trimap[:, :60], trimap[90:210, 240:360] = 1, 0.5
    found = find_flow_neighbors(image, trimap == HALF, trimap)
    for near, value in ((found.foreground, 1), (found.background, 0)):
        whole = known_neighbors(image, found.pixels, np.flatnonzero(trimap == value).astype(np.int32))
        np.testing.assert_array_equal(np.sort(near.indices, axis=1), np.sort(whole.indices, axis=1))
    alpha = solve_information_flow(image, trimap)
    assert alpha[100:200, 250:350].mean() > 0.6


def test_neighbours_in_a_large_image_are_the_nearest(rng, monkeypatch):
    """Of colours that repeat everywhere, no pixel beyond the reach is nearer, if all those within it are searched."""
    monkeypatch.setattr(candidates, "SPACING", 1)
    image = (rng.integers(0, 4, (300, 400, 3)) / 4 + 0.05 * rng.random((300, 400, 3))).astype(np.float32)
    known_alpha = np.zeros((300, 400), np.float32)
    is_unknown = known_alpha > 0
    known_alpha[:, 200:], is_unknown[140:160, 190:210] = 1, True
    found = find_flow_neighbors(image, is_unknown, known_alpha)
    features = centered_features_at(image, np.arange(image.size // 3), spatial_weight=1.0)
    whole = NeighborTree(features).untied_among(found.pixels, 13)
    np.testing.assert_array_equal(np.sort(found.mixture.indices, axis=1), np.sort(whole.indices[:, 1:], axis=1))


def test_a_colour_just_beyond_the_reach_is_found():
    """The reach is a fraction of a pixel beyond the last pixel searched: what is in between was taken to be nearer."""
    shape = (280, 280)
    is_kind = np.arange(280) >= 20 + np.zeros((280, 1))
    reach = flow_neighbors._reach_in_pixels(flow_neighbors.KNOWN_REACH, is_kind)
    assert reach % 1 > 0.2
    step = flow_neighbors.KNOWN_SPATIAL_WEIGHT / 279
    bounds = np.linspace(int(reach), reach, 280)  # of the distance from column 10, in columns, less the 10 to the edge
    difference = step * np.sqrt(((10 + bounds) ** 2 - 10**2) / 3)  # of each of R, G and B
    image = np.full((*shape, 3), 0.5, np.float32)
    image[:, 20 : 20 + int(reach)] = (0.5 - difference)[:, None, None]
    pixels = np.flatnonzero(~is_kind).astype(np.int32)
    whole = known_neighbors(image, pixels, np.flatnonzero(is_kind).astype(np.int32))
    found = flow_neighbors.nearest_of_kind(image, pixels, is_kind)
    places = centered_places(shape, flow_neighbors.KNOWN_SPATIAL_WEIGHT)
    distances = [
        squared_distances(image.reshape(-1, 3), *places, pixels, neighbors.indices) for neighbors in (found, whole)
    ]
    np.testing.assert_array_equal(*distances)
