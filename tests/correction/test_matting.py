"""The default method: information flow, corrected by a small network without torch."""

import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.ndimage
from threadpoolctl import threadpool_info

from hybridmatte import METHODS, cutout, matte, sad, solve, solve_information_flow
from hybridmatte.correction import tiles
from hybridmatte.correction.estimates import BASE_SOLVER, RTOL, SolverEstimates, known_distances, solver_estimates
from hybridmatte.correction.features import (
    CANDIDATES,
    EXTREME_SIDES,
    FEATURES,
    MARGIN,
    correction_features,
)
from hybridmatte.correction.network import (
    RANK_LIMIT,
    Perceptron,
    normalize_features,
    predict_correction,
    predict_correction_and_doubt,
)
from hybridmatte.correction.passes import correct_once
from hybridmatte.correction.weights import WEIGHTS, WEIGHTS_KINDS, correction_folder, load_correction_network
from hybridmatte.methods.shared_sampling import sample_alpha
from hybridmatte.systems.problem import check_problem
from tests.correction.doubts import with_doubts
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

PLACE = (45, 50)  # a pixel whose features are compared
every_kind = pytest.mark.parametrize("kind", list(WEIGHTS_KINDS))


def corrected(estimates):
    """Return alpha after the first pass."""
    return correct_once(estimates, load_correction_network()).alpha


@pytest.fixture(scope="module")
def estimates(fur):
    return solver_estimates(check_problem(fur.image, fur.trimap)).planes()


class TestMatte:
    @pytest.mark.parametrize("quality", ["best", "fast"])
    def test_warning_for_a_mask(self, fur, quality):
        mask = fur.alpha > 0.5
        with pytest.warns(UserWarning, match="trimap has no unknown pixel, so nothing is solved; trimap_from_mask, "):
            assert np.array_equal(matte(fur.image, mask, quality=quality), mask)

    @pytest.mark.parametrize(("value", "missing"), [(0, "foreground"), (1, "background")])
    def test_warning_names_the_region_that_is_missing(self, fur, value, missing):
        trimap = np.full_like(fur.trimap, value)
        with pytest.warns(UserWarning, match=f"no unknown pixel and no {missing} pixel, so nothing is solved"):
            assert (matte(fur.image, trimap) == value).all()

    def test_paths_are_refused(self, fur):
        with pytest.raises(TypeError, match="image is the path 'photo.png', expected an array, as hybridmatte.read_im"):
            matte("photo.png", fur.trimap)
        with pytest.raises(TypeError, match="trimap is the path 'trimap.png', .* hybridmatte.read_trimap returns"):
            matte(fur.image, "trimap.png")

    def test_known_pixels_are_exact(self, fur):
        image, trimap = fur.image.copy(), fur.trimap.copy()
        alpha = matte(image, trimap)
        assert alpha.shape == trimap.shape
        assert alpha.dtype == np.float32
        assert 0 <= alpha.min() <= alpha.max() <= 1
        known = trimap != 0.5
        np.testing.assert_array_equal(alpha[known], trimap[known])
        np.testing.assert_array_equal(image, fur.image)
        np.testing.assert_array_equal(trimap, fur.trimap)

    def test_better_than_every_solver(self, fur):
        error = sad(matte(fur.image, fur.trimap), fur.alpha, fur.trimap)
        assert error < 0.95 * min(sad(solve(fur.image, fur.trimap, name), fur.alpha, fur.trimap) for name in METHODS)

    def test_fast_is_information_flow(self, fur):
        expected = solve(fur.image, fur.trimap, "information_flow")
        np.testing.assert_array_equal(matte(fur.image, fur.trimap, quality="fast"), expected)

    def test_bytes_and_floats_agree(self, fur):
        """Rounding decides between samples, or whether a known region grows, around a few pixels; those may differ."""
        image = np.rint(255 * fur.image).astype(np.uint8)
        difference = matte(image, np.uint8(255 * fur.trimap)) - matte(np.float32(image) / 255, fur.trimap)
        assert np.abs(difference).mean() < 1e-4
        assert (np.abs(difference) > 1 / 255).mean() < 2e-3

    def test_expanded_regions_are_kept(self, estimates, fur):
        """Pixels that the expansion of the known regions makes known are not corrected."""
        expanded = (fur.trimap == 0.5) & (estimates.known != 0.5)
        assert expanded.any()
        np.testing.assert_array_equal(corrected(estimates)[expanded], estimates.known[expanded])

    @pytest.mark.parametrize("shape", [(9, 31), (40, 17), (3, 12)])
    def test_small_images(self, shape):
        scene = soft_disk(shape) if min(shape) > 3 else None
        trimap = np.full(shape, 0.5) if scene is None else scene.trimap.copy()
        trimap[:, 0], trimap[:, shape[1] // 2] = 0, 1
        alpha = matte(np.random.default_rng(0).random((*shape, 3)), trimap)
        assert np.isfinite(alpha).all()

    def test_all_known_after_expansion(self):
        """Two plain colours: the known regions grow over all unknown pixels."""
        image = np.zeros((24, 40, 3))
        image[:, 20:] = 0.9
        trimap = np.full((24, 40), 0.5)
        trimap[:, :19], trimap[:, 21:] = 0, 1
        assert (solver_estimates(check_problem(image, trimap)).known != 0.5).all()
        np.testing.assert_array_equal(matte(image, trimap), image[:, :, 0] > 0.5)

    def test_bad_input(self, fur):
        with pytest.raises(ValueError, match="quality is 'better', expected 'best' or 'fast'"):
            matte(fur.image, fur.trimap, quality="better")
        with pytest.raises(ValueError, match="trimap has no foreground pixel"):
            matte(fur.image, np.where(fur.trimap == 1, 0.5, fur.trimap))
        with pytest.raises(ValueError, match="trimap has shape"):
            matte(fur.image, fur.trimap[1:])
        with pytest.raises(ValueError, match="quality is 'fast' and method is 'cf', expected one of the two"):
            cutout(fur.image, fur.trimap, method="cf", quality="fast")


class TestEstimates:
    def test_they_are_those_of_the_public_functions(self, fur, estimates):
        alpha = solve_information_flow(fur.image, fur.trimap, rtol=RTOL)
        assert_close(estimates.alpha, alpha, 1e-5)
        assert_close(estimates.samples[0], sample_alpha(fur.image, fur.trimap).alpha, 1e-5)


def feature_planes(estimates):
    """Return the features (H, W) of all pixels, by name."""
    rows = correction_features(estimates, np.ones(estimates.known.shape, bool))
    return {name: rows[:, k].reshape(estimates.known.shape) for k, name in enumerate(FEATURES)}


class TestFeatures:
    @pytest.fixture(scope="class")
    @staticmethod
    def noise():
        """`SolverEstimates` in which every plane is noise."""
        rng = np.random.default_rng(3)
        shape = (90, 100)
        known = rng.choice(np.float32([0, 0.5, 1]), shape)
        return SolverEstimates(
            rng.random((3, *shape), np.float32),
            known,
            rng.random(shape, np.float32),
            rng.random((8, *shape), np.float32),
            known_distances(known),
        )

    @pytest.fixture(scope="class")
    @staticmethod
    def features(noise):
        return feature_planes(noise)

    @staticmethod
    def window(plane, r, place=PLACE):
        """Return the window of radius r around a pixel, cut at the border."""
        return np.float64(plane[tuple(slice(max(at - r, 0), at + r + 1) for at in place)])

    def test_values_at_the_pixel(self, noise, features):
        np.testing.assert_array_equal(features[BASE_SOLVER], noise.alpha)
        np.testing.assert_array_equal(features["samples"], noise.samples[0])
        np.testing.assert_array_equal(features["confidence"], noise.samples[1])
        np.testing.assert_array_equal(features["to_background"], noise.distances[1])
        near = self.window(noise.known == 0, 1).mean()
        assert features["is_background, mean 1"][PLACE] == pytest.approx(near, abs=1e-6)
        assert len(set(FEATURES)) == len(FEATURES)

    def test_order_is_that_of_the_trained_weights(self):
        """The weights were trained on features with these names in this order."""
        assert len(FEATURES) == len(load_correction_network().mean)
        assert zlib.crc32("\n".join(FEATURES).encode()) == 548902281

    def test_residual_of_an_exact_mixture(self):
        """A pixel of a quarter red over blue: an alpha of 0.25 has no residual, an alpha of 1 has one."""
        samples = np.zeros((8, 1, 2), np.float32)
        samples[2], samples[7] = 1, 1
        image, alpha = np.float32([[[0.25, 0.25]], [[0, 0]], [[0.75, 0.75]]]), np.float32([[0.25, 1]])
        known, distances = np.full((1, 2), 0.5, np.float32), np.zeros((2, 1, 2), np.float32)
        features = feature_planes(SolverEstimates(image, known, alpha, samples, distances))
        assert_close(features["contrast"], np.full((1, 2), 2**0.5), 1e-6)
        assert_close(features[f"residual_{BASE_SOLVER}"], [[0, 3 * 0.75 * 2**0.5]], 1e-6)

    @pytest.mark.parametrize("place", [PLACE, (0, 0), (89, 3), (2, 99)])
    @pytest.mark.parametrize("name", CANDIDATES)
    def test_windows(self, features, name, place):
        """Mean, deviation, extremes and regression on grey, against NumPy in one window cut at the border."""
        own, grey = self.window(features[name], 4, place), self.window(features["grey"], 4, place)
        assert features[f"{name}, mean 4"][place] == pytest.approx(own.mean(), abs=1e-6)
        assert features[f"{name}, deviation 4"][place] == pytest.approx(own.std(), abs=1e-6)
        own, grey = self.window(features[name], 5, place), self.window(features["grey"], 5, place)
        slope = np.cov(own.ravel(), grey.ravel(), bias=True)[0, 1] / (grey.var() + 1e-4)
        fitted = own.mean() + slope * (features["grey"][place] - grey.mean()) - features[BASE_SOLVER][place]
        assert features[f"{name}, fitted to grey less {BASE_SOLVER} 5"][place] == pytest.approx(fitted, abs=1e-6)
        for side in EXTREME_SIDES[name]:
            own = self.window(features[name], side // 2, place)
            assert features[f"{name}, least {side}"][place] == own.min()
            assert features[f"{name}, most {side}"][place] == own.max()

    def test_flat_planes_have_no_deviation(self, noise):
        """Rounding of sums of squares must not look like variation."""
        flat = noise._replace(alpha=np.full_like(noise.alpha, 0.77))
        assert feature_planes(flat)[f"{BASE_SOLVER}, deviation 8"].max() < 1e-6

    def test_fit_to_colours(self, noise, features):
        """Against a least-squares solution with the same regularisation."""
        colours = self.window(np.moveaxis(noise.image, 0, 2), 5).reshape(-1, 3)
        own = self.window(features["samples"], 5).ravel()
        away = colours - colours.mean(axis=0)
        slopes = np.linalg.solve(away.T @ away / len(away) + 1e-4 * np.eye(3), away.T @ (own - own.mean()) / len(away))
        here = noise.image[(slice(None), *PLACE)]
        fitted = own.mean() + (here - colours.mean(axis=0)) @ slopes - features[BASE_SOLVER][PLACE]
        assert features[f"samples, fitted to colours less {BASE_SOLVER} 5"][PLACE] == pytest.approx(fitted, abs=1e-5)

    def test_pairs(self, features):
        """The difference of the candidates, its mean, and their correlation."""
        samples, solver = (self.window(features[name], 6) for name in ("samples", BASE_SOLVER))
        assert features[f"samples - {BASE_SOLVER}"][PLACE] == pytest.approx(samples[6, 6] - solver[6, 6], abs=1e-6)
        near = np.s_[2:11, 2:11]
        apart = np.abs(samples - solver)[near].mean()
        assert features[f"|samples - {BASE_SOLVER}|, mean 4"][PLACE] == pytest.approx(apart, abs=1e-5)
        common = ((samples - samples.mean()) * (solver - solver.mean())).mean()
        expected = common / np.sqrt((samples.var() + 1e-4) * (solver.var() + 1e-4))
        assert features[f"samples, correlation with {BASE_SOLVER} 6"][PLACE] == pytest.approx(expected, abs=1e-5)

    def test_colours_and_details(self, noise, features):
        away = noise.image - noise.samples[5:8]
        assert_close(features["to background colour"], np.linalg.norm(away, axis=0), 1e-5)
        assert_close(features["grey of foreground"], noise.samples[2:5].mean(axis=0), 1e-5)
        smooth = scipy.ndimage.gaussian_filter(np.float64(features[BASE_SOLVER]), 2, mode="mirror", radius=8)
        assert_close(features[f"{BASE_SOLVER}, detail 2"], features[BASE_SOLVER] - smooth, 1e-3)
        slope = [scipy.ndimage.sobel(np.float64(features["samples"]), axis=axis, mode="mirror") for axis in (0, 1)]
        assert_close(features["samples, slope"], np.hypot(*slope), 1e-4)

    def test_features_do_not_depend_on_pixels_beyond_the_margin(self, noise, features):
        inner = slice(MARGIN, -MARGIN)
        for name, plane in feature_planes(noise.crop(slice(10, 80), slice(20, 90))).items():
            assert_close(plane[inner, inner], features[name][10:80, 20:90][inner, inner], 1e-6)


class TestNetworks:
    @every_kind
    def test_size_and_card(self, kind):
        files = list(correction_folder(kind).iterdir())
        assert {path.name for path in files} == {
            "README.md",
            "config.json",
            "model.onnx",
            "model.safetensors",
            "model.sha256",
        }
        assert sum(path.stat().st_size for path in files) <= 1e6

    def test_by_hand(self):
        """The first hidden value is SiLU of the clipped standard score, the second SiLU of 1 + 3 times the rank."""
        network = Perceptron(
            np.float32([1]),
            np.float32([0.5]),
            np.float32([[0, 1, 4]]),
            (np.float32([[1, 0], [0, 3]]), np.float32([[1], [2]])),
            (np.float32([0, 1]), np.float32([3])),
        )
        scores, ranks = np.float64([2, -4, -1, 4]), 3**0.5 * np.float64([1 / 3, -1, -0.5, 1])
        hidden = [h / (1 + np.exp(-h)) for h in (scores, 1 + 3 * ranks)]
        features = np.float32([[2], [-9], [0.5], [9]])
        assert_close(predict_correction(network, features), hidden[0] + 2 * hidden[1] + 3, 1e-6)

    def test_the_second_output(self, rng):
        """One evaluation gives the correction, to the bit, and the logit that alpha is wrong."""
        network, rows = with_doubts(load_correction_network()), rng.random((2100, len(FEATURES)), np.float32)
        correction, doubt = predict_correction_and_doubt(network, rows)
        assert np.array_equal(correction, predict_correction(network, rows))
        assert_close(correction, predict_correction(load_correction_network(), rows), 1e-6)
        assert_close(doubt, 3 * correction - 1, 1e-5)

    def test_one_output_has_no_doubts(self, rng):
        """Weights without the second output are named, and not read past their end."""
        rows, said = rng.random((5, len(FEATURES)), np.float32), "the network's outputs is 1, expected 2"
        one = Perceptron(*load_correction_network()[:3], (np.zeros((240, 1), np.float32),), (np.zeros(1, np.float32),))
        with pytest.raises(ValueError, match=said):
            predict_correction_and_doubt(one, rows)
        torch = pytest.importorskip("torch")
        network = pytest.importorskip("hybridmatte.networks").SolverFusion(features=5, trusted=0, widths=[4])
        with pytest.raises(ValueError, match=said):
            network.doubts(torch.zeros(3, 5))

    def test_blocks_join(self, rng):
        """The result of a pixel does not depend on the others; no pixel at all is allowed."""
        network, rows = load_correction_network(), rng.random((2100, len(FEATURES)), np.float32)
        whole = predict_correction(network, rows)
        assert_close(whole[[0, 1023, 1024, 2099]], predict_correction(network, rows[[0, 1023, 1024, 2099]]), 1e-5)
        assert predict_correction(network, rows[:0]).shape == (0,)

    def test_ranks(self, rng):
        """Ranks between 33 uneven knots, on the knots and beyond their ends."""
        knots = np.float32(np.sort(rng.random((5, 33)) ** 2))
        rows = np.float32(rng.uniform(-0.2, 1.2, (200, 5)))
        rows[:33] = knots.T
        network = Perceptron(np.zeros(5, np.float32), np.ones(5, np.float32), knots, (), ())
        for k in range(5):
            expected = RANK_LIMIT * (2 * np.interp(rows[:, k], knots[k], np.linspace(0, 1, 33)) - 1)
            assert_close(normalize_features(network, rows)[:, 5 + k], expected, 1e-5)

    @every_kind
    def test_torch_and_onnx_agree(self, estimates, kind):
        torch = pytest.importorskip("torch")
        networks = pytest.importorskip("hybridmatte.networks")
        export = pytest.importorskip("hybridmatte.networks.export")
        is_unknown = estimates.known == 0.5
        alpha = correct_once(estimates, load_correction_network(kind)).alpha[is_unknown]
        rows = torch.from_numpy(correction_features(estimates, is_unknown))
        network = networks.SolverFusion.from_package(kind)
        with torch.no_grad():
            assert_close(network(rows).numpy(), alpha, 1e-5)
        session = export.onnx_session((correction_folder(kind) / "model.onnx").read_bytes())
        assert_close(export.run_onnx(session, [rows]), alpha, 1e-5)
        assert_close(export.run_onnx(session, [rows[:1]]), alpha[:1], 1e-5)
        if network.outputs == 2:
            _, doubt = predict_correction_and_doubt(load_correction_network(kind), rows.numpy())
            with torch.no_grad():
                assert_close(network.doubts(rows).numpy(), doubt, 1e-4)
            assert_close(export.run_onnx_outputs(session, [rows])["doubt"], doubt, 1e-4)

    def test_torch_agrees_on_both_outputs(self, tmp_path):
        """A network with two outputs is saved, loaded and evaluated without torch."""
        torch, (network, rows) = pytest.importorskip("torch"), self.doubting()
        network.save_pretrained(tmp_path)
        network = type(network).from_pretrained(tmp_path).eval()
        correction, doubt = predict_correction_and_doubt(network.without_torch(), rows.numpy())
        alpha = (rows[:, 1].numpy() + correction).clip(0, 1)
        assert min(alpha.std(), doubt.std()) > 0.1
        with torch.no_grad():
            assert_close(network(rows).numpy(), alpha, 1e-5)
            assert_close(network.doubts(rows).numpy(), doubt, 1e-5)

    @pytest.mark.slow
    def test_onnx_agrees_on_both_outputs(self, tmp_path):
        """The file has the outputs alpha and doubt, and is not written if one differs."""
        export = pytest.importorskip("hybridmatte.networks.export")
        torch, (network, rows) = pytest.importorskip("torch"), self.doubting()
        assert export.export_fusion(network, tmp_path / "model.onnx", rows) < 1e-5
        outputs = export.run_onnx_outputs(export.onnx_session((tmp_path / "model.onnx").read_bytes()), [rows[:7]])
        with torch.no_grad():
            expected = {"alpha": network(rows[:7]).numpy(), "doubt": network.doubts(rows[:7]).numpy()}
        assert list(outputs) == list(expected)
        for name, values in expected.items():
            assert_close(outputs[name], values, 1e-5)
        network.weights[-1].data[:, 1] = torch.nan
        with pytest.raises(ValueError, match="doubt of the exported network differs by nan, expected at most 0.001"):
            export.export_fusion(network, tmp_path / "other.onnx", rows)
        assert not (tmp_path / "other.onnx").exists()

    def doubting(self):
        """Return a network of 5 features and two outputs with random weights, and the features of 300 pixels."""
        torch, networks = pytest.importorskip("torch"), pytest.importorskip("hybridmatte.networks")
        network = networks.SolverFusion(features=5, trusted=1, widths=[8, 8], outputs=2).eval()
        generator = torch.Generator().manual_seed(3)
        rows = torch.rand(300, 5, generator=generator)
        network.normalize(rows)
        for weights in network.weights:
            torch.nn.init.uniform_(weights, -1, 1, generator=generator)
        return network, rows

    def test_other_features_are_refused(self):
        torch = pytest.importorskip("torch")
        network = pytest.importorskip("hybridmatte.networks").SolverFusion.from_pretrained(WEIGHTS["fusion"])
        with pytest.raises(ValueError, match=rf"features has shape \(3, 5\), expected \(n, {len(FEATURES)}\)"):
            network(torch.zeros(3, 5))

    def test_the_old_name_of_normalized(self):
        torch = pytest.importorskip("torch")
        network = pytest.importorskip("hybridmatte.networks").SolverFusion.from_pretrained(WEIGHTS["fusion"])
        rows = torch.rand(3, len(FEATURES))
        with pytest.warns(DeprecationWarning, match="use SolverFusion.normalized"):
            assert torch.equal(network.prepared(rows), network.normalized(rows))

    def test_tiles_join(self, estimates, monkeypatch):
        monkeypatch.setattr(tiles, "TILE_SIDE", 1024)
        whole = corrected(estimates)
        monkeypatch.setattr(tiles, "TILE_SIDE", 50)
        assert_close(corrected(estimates), whole, 1e-5)

    def test_products_do_not_start_threads(self, estimates, monkeypatch):
        """BLAS uses one thread while tiles are corrected in parallel, and its old number of threads afterwards."""

        def blas():
            return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

        found, of_tile = [], tiles._of_tile
        monkeypatch.setattr(tiles, "_of_tile", lambda *of: (found.extend(blas()), of_tile(*of))[1])
        before = blas()
        if not max(before, default=0) > 1:
            pytest.skip("NumPy's products have one thread here, or cannot be limited")
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(corrected, [estimates] * 6))
        assert blas() == before
        assert set(found) == {1}

    @pytest.mark.parametrize("content", [None, b"", b"no network", "finder"])
    def test_damaged_weights(self, tmp_path, monkeypatch, fur, content):
        """Missing, empty, damaged or other weights raise an error that names the file."""
        path = tmp_path / "model.safetensors"
        if content == "finder":
            shutil.copyfile(WEIGHTS["finder"] / "model.safetensors", path)
        elif content is not None:
            path.write_bytes(content)
        shutil.copyfile(WEIGHTS["fusion"] / "model.sha256", tmp_path / "model.sha256")
        monkeypatch.setitem(WEIGHTS, "fusion", tmp_path)
        load_correction_network.cache_clear()
        try:
            with pytest.raises(ValueError, match=f"weights {path}"):
                matte(fur.image, fur.trimap)
        finally:
            load_correction_network.cache_clear()
