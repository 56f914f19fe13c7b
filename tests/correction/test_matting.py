"""The default: information flow, corrected by a small network of the package, without torch."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.ndimage
from threadpoolctl import threadpool_info

from hybridmatte import METHODS, composite, cutout, matte, sad, solve
from hybridmatte.correction import matting as solver_fusion
from hybridmatte.correction.features import (
    CANDIDATES,
    EXTREMES,
    FEATURES,
    MARGIN,
    TRUSTED,
    Solved,
    fusion_features,
    known_distances,
)
from hybridmatte.correction.matting import fuse_solved, solve_all
from hybridmatte.correction.network import RANK_REACH, Perceptron, answer, prepared
from hybridmatte.correction.weights import WEIGHTS, bundled_fusion
from hybridmatte.data import random_scene
from hybridmatte.methods.shared_sampling import sample_alpha
from hybridmatte.systems.problem import check_problem
from hybridmatte.trimap import trimap_from_alpha
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

PLACE = (45, 50)  # a pixel whose features are compared


@pytest.fixture(scope="module")
def fur():
    """Drawn fur over smooth noise: a `Scene` of 160 x 208."""
    import cv2

    from tests.synthetic import Scene

    generator = np.random.default_rng(5)
    sample = random_scene((160, 208), generator, kind="fur")
    behind = cv2.resize(generator.random((5, 7, 3), np.float32), (208, 160), interpolation=cv2.INTER_LINEAR)
    image = composite(sample.foreground, sample.alpha, behind)
    return Scene(image, trimap_from_alpha(sample.alpha, erode=8, dilate=8), sample.alpha)


@pytest.fixture(scope="module")
def solved(fur):
    return solve_all(check_problem(fur.image, fur.trimap))


class TestMatte:
    @pytest.mark.parametrize("quality", ["best", "fast"])
    def test_a_mask_is_no_trimap(self, fur, quality):
        mask = fur.alpha > 0.5
        with pytest.warns(UserWarning, match="trimap has no unknown pixel, so nothing is solved; a mask is made"):
            assert np.array_equal(matte(fur.image, mask, quality=quality), mask)

    def test_a_path_is_no_image(self, fur):
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
        """But around pixels where rounding decides between samples, or whether a known region grows."""
        image = np.rint(255 * fur.image).astype(np.uint8)
        difference = matte(image, np.uint8(255 * fur.trimap)) - matte(np.float32(image) / 255, fur.trimap)
        assert np.abs(difference).mean() < 1e-4
        assert (np.abs(difference) > 1 / 255).mean() < 2e-3

    def test_expanded_regions_are_believed(self, solved, fur):
        """What the known regions' expansion decides is not corrected."""
        expanded = (fur.trimap == 0.5) & (solved.known != 0.5)
        assert expanded.any()
        np.testing.assert_array_equal(fuse_solved(solved)[expanded], solved.known[expanded])

    @pytest.mark.parametrize("shape", [(9, 31), (40, 17), (3, 12)])
    def test_small_images(self, shape):
        scene = soft_disk(shape) if min(shape) > 3 else None
        trimap = np.full(shape, 0.5) if scene is None else scene.trimap.copy()
        trimap[:, 0], trimap[:, shape[1] // 2] = 0, 1
        alpha = matte(np.random.default_rng(0).random((*shape, 3)), trimap)
        assert np.isfinite(alpha).all()

    def test_known_after_expansion(self):
        """Two plain colours: the known regions grow over all that is unknown."""
        image = np.zeros((24, 40, 3))
        image[:, 20:] = 0.9
        trimap = np.full((24, 40), 0.5)
        trimap[:, :19], trimap[:, 21:] = 0, 1
        assert (solve_all(check_problem(image, trimap)).known != 0.5).all()
        np.testing.assert_array_equal(matte(image, trimap), image[:, :, 0] > 0.5)

    def test_bad_input(self, fur):
        with pytest.raises(ValueError, match="quality is 'better', expected 'best' or 'fast'"):
            matte(fur.image, fur.trimap, quality="better")
        with pytest.raises(ValueError, match="trimap has no foreground pixel"):
            matte(fur.image, np.where(fur.trimap == 1, 0.5, fur.trimap))
        with pytest.raises(ValueError, match="trimap has shape"):
            matte(fur.image, fur.trimap[1:])
        with pytest.raises(ValueError, match="quality is 'fast' and method 'cf', expected one of the two"):
            cutout(fur.image, fur.trimap, method="cf", quality="fast")


class TestSolved:
    def test_answers_are_the_solvers_own(self, fur, solved):
        assert_close(solved.alpha, solve(fur.image, fur.trimap, TRUSTED), 1e-5)
        assert_close(solved.samples[0], sample_alpha(fur.image, fur.trimap).alpha, 1e-5)


def planes_of(solved):
    """Return the features of all pixels, by name."""
    rows = fusion_features(solved, np.ones(solved.known.shape, bool))
    return {name: rows[:, k].reshape(solved.known.shape) for k, name in enumerate(FEATURES)}


class TestFeatures:
    @pytest.fixture(scope="class")
    @staticmethod
    def noise():
        """`Solved` whose every plane varies everywhere."""
        rng = np.random.default_rng(3)
        shape = (90, 100)
        known = rng.choice(np.float32([0, 0.5, 1]), shape)
        return Solved(rng.random((3, *shape), np.float32), known, rng.random(shape, np.float32),
                      rng.random((8, *shape), np.float32), known_distances(known))

    @pytest.fixture(scope="class")
    @staticmethod
    def features(noise):
        return planes_of(noise)

    @staticmethod
    def window(plane, r, place=PLACE):
        """Return what is around a pixel, at most r pixels away."""
        return np.float64(plane[tuple(slice(max(at - r, 0), at + r + 1) for at in place)])

    def test_pixels_own(self, noise, features):
        np.testing.assert_array_equal(features[TRUSTED], noise.alpha)
        np.testing.assert_array_equal(features["samples"], noise.samples[0])
        np.testing.assert_array_equal(features["confidence"], noise.samples[1])
        np.testing.assert_array_equal(features["to_background"], noise.distances[1])
        near = self.window(noise.known == 0, 1).mean()
        assert features["is_background, mean 1"][PLACE] == pytest.approx(near, abs=1e-6)
        assert len(set(FEATURES)) == len(FEATURES)

    def test_residual_of_an_exact_mixture(self):
        """A pixel of a quarter red over blue; a candidate of 0.25 explains it, one of 1 does not."""
        samples = np.zeros((8, 1, 2), np.float32)
        samples[2], samples[7] = 1, 1
        image, alpha = np.float32([[[0.25, 0.25]], [[0, 0]], [[0.75, 0.75]]]), np.float32([[0.25, 1]])
        known, distances = np.full((1, 2), 0.5, np.float32), np.zeros((2, 1, 2), np.float32)
        features = planes_of(Solved(image, known, alpha, samples, distances))
        assert_close(features["contrast"], np.full((1, 2), 2**0.5), 1e-6)
        assert_close(features[f"residual_{TRUSTED}"], [[0, 3 * 0.75 * 2**0.5]], 1e-6)

    @pytest.mark.parametrize("place", [PLACE, (0, 0), (89, 3), (2, 99)])
    @pytest.mark.parametrize("name", CANDIDATES)
    def test_windows(self, features, name, place):
        """Mean, deviation, extremes and lines fitted to grey, against NumPy in one window, cut off at the borders."""
        own, grey = self.window(features[name], 4, place), self.window(features["grey"], 4, place)
        assert features[f"{name}, mean 4"][place] == pytest.approx(own.mean(), abs=1e-6)
        assert features[f"{name}, deviation 4"][place] == pytest.approx(own.std(), abs=1e-6)
        own, grey = self.window(features[name], 5, place), self.window(features["grey"], 5, place)
        slope = np.cov(own.ravel(), grey.ravel(), bias=True)[0, 1] / (grey.var() + 1e-4)
        fitted = own.mean() + slope * (features["grey"][place] - grey.mean()) - features[TRUSTED][place]
        assert features[f"{name}, fitted to grey less {TRUSTED} 5"][place] == pytest.approx(fitted, abs=1e-6)
        for side in EXTREMES[name]:
            own = self.window(features[name], side // 2, place)
            assert features[f"{name}, least {side}"][place] == own.min()
            assert features[f"{name}, most {side}"][place] == own.max()

    def test_flat_planes_have_no_deviation(self, noise):
        """What squares lose to rounding must not look like variation."""
        flat = noise._replace(alpha=np.full_like(noise.alpha, 0.77))
        assert planes_of(flat)[f"{TRUSTED}, deviation 8"].max() < 1e-6

    def test_fit_to_colours(self, noise, features):
        """Against a least-squares solution with the same softening."""
        colours = self.window(np.moveaxis(noise.image, 0, 2), 5).reshape(-1, 3)
        own = self.window(features["samples"], 5).ravel()
        away = colours - colours.mean(axis=0)
        slopes = np.linalg.solve(away.T @ away / len(away) + 1e-4 * np.eye(3), away.T @ (own - own.mean()) / len(away))
        here = noise.image[(slice(None), *PLACE)]
        fitted = own.mean() + (here - colours.mean(axis=0)) @ slopes - features[TRUSTED][PLACE]
        assert features[f"samples, fitted to colours less {TRUSTED} 5"][PLACE] == pytest.approx(fitted, abs=1e-5)

    def test_pairs(self, features):
        """The difference, its mean, and the correlation."""
        samples, trusted = (self.window(features[name], 6) for name in ("samples", TRUSTED))
        assert features[f"samples - {TRUSTED}"][PLACE] == pytest.approx(samples[6, 6] - trusted[6, 6], abs=1e-6)
        near = np.s_[2:11, 2:11]
        apart = np.abs(samples - trusted)[near].mean()
        assert features[f"|samples - {TRUSTED}|, mean 4"][PLACE] == pytest.approx(apart, abs=1e-5)
        common = ((samples - samples.mean()) * (trusted - trusted.mean())).mean()
        expected = common / np.sqrt((samples.var() + 1e-4) * (trusted.var() + 1e-4))
        assert features[f"samples, correlation with {TRUSTED} 6"][PLACE] == pytest.approx(expected, abs=1e-5)

    def test_colours_and_details(self, noise, features):
        away = noise.image - noise.samples[5:8]
        assert_close(features["to background colour"], np.linalg.norm(away, axis=0), 1e-5)
        assert_close(features["grey of foreground"], noise.samples[2:5].mean(axis=0), 1e-5)
        smooth = scipy.ndimage.gaussian_filter(np.float64(features[TRUSTED]), 2, mode="mirror", radius=8)
        assert_close(features[f"{TRUSTED}, detail 2"], features[TRUSTED] - smooth, 1e-3)
        slope = [scipy.ndimage.sobel(np.float64(features["samples"]), axis=axis, mode="mirror") for axis in (0, 1)]
        assert_close(features["samples, slope"], np.hypot(*slope), 1e-4)

    def test_nothing_farther_than_the_margin_is_seen(self, noise, features):
        inner = slice(MARGIN, -MARGIN)
        for name, plane in planes_of(noise.part(slice(10, 80), slice(20, 90))).items():
            assert_close(plane[inner, inner], features[name][10:80, 20:90][inner, inner], 1e-6)


class TestNetworks:
    def test_size_and_card(self):
        files = list(WEIGHTS["fusion"].iterdir())
        assert {path.name for path in files} == {"README.md", "config.json", "model.onnx", "model.safetensors",
                                                  "model.sha256"}
        assert sum(path.stat().st_size for path in files) <= 1e6

    def test_by_hand(self):
        """Hidden values: SiLU of twice the deviation from 1, at most 4, and of three times the rank."""
        network = Perceptron(np.float32([1]), np.float32([0.5]), np.float32([[0, 1, 4]]),
                             (np.float32([[1, 0], [0, 3]]), np.float32([[1], [2]])),
                             (np.float32([0, 1]), np.float32([3])))
        deviations, ranks = np.float64([2, -4, -1, 4]), 3**0.5 * np.float64([1 / 3, -1, -0.5, 1])
        hidden = [h / (1 + np.exp(-h)) for h in (deviations, 1 + 3 * ranks)]
        assert_close(answer(network, np.float32([[2], [-9], [0.5], [9]])), hidden[0] + 2 * hidden[1] + 3, 1e-6)

    def test_blocks_join(self, rng):
        """Pixels are answered alone, however many there are; none are no error."""
        network, rows = bundled_fusion(), rng.random((2100, len(FEATURES)), np.float32)
        whole = answer(network, rows)
        assert_close(whole[[0, 1023, 1024, 2099]], answer(network, rows[[0, 1023, 1024, 2099]]), 1e-5)
        assert answer(network, rows[:0]).shape == (0,)

    def test_ranks(self, rng):
        """Between 33 uneven knots, on them and beyond their ends."""
        knots = np.float32(np.sort(rng.random((5, 33)) ** 2))
        rows = np.float32(rng.uniform(-0.2, 1.2, (200, 5)))
        rows[:33] = knots.T
        network = Perceptron(np.zeros(5, np.float32), np.ones(5, np.float32), knots, (), ())
        for k in range(5):
            expected = RANK_REACH * (2 * np.interp(rows[:, k], knots[k], np.linspace(0, 1, 33)) - 1)
            assert_close(prepared(network, rows)[:, 5 + k], expected, 1e-5)

    def test_torch_and_onnx_give_the_same(self, solved):
        torch = pytest.importorskip("torch")
        networks = pytest.importorskip("hybridmatte.networks")
        export = pytest.importorskip("hybridmatte.networks.export")
        is_open = solved.known == 0.5
        alpha, rows = fuse_solved(solved)[is_open], torch.from_numpy(fusion_features(solved, is_open))
        network = networks.SolverFusion.from_pretrained(WEIGHTS["fusion"]).eval()
        with torch.no_grad():
            assert_close(network(rows).numpy(), alpha, 1e-5)
        session = export.onnx_session((WEIGHTS["fusion"] / "model.onnx").read_bytes())
        assert_close(export.run_onnx(session, [rows]), alpha, 1e-5)
        assert_close(export.run_onnx(session, [rows[:1]]), alpha[:1], 1e-5)

    def test_other_features_are_refused(self):
        torch = pytest.importorskip("torch")
        network = pytest.importorskip("hybridmatte.networks").SolverFusion.from_pretrained(WEIGHTS["fusion"])
        with pytest.raises(ValueError, match=rf"features has shape \(3, 5\), expected \(n, {len(FEATURES)}\)"):
            network(torch.zeros(3, 5))

    def test_tiles_join(self, solved, monkeypatch):
        monkeypatch.setattr(solver_fusion, "TILE", 1024)
        whole = fuse_solved(solved)
        monkeypatch.setattr(solver_fusion, "TILE", 50)
        assert_close(fuse_solved(solved), whole, 1e-5)

    def test_products_do_not_start_threads(self, solved, monkeypatch):
        """The tiles have threads of their own; what others may use is as before when the last of several is done."""
        def blas():
            return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

        found, fuse = [], solver_fusion._fuse_tile
        monkeypatch.setattr(solver_fusion, "_fuse_tile", lambda *of: (found.extend(blas()), fuse(*of))[1])
        before = blas()
        if not max(before, default=0) > 1:
            pytest.skip("NumPy's products have one thread here, or cannot be limited")
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(fuse_solved, [solved] * 6))
        assert blas() == before
        assert set(found) == {1}

    @pytest.mark.parametrize("content", [None, b"", b"no network", "people"])
    def test_damaged_weights(self, tmp_path, monkeypatch, fur, content):
        """Missing, empty, damaged, and those of a network: an error that names the file, no other answer."""
        path = tmp_path / "model.safetensors"
        if content == "people":
            shutil.copyfile(WEIGHTS["people"] / "model.safetensors", path)
        elif content is not None:
            path.write_bytes(content)
        shutil.copyfile(WEIGHTS["fusion"] / "model.sha256", tmp_path / "model.sha256")
        monkeypatch.setitem(WEIGHTS, "fusion", tmp_path)
        bundled_fusion.cache_clear()
        try:
            with pytest.raises(ValueError, match=f"weights {path}"):
                matte(fur.image, fur.trimap)
        finally:
            bundled_fusion.cache_clear()
