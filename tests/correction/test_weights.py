"""Two kinds of weights, for users who must mind licences: what each runs, and what runs without those for research."""

import re
import shutil

import numpy as np
import pytest

import hybridmatte
from hybridmatte import compare_methods, contact_sheet, cutout, matte, matte_from_mask, matte_with_confidence
from hybridmatte.correction.estimates import solver_estimates
from hybridmatte.correction.matting import matte_by
from hybridmatte.correction.weights import WEIGHTS, WEIGHTS_KINDS, load_correction_network
from hybridmatte.systems.problem import check_problem
from tests.correction.doubts import with_doubts, without_doubts
from tests.tolerances import assert_close

CALLS = {
    "matte": matte,
    "matte, fast": lambda *inputs, **weights: matte(*inputs, quality="fast", **weights),
    "matte_by": matte_by,
    "matte_by, cf": lambda *inputs, **weights: matte_by(*inputs, "cf", **weights),
    "matte_with_confidence": matte_with_confidence,
    "cutout": cutout,
    "compare_methods": lambda *inputs, **weights: compare_methods(*inputs, ["cf"], **weights),
    "matte_from_mask": lambda image, trimap, **weights: matte_from_mask(image, trimap > 0.5, **weights),
    "matte_from_mask with a network": lambda image, trimap, **weights: matte_from_mask(
        image, trimap > 0.5, network=object(), **weights
    ),
    "matte_from_image": lambda image, _, **weights: hybridmatte.matte_from_image(
        image, segmenter=lambda image: image[:, :, 0], **weights
    ),
    "run_folder": lambda *_, **weights: hybridmatte.run_folder("refine", "images", "alphas", "outputs", **weights),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("weights", ["mit", "", None, True, ["free"]])
def test_other_words_are_refused(scene, call, weights):
    with pytest.raises(ValueError, match=f"weights is {re.escape(repr(weights))}, expected 'research' or 'free'"):
        call(scene.image, scene.trimap, weights=weights)


@pytest.mark.usefixtures("free_weights")
class TestFree:
    """The free weights are ones that correct alpha the other way."""

    def test_each_kind_runs_its_own_network(self, scene):
        base = solver_estimates(check_problem(scene.image, scene.trimap)).alpha
        research, free = (matte(scene.image, scene.trimap, weights=kind) for kind in WEIGHTS_KINDS)
        inside = (np.minimum(research, free) > 0) & (np.maximum(research, free) < 1)
        assert np.abs(research - base)[inside].max() > 0.01
        assert_close((research + free)[inside], 2 * base[inside], 1e-5)

    def test_the_default_is_research(self, scene):
        np.testing.assert_array_equal(
            matte(scene.image, scene.trimap), matte(scene.image, scene.trimap, weights="research")
        )

    def test_every_function_passes_them_on(self, scene):
        free = matte(scene.image, scene.trimap, weights="free")
        assert (free != matte(scene.image, scene.trimap)).any()
        results = {
            "confidence": matte_with_confidence(scene.image, scene.trimap, weights="free").alpha,
            "by": matte_by(scene.image, scene.trimap, weights="free"),
            "cutout": cutout(scene.image, scene.trimap, weights="free")[:, :, 3],
            "compare": compare_methods(scene.image, scene.trimap, ["best"], weights="free")[0].alpha,
        }
        for name, alpha in results.items():
            np.testing.assert_array_equal(alpha, free, err_msg=name)

    def test_the_sheet_names_them(self, scene):
        trials = compare_methods(scene.image, scene.trimap, ["cf", "best"], weights="free")
        assert [trial.weights for trial in trials] == [None, "free"]
        assert trials[1]._replace(seconds=1.0).weights == "free"
        for trial in trials:
            trial.alpha[:] = scene.alpha
        named = contact_sheet(scene.image, scene.trimap, [trials[1]._replace(seconds=1.0)])
        trials[1].weights = "research"
        assert (named != contact_sheet(scene.image, scene.trimap, [trials[1]._replace(seconds=1.0)])).any()


def test_without_any_weights_solvers_run(scene, tmp_path, monkeypatch):
    """The quality "fast" and the methods use no weights, and take either word."""
    for name in WEIGHTS:
        monkeypatch.setitem(WEIGHTS, name, tmp_path / name)
    load_correction_network.cache_clear()
    for options in ({"quality": "fast"}, {"method": "cf"}):
        expected = matte_by(scene.image, scene.trimap, **options)
        for kind in WEIGHTS_KINDS:
            np.testing.assert_array_equal(matte_by(scene.image, scene.trimap, **options, weights=kind), expected)


@pytest.mark.usefixtures("no_research_weights")
class TestResearchWeightsRemoved:
    def test_free_weights_need_none_of_them(self, scene):
        mask = scene.alpha > 0.5
        for alpha in (
            matte(scene.image, scene.trimap, weights="free"),
            matte_with_confidence(scene.image, scene.trimap, weights="free").alpha,
            cutout(scene.image, scene.trimap, weights="free")[:, :, 3],
            matte_from_mask(scene.image, mask, weights="free").alpha,
            compare_methods(scene.image, scene.trimap, ["best"], weights="free")[0].alpha,
        ):
            assert np.abs(alpha - scene.alpha).max() < 0.5

    def test_the_default_says_what_is_missing(self, scene):
        with pytest.raises(ValueError, match=r"weights .*fusion.model\.safetensors .* or choose weights='free'"):
            matte(scene.image, scene.trimap)
        with pytest.raises(ValueError, match=r"weights .*refiner.model\.onnx .* or choose weights='free'"):
            matte_from_mask(scene.image, scene.alpha > 0.5)
        with pytest.raises(ValueError, match=r"weights .*finder.model\.onnx .* or give a mask"):
            hybridmatte.matte_from_image(scene.image)


def test_damaged_free_weights_are_named(scene, tmp_path, monkeypatch):
    """The error names the file that was asked for, and the other kind still runs."""
    shutil.copytree(WEIGHTS["fusion"], tmp_path / "damaged")
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"no network")
    monkeypatch.setitem(WEIGHTS, "fusion_free", tmp_path / "damaged")
    load_correction_network.cache_clear()
    expected = matte(scene.image, scene.trimap)
    for call in (matte, matte_with_confidence, cutout):
        with pytest.raises(ValueError, match=f"weights {tmp_path / 'damaged' / 'model.safetensors'} do not match"):
            call(scene.image, scene.trimap, weights="free")
    np.testing.assert_array_equal(matte(scene.image, scene.trimap), expected)
    (tmp_path / "damaged" / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"expected the files that come with hybridmatte; install it again$"):
        matte(scene.image, scene.trimap, weights="free")
    load_correction_network.cache_clear()


def test_free_weights_with_one_output_are_named(scene, replace_weights):
    replace_weights(without_doubts, "fusion_free")
    with pytest.raises(ValueError, match=r"weights .*without_doubts.model\.safetensors have 1 output, expected 2"):
        matte_with_confidence(scene.image, scene.trimap, weights="free")
    assert matte_with_confidence(scene.image, scene.trimap).confidence.max() == 1
    (trial,) = compare_methods(scene.image, scene.trimap, ["best"], weights="free")
    assert "1 output" in trial.error


def test_torch_offers_the_same_choice(rng, tmp_path, monkeypatch, replace_weights):
    """`SolverFusion.from_package` loads the weights of each kind, and refuses another word."""
    torch, networks = pytest.importorskip("torch"), pytest.importorskip("hybridmatte.networks")
    other = networks.SolverFusion(features=5, trusted=1, widths=[8])
    other.save_pretrained(tmp_path / "other")
    monkeypatch.setitem(WEIGHTS, "fusion_free", tmp_path / "other")
    network, research = (networks.SolverFusion.from_package(kind) for kind in ("free", "research"))
    rows = torch.from_numpy(rng.random((7, 5), np.float32))
    assert torch.equal(network(rows), other.eval()(rows))
    assert not research.training
    replace_weights(with_doubts)  # another network for both of the following
    np.testing.assert_array_equal(research.without_torch().mean, load_correction_network().mean)
    with pytest.raises(ValueError, match="weights is 'mit', expected 'research' or 'free'"):
        networks.SolverFusion.from_package("mit")
