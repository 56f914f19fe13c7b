import time
import warnings
from contextlib import contextmanager

import numpy as np
import pytest

from hybridmatte import comparison, matte_with_confidence
from hybridmatte.comparison import (
    GAP,
    LABEL,
    PANEL,
    Trial,
    _most_interesting_crop,
    compare_methods,
    contact_sheet,
)
from hybridmatte.correction import matting
from hybridmatte.methods.registry import Method
from tests.correction.doubts import with_doubts, without_doubts


@pytest.fixture
def methods(monkeypatch, replace_methods, scene):
    """Replace the methods by two that work, one that fails on all but the warm-up scene, and one that warns."""

    def solver(name):
        def solve(_image, trimap, **_):
            if trimap.shape != scene.alpha.shape:
                warnings.warn("about the warm-up scene", UserWarning, stacklevel=1)
                return trimap
            if name == "fails":
                raise ValueError("trimap is odd, expected even")
            if name == "warns":
                warnings.warn("not there yet", UserWarning, stacklevel=1)
            return scene.alpha if name == "good" else np.round(scene.alpha)

        return solve

    replace_methods(Method(name, solver(name), "summary", "when") for name in ("good", "hard", "fails", "warns"))
    monkeypatch.setattr(matting, "matte", lambda image, trimap, quality, **_: solver(quality)(image, trimap))


@pytest.mark.usefixtures("methods")
def test_every_method_is_tried(scene):
    started = []
    trials = compare_methods(scene.image, scene.trimap, on_start=started.append)
    assert started == [trial.method for trial in trials] == ["good", "hard", "fails", "warns", "best"]
    assert [trial.error for trial in trials] == [None, None, "trimap is odd, expected even", None, None]
    assert trials[3].warnings == ("not there yet",)
    np.testing.assert_array_equal(trials[0].alpha, scene.alpha)
    assert [trial.method for trial in compare_methods(scene.image, scene.trimap, ["hard"])] == ["hard"]


@pytest.mark.usefixtures("methods")
def test_a_solve_in_which_kernels_were_compiled_is_repeated(scene, monkeypatch):
    """The time of closed form held the compilation of kernels that only photographs with small parts use."""
    solves = []

    @contextmanager
    def notice(say):
        solves.append(say)
        yield
        if len(solves) == 1:
            time.sleep(0.5)
            say()

    monkeypatch.setattr(comparison, "notice_compilation", notice)
    (trial,) = compare_methods(scene.image, scene.trimap, ["warns"])
    assert len(solves) == 2
    assert trial.seconds < 0.5
    assert trial.warnings == ("not there yet",)


@pytest.mark.usefixtures("methods")
def test_wrong_input_is_no_trial(scene):
    with pytest.raises(ValueError, match="method is 'better', expected 'good' or 'hard'"):
        compare_methods(scene.image, scene.trimap, ["better"])
    with pytest.raises(ValueError, match="its transpose"):
        compare_methods(scene.image, scene.trimap.T)


def test_sheet_shows_each_alpha(scene):
    alpha = scene.alpha
    trials = [Trial("one", alpha, 1.0, (), None), Trial("none", None, 0.0, (), "failed")]
    sheet = contact_sheet(scene.image, scene.trimap, trials)
    height = round(PANEL * alpha.shape[0] / alpha.shape[1])
    assert sheet.dtype == np.float32
    assert (sheet.min(), sheet.max()) == (0, 1)
    # two cards of two panels each; the second card's left panel is the alpha, enlarged
    rows = (sheet.shape[0] - GAP) // (LABEL + height + GAP)
    y, x = (GAP, GAP + 2 * PANEL + GAP // 2 + GAP) if rows == 1 else (GAP + LABEL + height + GAP, GAP)
    panel = sheet[y + LABEL : y + LABEL + height, x : x + PANEL]
    blocks = panel[: height // 29 * 29 : height // 29, :: PANEL // 36, 0][:29, :37]
    assert np.corrcoef(blocks.ravel()[: blocks.size], alpha[: blocks.shape[0], : blocks.shape[1]].ravel())[0, 1] > 0.8


def test_the_default_shows_its_confidence(scene, replace_weights):
    """The sheet has a card more: the map, and the crop of it; the result is still a tuple of five."""
    replace_weights(with_doubts)
    (trial,) = compare_methods(scene.image, scene.trimap, ["best"])
    expected = matte_with_confidence(scene.image, scene.trimap)
    np.testing.assert_array_equal(trial.alpha, expected.alpha)
    np.testing.assert_array_equal(trial.confidence, expected.confidence)
    assert len(trial) == 5
    assert trial._replace(seconds=2.0).confidence is trial.confidence
    sheet, plain = (contact_sheet(scene.image, scene.trimap, [shown]) for shown in (trial, Trial(*trial)))
    assert sheet.size > plain.size
    assert Trial(*trial).confidence is None
    replace_weights(without_doubts)
    (trial,) = compare_methods(scene.image, scene.trimap, ["best"])
    assert "have 1 output, expected 2" in trial.error
    assert (trial.alpha, trial.confidence) == (None, None)


def test_the_crop_is_where_results_differ():
    alphas = np.zeros((2, 80, 120), dtype=np.float32)
    alphas[1, 60:70, 100:110] = 1
    rows, columns = _most_interesting_crop(alphas, np.ones((80, 120), dtype=bool))
    assert rows.start <= 60
    assert rows.stop >= 70
    assert columns.start <= 100
    assert columns.stop >= 110


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (7, 5)])
def test_sheets_of_small_images(shape):
    trimap = np.full(shape, 0.5)
    sheet = contact_sheet(np.zeros((*shape, 3)), trimap, [Trial("a", trimap.astype(np.float32), 0.0, (), None)])
    assert np.isfinite(sheet).all()


def test_sheet_needs_an_alpha(scene):
    with pytest.raises(ValueError, match="expected at least one"):
        contact_sheet(scene.image, scene.trimap, [])
