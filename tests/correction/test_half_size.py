"""Large pictures that are not sharp are solved at half their size."""

import cv2
import numpy as np
import pytest

from hybridmatte import matte, matte_with_confidence, sad
from hybridmatte.correction import half_size, passes
from hybridmatte.correction.estimates import Guess
from hybridmatte.correction.half_size import at_full_size, at_half_size, halved_problem, is_soft
from hybridmatte.correction.passes import correct, correct_at_size, correct_near
from hybridmatte.correction.weights import load_correction_network
from hybridmatte.systems.problem import check_problem
from tests.synthetic import Scene

NOISE = 0.005


def enlarged(scene, factor, *, noise=NOISE, odd=0):
    """Return a scene enlarged, with noise, and sides that are longer by `odd` pixels."""
    size = tuple(round(factor * side) + odd for side in scene.trimap.shape[::-1])
    image, alpha = (
        cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC).clip(0, 1) for plane in (scene.image, scene.alpha)
    )
    image += noise * np.random.default_rng(0).standard_normal(image.shape, np.float32)
    trimap = cv2.resize(scene.trimap, size, interpolation=cv2.INTER_NEAREST)
    return Scene(image.clip(0, 1), trimap, alpha)


@pytest.fixture
def any_size(monkeypatch):
    """Halve small pictures too, but not those that were halved."""
    monkeypatch.setattr(half_size, "LEAST_PIXELS", 200 * 200)


@pytest.fixture
def solved_shapes(monkeypatch):
    """Return a list that grows by the sizes that are solved."""
    shapes, run = [], passes.run_solvers

    def recorded(image, *arguments):
        shapes.append(image.shape[:2])
        return run(image, *arguments)

    monkeypatch.setattr(passes, "run_solvers", recorded)
    return shapes


def finds_soft(scene):
    return is_soft(scene.image, scene.trimap == 0.5)


class TestIsSoft:
    @pytest.mark.parametrize("noise", [0.0, NOISE, 0.03])
    @pytest.mark.parametrize("factor", [2, 3])
    def test_enlarged(self, fur, factor, noise):
        assert finds_soft(enlarged(fur, factor, noise=noise))

    @pytest.mark.parametrize("noise", [0.0, NOISE])
    @pytest.mark.parametrize("factor", [1, 1.2, 1.4])
    def test_sharp(self, fur, factor, noise):
        assert not finds_soft(enlarged(fur, factor, noise=noise))

    def test_blurred(self, fur):
        assert finds_soft(fur._replace(image=cv2.GaussianBlur(fur.image, (0, 0), 1.5)))

    def test_only_the_unknown_region_counts(self, fur):
        """A soft outline before a sharp background, and a sharp one before a soft background."""
        soft, edges = enlarged(fur, 2), np.float32(np.indices((320, 416)).sum(axis=0) // 2 % 2)[:, :, None]
        is_near = cv2.dilate(np.uint8(soft.trimap == 0.5), np.ones((33, 33)))[:, :, None] > 0
        assert finds_soft(soft._replace(image=np.where(is_near, soft.image, edges)))
        assert not finds_soft(soft._replace(image=np.where(is_near, edges, soft.image)))

    @pytest.mark.parametrize("shape", [(8, 300), (300, 15), (17, 21), (257, 258)])
    def test_any_shape(self, shape):
        image = np.random.default_rng(0).random((*shape, 3), np.float32)
        assert isinstance(is_soft(image, np.ones(shape, np.bool_)), bool)

    def test_nothing_unknown(self, fur):
        assert not is_soft(fur.image, np.zeros(fur.trimap.shape, np.bool_))


@pytest.mark.usefixtures("any_size")
class TestMatte:
    def test_better_than_at_its_own_size(self, fur, solved_shapes):
        soft = enlarged(fur, 3)
        alpha = matte(soft.image, soft.trimap)
        assert set(solved_shapes) == {(240, 312)}
        own = correct_at_size(check_problem(soft.image, soft.trimap), load_correction_network()).alpha
        assert sad(alpha, soft.alpha, soft.trimap) < 0.9 * sad(own, soft.alpha, soft.trimap)

    @pytest.mark.parametrize("odd", [0, 1])
    def test_known_pixels_are_exact(self, fur, odd):
        soft = enlarged(fur, 2, odd=odd)
        alpha, confidence = matte_with_confidence(soft.image, soft.trimap)
        assert alpha.shape == confidence.shape == soft.trimap.shape
        assert alpha.dtype == confidence.dtype == np.float32
        is_known = soft.trimap != 0.5
        np.testing.assert_array_equal(alpha[is_known], soft.trimap[is_known])
        assert (confidence[is_known] == 1).all()
        assert 0 <= alpha.min() <= alpha.max() <= 1
        assert 0 <= confidence.min() < 0.9
        np.testing.assert_array_equal(alpha, matte(soft.image, soft.trimap))

    def test_twice(self, fur, solved_shapes):
        soft = enlarged(fur, 4)
        matte(soft.image, soft.trimap)
        assert set(solved_shapes) == {fur.trimap.shape}

    def test_sharp_pictures_are_solved_at_their_size(self, fur, solved_shapes):
        sharp = Scene(*(np.tile(plane, (2, 2, 1)[: plane.ndim]) for plane in fur))
        matte(sharp.image, sharp.trimap)
        assert set(solved_shapes) == {sharp.trimap.shape}

    def test_small_pictures_are_solved_at_their_size(self, fur, solved_shapes):
        soft = fur._replace(image=cv2.GaussianBlur(fur.image, (0, 0), 2))
        matte(soft.image, soft.trimap)
        assert set(solved_shapes) == {fur.trimap.shape}

    def test_single_known_pixel(self, fur):
        """At half the size nothing would be left of the foreground."""
        soft = enlarged(fur, 2)
        trimap = np.where(soft.trimap == 1, np.float32(0.5), soft.trimap)
        trimap.flat[np.flatnonzero(soft.trimap == 1)[0]] = 1
        assert is_soft(soft.image, trimap == 0.5)
        assert halved_problem(check_problem(soft.image, trimap)) is None


@pytest.mark.usefixtures("any_size")
def test_a_guess_is_halved(fur, solved_shapes):
    """Frames of a clip: the start, the prior and its confidence are those of half the size."""
    soft, network = enlarged(fur, 2), load_correction_network()
    start = np.where(soft.alpha > 0.5, soft.alpha, np.float32(np.nan))
    weight = np.full_like(soft.alpha, 0.01)
    guess = Guess(soft.alpha, weight, start)
    alpha, confidence = correct_near(check_problem(soft.image, soft.trimap, soft.alpha, weight), network, guess)
    assert set(solved_shapes) == {fur.trimap.shape}
    assert alpha.shape == confidence.shape == soft.trimap.shape
    without = correct(check_problem(soft.image, soft.trimap), network).alpha
    assert sad(alpha, soft.alpha, soft.trimap) < sad(without, soft.alpha, soft.trimap)
    alone, confidence = correct_near(check_problem(soft.image, soft.trimap, soft.alpha, weight), None, guess)
    assert alone.shape == soft.trimap.shape
    assert confidence is None


@pytest.mark.parametrize("odd", [0, 1])
def test_there_and_back(fur, odd):
    """Halving and enlarging a smooth alpha moves it by far less than a pixel."""
    soft = enlarged(fur, 2, odd=odd)
    problem = check_problem(soft.image, soft.trimap)
    half = at_half_size(problem._replace(prior=soft.alpha, confidence=np.ones_like(soft.alpha)))
    assert half.prior.shape == half.confidence.shape == half.trimap.shape == (160 + odd, 208 + odd)
    alpha, confidence = at_full_size(problem, half.prior, half.confidence)
    unknown = problem.is_unknown
    error, *moved = (
        np.abs(np.roll(alpha, shift, axis) - soft.alpha)[unknown].mean()
        for shift, axis in ((0, 0), (1, 0), (-1, 0), (1, 1), (-1, 1))
    )
    assert error < 0.5 * min(moved)
    assert (confidence == 1).all()
    assert (half.trimap == 0.5).mean() >= unknown.mean() - 2e-3
