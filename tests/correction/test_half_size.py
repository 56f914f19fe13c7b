"""Large pictures that are soft are solved at half their size."""

import numpy as np
import pytest

from hybridmatte import matte, matte_with_confidence, sad
from hybridmatte.correction import half_size, matting, passes
from hybridmatte.correction.estimates import EXPANDED_CONFIDENCE
from hybridmatte.correction.half_size import at_full_size, at_half_size, halved_problem
from hybridmatte.correction.passes import correct_at_size
from hybridmatte.correction.resizing import halved
from hybridmatte.correction.softness import is_soft
from hybridmatte.correction.weights import load_correction_network
from hybridmatte.systems.problem import check_problem
from hybridmatte.video import hints
from tests.correction.soft_scenes import blurred, enlarged, repeated


@pytest.fixture
def any_size(monkeypatch):
    """Halve small pictures too, but not those that were halved."""
    monkeypatch.setattr(half_size, "LEAST_PIXELS", 400 * 400)


@pytest.fixture
def solved_shapes(monkeypatch):
    """Return a list that grows by the sizes that are solved."""
    shapes = []
    for module, name in ((passes, "run_solvers"), (matting, "solve")):  # of the qualities "best" and "fast"
        run = getattr(module, name)

        def recorded(image, *arguments, run=run):
            shapes.append(image.shape[:2])
            return run(image, *arguments)

        monkeypatch.setattr(module, name, recorded)
    return shapes


def check_alpha(alpha, trimap):
    """Assert that alpha has the trimap's size and exactly its values where it is known."""
    assert alpha.shape == trimap.shape
    assert alpha.dtype == np.float32
    is_known = trimap != 0.5
    np.testing.assert_array_equal(alpha[is_known], trimap[is_known])
    assert 0 <= alpha.min() <= alpha.max() <= 1


@pytest.mark.usefixtures("any_size")
class TestMatte:
    @pytest.mark.parametrize(("quality", "share"), [("best", 0.9), ("fast", 1.1)])
    def test_as_good_as_at_its_own_size(self, fur, monkeypatch, quality, share):
        soft = enlarged(fur, 3)
        alpha = matte(soft.image, soft.trimap, quality=quality)
        monkeypatch.setattr(half_size, "LEAST_PIXELS", soft.trimap.size + 1)
        own = matte(soft.image, soft.trimap, quality=quality)
        assert sad(alpha, soft.alpha, soft.trimap) < share * sad(own, soft.alpha, soft.trimap)

    @pytest.mark.parametrize("odd", [0, 1])
    def test_known_pixels_are_exact(self, fur, solved_shapes, odd):
        soft = enlarged(fur, 3, odd=odd)
        alpha, confidence = matte_with_confidence(soft.image, soft.trimap)
        assert set(solved_shapes) == {(240 + odd, 312 + odd)}
        check_alpha(alpha, soft.trimap)
        is_known = soft.trimap != 0.5
        assert confidence.shape == soft.trimap.shape
        assert confidence.dtype == np.float32
        assert (confidence[is_known] == 1).all()
        assert confidence[~is_known].max() <= np.float32(EXPANDED_CONFIDENCE)
        assert 0 <= confidence.min() < 0.9
        np.testing.assert_array_equal(alpha, matte(soft.image, soft.trimap))

    @pytest.mark.parametrize("quality", ["best", "fast"])
    def test_twice(self, fur, solved_shapes, quality):
        soft = enlarged(fur, 6.4)
        alpha = matte(soft.image, soft.trimap, quality=quality)
        assert set(solved_shapes) == {(256, 333)}
        check_alpha(alpha, soft.trimap)

    @pytest.mark.parametrize("odd", [0, 1])
    def test_known_pixels_are_exact_in_fast(self, fur, solved_shapes, odd):
        soft = enlarged(fur, 3, odd=odd)
        alpha = matte(soft.image, soft.trimap, quality="fast")
        assert set(solved_shapes) == {(240 + odd, 312 + odd)}
        check_alpha(alpha, soft.trimap)

    def test_sharp_pictures_are_solved_at_their_size(self, fur, solved_shapes):
        sharp = repeated(fur)
        matte(sharp.image, sharp.trimap)
        assert set(solved_shapes) == {sharp.trimap.shape}

    def test_frames_of_a_clip_are_solved_at_their_size(self, fur, solved_shapes):
        soft = blurred(repeated(fur), 1.5)
        assert is_soft(soft.image, soft.trimap == 0.5)
        hints.GivenTrimap(soft.image, soft.trimap, hints.Settings("best", "research")).alone()
        assert set(solved_shapes) == {soft.trimap.shape}

    @pytest.mark.parametrize("value", [0, 1])
    def test_strokes(self, fur, value):
        """Of one region a diagonal stroke of one pixel is known; it stays at half the size."""
        soft = enlarged(fur, 3)
        trimap = np.where(soft.trimap == value, np.float32(0.5), soft.trimap)
        ys, xs = np.nonzero(soft.trimap == value)
        is_stroke = xs - ys == (xs - ys)[len(ys) // 2]
        trimap[ys[is_stroke], xs[is_stroke]] = value
        problem = check_problem(soft.image, trimap)
        half = halved_problem(problem)
        assert (half.trimap == value).sum() >= is_stroke.sum() / 2
        network = load_correction_network()
        own, enlarged_half = correct_at_size(problem, network), correct_at_size(half, network)
        errors = [sad(part, soft.alpha, trimap) for part in (own.alpha, at_full_size(problem, enlarged_half.alpha)[0])]
        assert errors[1] < 1.05 * errors[0]

    def test_opposite_dots(self, fur):
        """Nothing would be left of the foreground at half the size."""
        soft = enlarged(fur, 3)
        trimap = np.where(soft.trimap == 1, np.float32(0.5), soft.trimap)
        trimap[200, 301], trimap[200, 300] = 0, 1
        assert is_soft(soft.image, trimap == 0.5)
        assert halved_problem(check_problem(soft.image, trimap)) is None


def test_small_pictures_are_solved_at_their_size(fur, solved_shapes):
    soft = blurred(repeated(fur), 1.5)
    assert is_soft(soft.image, soft.trimap == 0.5)
    matte(soft.image, soft.trimap)
    assert set(solved_shapes) == {soft.trimap.shape}


@pytest.mark.parametrize("odd", [0, 1])
def test_there_and_back(fur, odd):
    """Halving and enlarging a smooth alpha moves it by far less than a pixel."""
    soft = enlarged(fur, 2, odd=odd)
    problem = check_problem(soft.image, soft.trimap)
    half = at_half_size(problem)
    assert half.image.shape[:2] == half.trimap.shape == (160 + odd, 208 + odd)
    alpha, confidence = at_full_size(problem, halved(soft.alpha), np.ones_like(half.trimap))
    unknown = problem.is_unknown
    error, *moved = (
        np.abs(np.roll(alpha, shift, axis) - soft.alpha)[unknown].mean()
        for shift, axis in ((0, 0), (1, 0), (-1, 0), (1, 1), (-1, 1))
    )
    assert error < 0.5 * min(moved)
    assert (confidence == np.where(unknown, np.float32(EXPANDED_CONFIDENCE), 1)).all()
