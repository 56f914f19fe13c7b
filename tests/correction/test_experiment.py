"""The experiment that trains the correction network: kept scenes, training, folds, ablation and tables."""

import numpy as np
import pytest

from hybridmatte.correction.estimates import BASE_SOLVER, solver_estimates
from hybridmatte.correction.features import FEATURE_TABLE, FEATURES
from hybridmatte.correction.network import predict_correction
from hybridmatte.data import Sample
from hybridmatte.systems.problem import check_problem
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

pytest.importorskip("torch")

from experiments import fusion  # noqa: E402 -- its modules need torch
from experiments.fusion import kept_scenes, report, run, scenes, scoring, training  # noqa: E402

SCENE = soft_disk((180, 200))


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder with one scene, solved."""
    sample = Sample("real/disk/0", image=SCENE.image, trimap=SCENE.trimap, alpha=SCENE.alpha)
    monkeypatch.setattr(kept_scenes, "make_scene", lambda *_: sample)
    assert kept_scenes.write_scene("real/disk/0", None, tmp_path)
    assert not kept_scenes.write_scene("real/disk/0", None, tmp_path)
    return kept_scenes.read_scene("real/disk/0", tmp_path)


@pytest.mark.slow
def test_scene_is_kept(kept):
    expected, (found, truth) = solver_estimates(check_problem(SCENE.image, SCENE.trimap)), kept
    assert_close(truth, SCENE.alpha, 1e-3)
    for name, plane in expected._asdict().items():
        assert_close(getattr(found, name), plane, 2e-3)


def test_rows_are_of_unknown_pixels(tmp_path, kept):
    kept_scenes.keep_rows("real/disk/0", tmp_path)
    rows = kept_scenes.read_rows("real/disk/0", tmp_path)
    n_unknown = int((kept[0].known == 0.5).sum())
    assert rows.features.shape == (min(kept_scenes.GIVEN, n_unknown), len(FEATURES))
    assert np.abs(rows.features[:, FEATURES.index(BASE_SOLVER)] - rows.alpha).mean() < 0.05


@pytest.fixture
def rows(rng):
    """Pixels whose base estimate misses a fifth of another feature."""
    features = rng.random((3000, len(FEATURES)), np.float32)
    alpha = features[:, FEATURES.index(BASE_SOLVER)] + 0.2 * features[:, FEATURES.index("grey")]
    return [kept_scenes.Rows(features, alpha)]


@pytest.mark.slow
def test_networks_learn_what_is_missed(rows):
    network, other = (
        training.train_fusion(rows, seed=0, steps=150, without=without).without_torch() for without in ((), ("grey",))
    )
    features, alpha = rows[0]
    missed = alpha - features[:, FEATURES.index(BASE_SOLVER)]
    assert np.abs(predict_correction(network, features) - missed).mean() < 0.02
    features[:, training.left_out(("grey",))] = 0
    assert 0.03 < np.abs(predict_correction(other, features) - missed).mean() < 0.07


def test_held_out_photographs_are_not_learned_from(monkeypatch, tmp_path):
    names = [
        "real/GT01/0",
        "real/GT01/4",
        "real/GT02/1",
        "real/GT02/2",
        "composite/GT01/0",
        "composite/GT02/1",
        "composite/animals-1/0",
        "drawn/fur/0",
    ]
    monkeypatch.setattr(run, "scene_names", lambda _: names)
    monkeypatch.setattr(run, "read_rows", lambda name, _: name)
    options = fusion.Options(kept=tmp_path)
    assert run.learned_rows(options, ["GT01"], fusion.SOURCES) == [
        "real/GT02/1",
        "real/GT02/2",
        "composite/GT02/1",
        "composite/animals-1/0",
    ]
    assert run.learned_rows(options, ["GT01"], ("given",)) == ["real/GT02/1"]


@pytest.mark.parametrize(("n_planes", "dtype"), [(17, "float32"), (14, "float16")])
def test_scenes_of_another_recipe_are_refused(tmp_path, n_planes, dtype):
    np.save(kept_scenes.scene_path("real/disk/0", tmp_path), np.zeros((n_planes, 4, 5), dtype))
    with pytest.raises(ValueError, match=f"has {n_planes} planes of {dtype}, expected 14 of float32; it was kept by"):
        kept_scenes.read_scene("real/disk/0", tmp_path)


def test_left_out():
    """Everything that an estimate takes part in is left out with it."""
    names = {FEATURES[k] for k in training.left_out(("samples",))}
    assert {
        "samples",
        "residual_samples",
        "residual_samples, mean 4",
        f"|samples - {BASE_SOLVER}|, mean 1",
        f"samples, fitted to colours less {BASE_SOLVER} 2",
        "samples, most 9",
    } <= names
    assert not any("samples" in name for name in set(FEATURES) - names)
    assert f"samples, fitted to grey less {BASE_SOLVER} 2" in {FEATURES[k] for k in training.left_out((BASE_SOLVER,))}
    assert training.base_without((BASE_SOLVER,)) == "samples"


def test_ablations_leave_out_what_they_say():
    kept = set(range(len(FEATURES))) - set(training.left_out(fusion.ABLATION["nothing around the pixel"]))
    alone = {feature.name for feature in FEATURE_TABLE if feature.group in ("planes", "difference", "colours")}
    assert {FEATURES[k] for k in kept} == alone


@pytest.mark.parametrize("fold", range(fusion.FOLDS))
def test_folds_part_the_photographs(fold):
    names = [f"GT{k:02}" for k in range(12)]
    others = [name for other in range(fusion.FOLDS) if other != fold for name in scoring.in_fold(names, other)]
    assert sorted([*scoring.in_fold(names, fold), *others]) == names


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
            errors |= {fusion.AVERAGE: 3.0, fusion.ORACLE: best}
            rows += [
                {"method": method, "subject": f"{name} {trimap}", "error": dict.fromkeys(report.ERRORS, error)}
                for method, error in errors.items()
            ]
            rows += [
                {
                    "method": fusion.FUSION,
                    "subject": f"{name} {trimap} seed {seed}",
                    "error": dict.fromkeys(report.ERRORS, 1.0 if name == "a" else 1.2),
                }
                for seed in (0, 1)
            ]
    found = report.by_method(rows)
    assert report.best_solver(found, "trimap1", "sad") == (1.5, next(iter(report.METHODS)))
    assert report.main_table(found).splitlines()[-1].count("0.73") == 6
    assert "from 0.50 to 1.20; more than 10% worse: b trimap1 1.20, b trimap2 1.20." in report.worst_line(found)
