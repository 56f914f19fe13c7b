"""Two passes of `matte`: what the first one is certain of is known in the second."""

import cv2
import numpy as np
import pytest

from hybridmatte import matte, sad
from hybridmatte.correction import passes
from hybridmatte.correction.estimates import Guess, solver_estimates
from hybridmatte.correction.passes import MatteWithConfidence, certain_trimap, correct, correct_near, correct_once
from hybridmatte.correction.weights import load_correction_network
from hybridmatte.systems.problem import check_problem

HALF = np.float32(0.5)


@pytest.fixture
def count_solves(monkeypatch):
    """Return a list that grows by the number of unknown pixels of each run of both solvers."""
    found, run = [], passes.run_solvers

    def counted(image, known, *rest):
        found.append(np.count_nonzero(known == 0.5))
        return run(image, known, *rest)

    monkeypatch.setattr(passes, "run_solvers", counted)
    return found


def test_certain_pixels():
    """Alpha near 0 or 1 and a small doubt are both needed; known pixels stay as they are."""
    alpha = np.float32([[0.0, 0.01, 0.03, 0.5, 0.99, 1.0, 0.0, 1.0]])
    confidence = np.float32([[0.9, 0.6, 0.99, 0.99, 0.65, 0.6, 1.0, 1.0]])
    is_unknown = np.arange(8)[None] < 6
    certain = certain_trimap(MatteWithConfidence(alpha, confidence), is_unknown)
    assert certain.tolist() == [[0, 0.5, 0.5, 0.5, 1, 0.5, 0, 1]]


def test_second_pass_solves_what_is_left(fur, count_solves):
    """It sees fewer unknown pixels; the certain ones are exactly 0 or 1."""
    problem, network = check_problem(fur.image, fur.trimap), load_correction_network()
    estimates = solver_estimates(problem)
    certain = certain_trimap(correct_once(estimates, network), estimates.known == HALF)
    alpha = correct(problem, network).alpha
    assert count_solves == [np.count_nonzero(certain == 0.5)]
    assert count_solves[0] < 0.95 * np.count_nonzero(estimates.known == 0.5)
    np.testing.assert_array_equal(alpha[certain != 0.5], certain[certain != 0.5])
    np.testing.assert_array_equal(alpha, matte(fur.image, fur.trimap))


def test_both_passes_are_weighed(fur):
    """On the pixels that are left, alpha lies between both passes, nearer to the one that is less in doubt."""
    problem, network = check_problem(fur.image, fur.trimap), load_correction_network()
    estimates = solver_estimates(problem)
    first = correct_once(estimates, network)
    certain = certain_trimap(first, estimates.known == HALF)
    guess = Guess(None, None, first.alpha, passes.SECOND_RTOL)
    second, found = (
        correct_once(passes.run_solvers(problem.image, certain, guess=guess), network),
        matte(fur.image, fur.trimap),
    )
    left = certain == HALF
    one, other, result = (part[left] for part in (first.alpha, second.alpha, found))
    assert (result >= np.minimum(one, other) - 1e-6).all()
    assert (result <= np.maximum(one, other) + 1e-6).all()
    is_sure = (first.confidence < second.confidence - 0.1)[left] & (np.abs(one - other) > 0.01)
    assert is_sure.any()
    assert (np.abs(result - other) < np.abs(result - one))[is_sure].all()


def test_second_pass_helps(fur):
    """In a wide unknown region the certain pixels bring known colours to the others."""
    wide = np.where(cv2.dilate(np.uint8(fur.trimap == HALF), np.ones((17, 17))) > 0, HALF, fur.trimap)
    problem, network = check_problem(fur.image, wide), load_correction_network()
    first = correct_once(solver_estimates(problem), network)
    errors = [sad(part.alpha, fur.alpha, wide) for part in (correct(problem, network), first)]
    assert errors[0] < 0.95 * errors[1]


@pytest.mark.parametrize("share", [0.0, 0.04])
def test_no_second_pass_for_a_few_pixels(fur, count_solves, monkeypatch, share):
    """Where the first pass is certain of next to nothing, its answer is returned."""
    problem, network = check_problem(fur.image, fur.trimap), load_correction_network()
    first = correct_once(solver_estimates(problem), network)

    def few(_, is_unknown, *__):
        certain = np.where(is_unknown, HALF, 1)
        unknown = np.flatnonzero(is_unknown)
        certain.flat[unknown[: int(share * len(unknown))]] = 0
        return certain

    monkeypatch.setattr(passes, "certain_trimap", few)
    np.testing.assert_array_equal(correct(problem, network).alpha, first.alpha)
    assert count_solves == []


def test_every_pixel_certain(fur, monkeypatch):
    """Nothing is left for the second pass."""
    problem, network = check_problem(fur.image, fur.trimap), load_correction_network()
    monkeypatch.setattr(passes, "certain_trimap", lambda first, is_unknown, *_: np.where(is_unknown, 1, first.alpha))
    alpha, confidence = correct(problem, network)
    assert (alpha[fur.trimap != 0] == 1).mean() > 0.5
    assert 0 <= confidence.min() <= confidence.max() <= 1


def test_a_start_changes_the_way_and_not_the_answer(fur, count_solves):
    """With a start, both passes stop at a larger residual."""
    problem, network = check_problem(fur.image, fur.trimap), load_correction_network()
    expected = correct(problem, network)
    count_solves.clear()
    nothing = Guess(None, None, np.full_like(fur.trimap, np.nan, np.float32))
    for start in (nothing, nothing._replace(start=expected.alpha)):
        alpha, confidence = correct_near(problem, network, start)
        assert np.abs(alpha - expected.alpha).mean() < 1e-3
        assert np.abs(confidence - expected.confidence).mean() < 2e-3
    assert len(count_solves) == 4
