"""`refine` and `decontaminate`: more accurate than interpolation, known pixels exact, errors for bad inputs."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridmatte import (
    decontaminate,
    estimate_foreground,
    read_alpha,
    read_image,
    refine,
    solve_cf,
    write_alpha,
    write_image,
)
from hybridmatte.automatic import refinement
from hybridmatte.cli import main
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

SCENE = soft_disk((96, 128))


def smaller(alpha, factor):
    return cv2.resize(alpha, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)


def error(alpha):
    return np.abs(alpha - SCENE.alpha).mean()


@pytest.mark.parametrize("factor", [4, 8, 16])
def test_more_accurate_than_interpolation(factor):
    small = smaller(SCENE.alpha, factor)
    enlarged = cv2.resize(small, SCENE.alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    assert error(refine(SCENE.image, small)) < 0.6 * error(enlarged)


def test_means_are_kept():
    small = smaller(SCENE.alpha, 8)
    refined = refine(SCENE.image, small)
    assert np.abs(smaller(refined, 8) - small).max() < 0.05


def test_hard_mask_follows_the_edge():
    image = np.zeros((64, 64, 3), np.float32)
    image[:, 27:] = (0.9, 0.5, 0.2)
    mask = np.float32(np.arange(8) >= 3)[None].repeat(8, axis=0)  # 8 pixels each: edge at 24, not 27
    refined = refine(image, mask)
    assert refined[:, 26].max() < 0.3
    assert refined[:, 27].min() > 0.7


def test_trimap_stays_exact():
    refined = refine(SCENE.image, smaller(SCENE.alpha, 4), SCENE.trimap)
    assert (refined[SCENE.trimap == 0] == 0).all()
    assert (refined[SCENE.trimap == 1] == 1).all()
    assert error(refined) < error(refine(SCENE.image, smaller(SCENE.alpha, 4)))


def test_larger_confidence_follows_alpha():
    wrong = np.float32(SCENE.alpha > 0.9)
    near, far = (np.abs(refine(SCENE.image, wrong, confidence=c) - wrong).mean() for c in (100.0, 1e-3))
    assert near < far
    plane = np.full(wrong.shape, 100.0)
    assert_close(refine(SCENE.image, wrong, confidence=plane), refine(SCENE.image, wrong, confidence=100.0))


def test_haze_adds_few_unknown_pixels(monkeypatch):
    """An alpha of 0.03 instead of 0, and 0.97 instead of 1, counts as known."""
    seen, check = [], refinement.check_problem
    monkeypatch.setattr(refinement, "check_problem", lambda *planes: seen.append(planes[1]) or check(*planes))
    small = smaller(SCENE.alpha, 4)
    refine(SCENE.image, 0.03 + 0.94 * small)
    refine(SCENE.image, small)
    assert 0 < (seen[0] == 0.5).mean() < 1.5 * (seen[1] == 0.5).mean() < 0.6


def test_rounds_equal_independent_solves():
    """Each round solves only for the change of the prior; the sum is the solution for the new prior."""
    small = smaller(SCENE.alpha, 8)
    prior = cv2.resize(small, SCENE.alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    trimap = np.full(prior.shape, 0.5)
    low, high = (
        cv2.resize(reach(small, np.ones((3, 3))), prior.shape[::-1], interpolation=cv2.INTER_LINEAR)
        for reach in (cv2.erode, cv2.dilate)
    )
    trimap[high <= 0.05], trimap[low >= 0.95] = 0, 1
    weight = 0.1 * np.maximum(1 - (high - low), 0.1) ** 2
    for _ in range(3):
        expected = solve_cf(SCENE.image, trimap, prior=prior.clip(0, 1), confidence=weight)
        missing = small - smaller(expected, 8)
        prior = prior + cv2.resize(missing, prior.shape[::-1], interpolation=cv2.INTER_LINEAR)
    assert_close(refine(SCENE.image, small), expected, 1e-3)


def test_an_opaque_alpha_stays():
    assert (refine(SCENE.image, np.ones((12, 16), np.float32)) == 1).all()


def test_warning_for_an_empty_alpha():
    with pytest.warns(UserWarning, match="alpha is nowhere above 0.05 or trimap is all background"):
        assert not refine(SCENE.image, np.zeros((12, 16), np.float32)).any()


@given(shape=st.tuples(st.integers(3, 12), st.integers(3, 12)), factor=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_any_size_and_content(shape, factor, seed):
    rng = np.random.default_rng(seed)
    refined = refine(rng.random((factor * shape[0], factor * shape[1], 3), np.float32), rng.random(shape, np.float32))
    assert refined.shape == (factor * shape[0], factor * shape[1])
    assert refined.min() >= 0
    assert refined.max() <= 1


def test_rounding_above_one_is_accepted():
    assert_close(refine(SCENE.image, np.full((12, 16), 1 + 2e-7, np.float32)), np.ones(SCENE.alpha.shape))
    with pytest.raises(ValueError, match="alpha has floating-point values"):
        refine(SCENE.image, np.full((12, 16), 1.001, np.float32))


def test_larger_alpha_is_averaged():
    large = cv2.resize(SCENE.alpha, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    assert_close(refine(SCENE.image, large), refine(SCENE.image, smaller(large, 2)))


@pytest.mark.parametrize(
    ("alpha", "options", "message"),
    [
        (np.zeros((30, 20)), {}, "alpha is 20 x 30 but image is 128 x 96, expected the same aspect ratio"),
        (np.zeros((16, 12)), {}, "it looks turned by a quarter"),
        (np.full((24, 32), 2.0), {}, "expected the range"),
        (np.full((24, 32), 1, np.uint8), {}, "alpha has no value above 0.0039"),
        (np.full((24, 32), 0.5), {"confidence": 0}, "confidence is 0 and alpha has no region of both 0 and 1"),
        (np.zeros((24, 32)), {"confidence": np.ones((96, 128, 1))}, "expected a number or real numbers"),
        (np.zeros((24, 32)), {"trimap": np.zeros((24, 32))}, "trimap has shape"),
        (np.zeros((24, 32)), {"confidence": -1}, "confidence is -1"),
        (np.zeros((24, 32)), {"confidence": np.ones((2, 2))}, "confidence has shape"),
    ],
)
def test_mistakes(alpha, options, message):
    with pytest.raises(ValueError, match=message):
        refine(SCENE.image, alpha, **options)


def test_decontaminate_removes_the_background_colour():
    cut = decontaminate(SCENE.image, SCENE.alpha)
    assert_close(cut[:, :, 3], SCENE.alpha)
    assert_close(cut[:, :, :3], estimate_foreground(SCENE.image, SCENE.alpha))
    mixed = (SCENE.alpha > 0.2) & (SCENE.alpha < 0.8)
    assert (cut[mixed, 0] - cut[mixed, 2]).min() > (SCENE.image[mixed, 0] - SCENE.image[mixed, 2]).min() + 0.1


class TestCommands:
    @staticmethod
    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        return left.value.code

    @pytest.fixture
    def folder(self, tmp_path):
        write_image(tmp_path / "image.png", SCENE.image)
        write_alpha(tmp_path / "small.png", smaller(SCENE.alpha, 4))
        write_alpha(tmp_path / "trimap.png", SCENE.trimap)
        return tmp_path

    def test_both(self, folder):
        image, small, full, cut = (folder / name for name in ("image.png", "small.png", "full.png", "cut.png"))
        assert self.run("refine", image, small, "-o", full, "--trimap", folder / "trimap.png", "--bits", 16) == 0
        expected = refine(read_image(image), read_alpha(small), SCENE.trimap)
        assert_close(read_alpha(full), expected, 1e-4)
        assert self.run("decontaminate", image, full, "-o", cut) == 0
        assert_close(read_alpha(cut), read_alpha(full), 1 / 255)
        assert (read_alpha(cut)[SCENE.trimap == 1] == 1).all()

    def test_folders(self, folder):
        for name, file in (("images", "image.png"), ("alphas", "small.png")):
            (folder / name).mkdir()
            (folder / file).rename(folder / name / "one.png")
        command = ["refine", folder / "images", folder / "alphas", "-o", folder / "full"]
        assert self.run(*command) == 0
        assert read_alpha(folder / "full" / "one.png").shape == SCENE.alpha.shape
        assert self.run(*command, "--trimap", folder / "trimap.png") == 2

    def test_output_is_no_input(self, folder, capsys):
        image, small, trimap = (folder / name for name in ("image.png", "small.png", "trimap.png"))
        before = trimap.read_bytes(), small.read_bytes()
        assert self.run("refine", image, small, "-o", trimap, "--trimap", trimap) == 2
        assert "which is also --trimap" in capsys.readouterr().err
        for command in ("refine", "decontaminate"):
            assert self.run(command, image, small, "-o", small) == 2
            assert "is also an input" in capsys.readouterr().err
        assert before == (trimap.read_bytes(), small.read_bytes())

    def test_error_for_a_small_alpha_names_refine(self, folder, capsys):
        assert self.run("decontaminate", folder / "image.png", folder / "small.png", "-o", folder / "cut.png") == 2
        assert "expected the same height and width (refine brings an alpha to" in capsys.readouterr().err

    def test_error_for_another_aspect_ratio(self, folder, capsys):
        write_alpha(folder / "turned.png", smaller(SCENE.alpha, 4).T)
        assert self.run("refine", folder / "image.png", folder / "turned.png", "-o", folder / "full.png") == 2
        assert "turned by a quarter" in capsys.readouterr().err
        assert not (folder / "full.png").exists()
