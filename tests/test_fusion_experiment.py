"""The recipe of the fusing network: what is kept of a scene, what it pays, and what its tables say."""

import numpy as np
import pytest

from hybridmatte.data import Sample
from hybridmatte.solver.system import check_problem
from hybridmatte.solver_fusion import PLANES, fusion_planes, solve_all
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

torch = pytest.importorskip("torch")
pytest.importorskip("hybridmatte.networks")

from experiments.fusion import report, scenes, scoring, solved, training  # noqa: E402 -- they need torch

SCENE = soft_disk((180, 200))


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder with one scene, solved."""
    sample = Sample("real/disk/0", image=SCENE.image, trimap=SCENE.trimap, alpha=SCENE.alpha)
    monkeypatch.setattr(solved, "make_scene", lambda *_: sample)
    assert solved.write_scene("real/disk/0", None, tmp_path)
    assert not solved.write_scene("real/disk/0", None, tmp_path)
    return solved.read_scene("real/disk/0", tmp_path)


def test_scene_is_kept_to_a_byte(kept):
    expected = solve_all(check_problem(SCENE.image, SCENE.trimap))
    found, alpha = kept.part(slice(20, 150), slice(30, 160))
    assert_close(alpha, SCENE.alpha[20:150, 30:160], 1 / 255)
    for name, plane in expected.part(slice(20, 150), slice(30, 160))._asdict().items():
        assert_close(getattr(found, name), plane, 0.01)
    np.testing.assert_array_equal(kept.unknown, np.flatnonzero(SCENE.trimap == 0.5))


def test_crops_are_around_unknown_pixels(kept):
    draw = training.Draw([kept], np.random.default_rng(0), without=("knn",))
    for _ in range(5):
        planes, alpha, is_unknown = draw.crop()
        assert planes.shape == (len(PLANES), training.CROP, training.CROP)
        assert alpha.shape == is_unknown.shape == (1, training.CROP, training.CROP)
        assert is_unknown.any()
        assert not planes[PLANES.index("knn")].any()
        assert np.abs(planes[0] - alpha[0]).mean() < 0.1  # closed form is turned and mirrored as the truth is


def test_recolouring_scales_residuals(kept):
    found, _ = kept.part(slice(None), slice(None))
    other = training.recoloured(found, np.random.default_rng(1))
    first, second = (fusion_planes(planes)[PLANES.index("residual_cf")] for planes in (found, other))
    ratios = second[first > 0.1] / first[first > 0.1]
    assert np.ptp(ratios) < 0.01
    assert abs(ratios[0] - 1) > 0.02


def test_exact_alpha_pays_nothing():
    target = torch.rand(2, 1, 20, 30)
    is_unknown = torch.rand(target.shape) < 0.5
    wrong_where_known = torch.where(is_unknown, target, torch.rand(target.shape))
    assert float(training.charge(wrong_where_known, target, is_unknown)) == 0
    assert float(training.charge(1 - target, target, is_unknown)) > 0.1


@pytest.mark.parametrize("fold", range(scoring.FOLDS))
def test_folds_part_the_photographs(fold):
    names = [f"GT{k:02}" for k in range(12)]
    others = [name for other in range(scoring.FOLDS) if other != fold for name in scoring.in_fold(names, other)]
    assert sorted([*scoring.in_fold(names, fold), *others]) == names
    assert scoring.in_fold(names, None) == []


def test_trimaps_keep_both_regions_true():
    for seed in range(8):
        trimap = scenes.scene_trimap(SCENE.alpha, np.random.default_rng(seed))
        assert (SCENE.alpha[trimap == 1] >= 1 - scenes.CLEAR).all()
        assert (SCENE.alpha[trimap == 0] <= scenes.CLEAR).all()


def test_tables():
    """Two photographs: the fusion halves the best solver's error on one, and is a fifth worse on the other."""
    rows = []
    for trimap in report.TRIMAPS:
        for name, best in (("a", 2.0), ("b", 1.0)):
            errors = {method: best + k for k, method in enumerate(report.METHODS)}
            errors |= {report.AVERAGE: 3.0, report.ORACLE: best}
            rows += [{"method": method, "subject": f"{name} {trimap}", "error": dict.fromkeys(report.ERRORS, error)}
                     for method, error in errors.items()]
            rows += [{"method": report.FUSION, "subject": f"{name} {trimap} seed {seed}",
                      "error": dict.fromkeys(report.ERRORS, 1.0 if name == "a" else 1.2)} for seed in (0, 1)]
    found = report.by_method(rows)
    assert report.best_solver(found, "trimap1", "sad") == (1.5, next(iter(report.METHODS)))
    assert report.main_table(found)[-1].count("0.73") == 6
    assert "from 0.50 to 1.20; more than 10% worse: b trimap1 1.20, b trimap2 1.20." in report.worst_lines(found)[0]
