"""The experiment that trains the correction network: kept scenes, training, folds, ablation and tables."""

import numpy as np
import pytest

from hybridmatte.correction.estimates import BASE_SOLVER, solver_estimates
from hybridmatte.correction.features import FEATURE_TABLE, FEATURES, correction_features
from hybridmatte.correction.network import predict_correction, predict_correction_and_doubt
from hybridmatte.correction.passes import correct
from hybridmatte.correction.weights import load_correction_network
from hybridmatte.data import Sample
from hybridmatte.systems.problem import check_problem
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

pytest.importorskip("torch")

from experiments import fusion  # noqa: E402 -- its modules need torch
from experiments.fusion import (  # noqa: E402
    choice,
    disturbances,
    doubts,
    judged,
    kept_scenes,
    peers,
    photographs,
    report,
    run,
    scenes,
    scoring,
    training,
)

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
    expected, (found, truth) = solver_estimates(check_problem(SCENE.image, SCENE.trimap)).planes(), kept
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
    monkeypatch.setattr(run, "photograph_names", lambda _: ["GT01", "GT02"])
    options = fusion.Options(kept=tmp_path)
    assert run.learned_rows(options, ["GT02"], fusion.SOURCES) == [
        "real/GT02/1",
        "real/GT02/2",
        "composite/GT02/1",
        "composite/animals-1/0",
    ]
    assert run.learned_rows(options, ["GT02"], ("given",)) == ["real/GT02/1"]


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


@pytest.mark.parametrize(
    ("protocol", "scored"), [("folds", 20), ("sets", 20), ("inside", 20), ("twelve", 12), ("eight", 8)]
)
def test_splits_part_the_photographs(monkeypatch, protocol, scored):
    """Each photograph is scored once, never by networks that have learned from it; "inside" keeps the sets apart."""
    sets = {"alphamatting": [f"a{k:02}" for k in range(12)], "alphamatting_more": [f"b{k}" for k in range(8)]}
    monkeypatch.setattr(photographs, "alphamatting_names", lambda _, folder: sets[folder])
    found = photographs.splits(protocol, None)
    assert len({name for split in found for name in split.held_out}) == sum(len(split.held_out) for split in found)
    assert sum(len(split.held_out) for split in found) == scored
    for split in found:
        assert not {*split.learned} & {*split.held_out}
        whole = {*split.learned, *split.held_out}
        assert len(whole) == scored or protocol == "inside" and whole in [set(names) for names in sets.values()]
    assert photographs.fold_partner("a00", None) == "a05"


def test_trimaps_keep_both_regions_true():
    for seed in range(8):
        trimap = scenes.scene_trimap(SCENE.alpha, np.random.default_rng(seed))
        assert (SCENE.alpha[trimap == 1] >= 1 - scenes.CLEAR).all()
        assert (SCENE.alpha[trimap == 0] <= scenes.CLEAR).all()


def harder(rng):
    """The disk with a flag stuck to it."""
    sample = Sample("disk", image=SCENE.image, trimap=SCENE.trimap, alpha=SCENE.alpha)
    place = disturbances.place_on_outline(SCENE.alpha, rng)
    opacity = disturbances.draw_part("flag", SCENE.alpha.shape, place, 50, rng)
    return sample, opacity, disturbances.attach(sample, np.full(SCENE.image.shape, 0.5, np.float32), opacity)


def test_attached_part_is_opaque_and_unknown(rng):
    sample, opacity, harder_one = harder(rng)
    assert (opacity > 0.999).sum() > 400
    assert (harder_one.alpha >= opacity - 1e-6).all()
    assert (harder_one.trimap[opacity > 0.01] == 0.5).all()
    far = ~disturbances.dilate(opacity > 0, disturbances.BEYOND_PART + 2)
    for part in ("image", "alpha", "trimap"):
        assert_close(getattr(harder_one, part)[far], getattr(sample, part)[far], 1e-6)


@pytest.mark.parametrize("make", ["strokes", "inside", "outside"])
def test_hand_like_trimaps_are_true(make, rng):
    trimap = {
        "strokes": lambda: disturbances.stroke_trimap(SCENE.alpha, rng, (4, 9)),
        "inside": lambda: disturbances.band_trimap(SCENE.alpha, 12, 2),
        "outside": lambda: disturbances.band_trimap(SCENE.alpha, 2, 12),
    }[make]()
    assert (SCENE.alpha[trimap == 1] >= 1 - disturbances.CLEAR).all()
    assert (SCENE.alpha[trimap == 0] <= disturbances.CLEAR).all()
    assert min((trimap == value).sum() for value in (0, 0.5, 1)) > 100


def test_lattice_has_a_known_frame_and_unknown_threads(rng):
    alpha, trimap = disturbances.draw_lattice((140, 170), rng)
    assert (alpha[trimap == 1] > 0.99).all()
    assert (alpha[trimap == 0] < 0.01).all()
    middle = alpha[50:-50, 50:-50]
    assert (trimap[50:-50, 50:-50] == 0.5).all()
    assert 0.02 < middle.mean() < 0.9
    assert middle.max() > 0.5


@pytest.mark.parametrize("kind", list(disturbances.DEGRADED))
def test_degraded_scenes_keep_true_trimaps(kind, rng):
    sample = Sample("disk", image=SCENE.image, trimap=SCENE.trimap, alpha=SCENE.alpha)
    found = disturbances.DEGRADED[kind](sample, rng)
    assert found.image.shape[:2] == found.alpha.shape == found.trimap.shape
    assert {*np.unique(found.trimap)} <= {0, 0.5, 1}
    if kind != "large":  # a cubic filter rings
        assert np.abs(found.alpha - found.trimap)[found.trimap != 0.5].max() < 0.03


def test_own_colours_are_far_from_the_image(rng):
    pixels = np.float32([[1, 0, 0], [0.9, 0.1, 0]])
    found = disturbances.own_colours(pixels, rng, 2)
    assert np.linalg.norm(found[:, None] - pixels, axis=2).min() > 0.7


@pytest.mark.slow
def test_doubts_find_what_stays_wrong_and_leave_alpha_alone(rows, monkeypatch):
    """Pixels of much contrast are wrong at random; doubts that are trained afterwards do not change alpha."""
    features = rows[0].features
    is_odd = features[:, FEATURES.index("contrast")] > 0.7
    noise = np.where(is_odd, np.random.default_rng(0).choice([-0.4, 0.4], len(is_odd)), 0)
    learned = [kept_scenes.Rows(features, np.float32(rows[0].alpha + noise))]
    with monkeypatch.context() as patched:
        patched.setattr(training, "DOUBT_WEIGHT", 1.0)  # few steps
        network = training.train_fusion(learned, seed=0, steps=300, together=True).without_torch()
    logits = predict_correction_and_doubt(network, features)[1]
    assert doubts.area_under_roc(doubts.Doubts(logits, is_odd)) > 0.8
    after = training.train_fusion(learned, seed=0, steps=60).without_torch()
    monkeypatch.setattr(training, "with_doubts", lambda network, *_: network)
    never = training.train_fusion(learned, seed=0, steps=60).without_torch()
    assert (never.weights[-1][:, 1] == 0).all()
    assert (after.weights[-1][:, 1] != 0).any()
    assert (predict_correction(after, features) == predict_correction(never, features)).all()
    _, logits = predict_correction_and_doubt(after, features)
    is_wrong = np.abs(features[:, FEATURES.index(BASE_SOLVER)] + predict_correction(after, features) - learned[0].alpha)
    predicted = doubts.sigmoid(logits)
    assert abs(predicted.mean() - (is_wrong > 0.1).mean()) < 0.03  # the standard error of 3,000 pixels is 0.008


def test_scaling_of_doubts():
    """Logits that are twice too large and shifted are found so, and the calibration error shows it."""
    generator = np.random.default_rng(3)
    true = generator.normal(-1, 1.5, 60_000)
    is_wrong = generator.random(60_000) < doubts.sigmoid(true)
    found = doubts.Doubts(2 * true + 1, is_wrong)
    scaling = doubts.fit_scaling(found)
    assert abs(scaling.scale - 0.5) < 0.02
    assert abs(scaling.shift + 0.5) < 0.03
    before, after = (doubts.calibration_error(doubts.reliability(doubts.Doubts(x, is_wrong))) for x in (found[0], true))
    assert after < 0.01 < 0.05 < before
    chance = doubts.area_under_roc(doubts.Doubts(generator.normal(size=60_000), is_wrong))
    assert abs(chance - 0.5) < 0.01
    assert doubts.area_under_roc(doubts.Doubts(np.float64([1, 2, 2, 3]), np.array([False, True, False, True]))) == 0.875


def test_tables_of_unseen_photographs():
    """Two photographs and seeds: half of the better solver's error on one, and a fifth more on the other."""
    rows = []
    for kind in (*judged.TRIMAPS, "jpeg"):
        for name, best, fused in (("a", 2.0, 1.0), ("b", 1.0, 1.2)):
            common = {"set": kind, "photograph": name}
            rows += [
                {"method": method, "error": dict.fromkeys(judged.ERRORS, best + k), **common}
                for k, method in enumerate(judged.SOLVERS)
            ]
            rows += [
                {
                    "method": fusion.FUSION,
                    "error": dict.fromkeys(judged.ERRORS, fused),
                    "protocol": "folds",
                    "seed": seed,
                    **common,
                }
                for seed in (0, 1)
            ]
    found = judged.judged(rows)
    last = judged.clean_table(found, "folds", ["a", "b"]).splitlines()[-1]
    assert last.count("1.10 (0.00) / 1.10 (0.00)") == len(judged.ERRORS)
    assert "| 0.77 / 0.77 | 1.20 b / 1.20 b |" in last
    stress = judged.stress_table(found, ["jpeg"], "folds").splitlines()[-1]
    assert stress == "| jpeg | 1.50 (information_flow) | 0.73 (0.00) | 1.20 b (1 above 1.15) |"


def test_choice_is_made_without_the_photographs_reported_on():
    """The least ratio inside a set is chosen, though another method is better on the other set."""
    rows = [row_of(name, kind, "ab", 2.0) for name in judged.SOLVERS for kind in judged.TRIMAPS]
    for method, inside, outside in ((fusion.FUSION, 1.0, 0.8), (fusion.FEW, 0.5, 1.6)):
        for kind in judged.TRIMAPS:
            rows += [row_of(method, kind, "a", inside, "inside"), row_of(method, kind, "b", outside, "sets")]
    found = judged.judged([row for part in rows for row in part])
    lines = choice.choice_tables(found, [], [("a, then b:", ["a"], ["b"])])[-1].splitlines()
    assert lines[-2:] == [
        "| fusion | 0.500 | 0.400 | 0.80 / 0.80 |",
        f"| {fusion.FEW}, chosen | 0.250 | 0.800 | 1.60 / 1.60 |",
    ]


def test_goals_are_compared_with_the_best_package():
    """The least mean error counts; nothing is said if no package was scored."""
    rows = [row_of(fusion.TWICE, kind, "ab", 1.0, "folds") for kind in judged.TRIMAPS]
    flat = [row for part in rows for row in part]
    assert peers.peer_table(judged.judged(flat), "folds", ["a", "b"]) == []
    for kind in judged.TRIMAPS:
        flat += [
            row
            for error, name in zip((4.0, 2.0, 5.0, 3.0), peers.PEERS, strict=True)
            for row in row_of(name, kind, "ab", error)
        ]
    lines = peers.peer_table(judged.judged(flat), "folds", ["a", "b"])[1].splitlines()
    assert lines[2] == "| SAD / 1000 | 0.50 / 0.50 | 0.60 / 0.50 | PyMatting sampling / PyMatting sampling |"


def row_of(method, kind, names, error, protocol=None):
    """Rows of a method on some photographs with one error; those of a protocol have a seed."""
    more = {} if protocol is None else {"protocol": protocol, "seed": 0}
    errors = dict.fromkeys(judged.ERRORS, error)
    return [{"method": method, "error": errors, "set": kind, "photograph": name, **more} for name in names]


def test_two_passes_are_those_of_the_package():
    """The scored answer is that of `correct`, of the same estimates."""
    problem, network = check_problem(SCENE.image, SCENE.trimap), load_correction_network()
    estimates = solver_estimates(problem).planes()
    features = correction_features(estimates, estimates.known == 0.5)
    found = scoring.two_passes(estimates, features, network)
    assert_close(found.alpha, correct(problem, network).alpha, 1e-5)


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
