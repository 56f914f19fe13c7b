"""The default: solvers joined by boosted trees of the package, without torch."""

import shutil

import numpy as np
import pytest
import scipy.ndimage

from hybridmatte import composite, cutout, matte, sad, solve, solver_fusion
from hybridmatte.boosted_trees import Trees, sum_of_trees
from hybridmatte.bundled import WEIGHTS, bundled_trees
from hybridmatte.data import random_scene
from hybridmatte.fusion_features import (
    EXTREMES,
    FEATURES,
    MARGIN,
    PLANES,
    SOLVERS,
    TRUSTED,
    Solved,
    fusion_features,
    fusion_planes,
)
from hybridmatte.solver.system import check_problem
from hybridmatte.solver_fusion import disputed, fuse_solved, solve_all
from hybridmatte.trimap import trimap_from_alpha
from tests.synthetic import soft_disk
from tests.tolerances import assert_close


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

    def test_better_than_information_flow_and_than_most(self, fur):
        error = sad(matte(fur.image, fur.trimap), fur.alpha, fur.trimap)
        alone = [sad(solve(fur.image, fur.trimap, name), fur.alpha, fur.trimap) for name in SOLVERS]
        assert error < 0.95 * alone[SOLVERS.index("information_flow")]
        assert error < 0.8 * np.mean(alone)

    def test_fast_is_information_flow(self, fur):
        expected = solve(fur.image, fur.trimap, "information_flow")
        np.testing.assert_array_equal(matte(fur.image, fur.trimap, quality="fast"), expected)

    def test_bytes_and_floats_agree(self, fur):
        """But for the pixels that rounding leads to other leaves."""
        image = np.rint(255 * fur.image).astype(np.uint8)
        difference = matte(image, np.uint8(255 * fur.trimap)) - matte(np.float32(image) / 255, fur.trimap)
        assert np.abs(difference).mean() < 1e-4
        assert (np.abs(difference) > 1 / 255).mean() < 2e-3

    def test_solvers_that_agree_are_believed(self, solved):
        agreed = solved._replace(mattes=np.repeat(solved.mattes[:, :, :1], len(SOLVERS), axis=2))
        np.testing.assert_array_equal(fuse_solved(agreed)[solved.known == 0.5],
                                      solved.mattes[:, :, 0][solved.known == 0.5])

    def test_nothing_unknown(self, fur):
        trimap = np.rint(fur.alpha)
        np.testing.assert_array_equal(matte(fur.image, trimap), trimap)

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
        assert_close(matte(image, trimap), image[:, :, 0] > 0.5, 0.01)

    def test_bad_input(self, fur):
        with pytest.raises(ValueError, match="quality is 'better', expected 'best' or 'fast'"):
            matte(fur.image, fur.trimap, quality="better")
        with pytest.raises(ValueError, match="trimap has no foreground pixel"):
            matte(fur.image, np.where(fur.trimap == 1, 0.5, fur.trimap))
        with pytest.raises(ValueError, match="trimap has shape"):
            matte(fur.image, fur.trimap[1:])
        with pytest.raises(ValueError, match="quality is 'fast' and method 'cf', expected one of the two"):
            cutout(fur.image, fur.trimap, method="cf", quality="fast")


class TestPlanes:
    def test_order(self, solved):
        planes = fusion_planes(solved)
        assert planes.shape == (len(PLANES), *solved.known.shape)
        assert planes.dtype == np.float32
        for k, name in enumerate(SOLVERS):
            np.testing.assert_array_equal(planes[PLANES.index(name)], solved.mattes[:, :, k])
        np.testing.assert_array_equal(planes[PLANES.index("is_background")], solved.known == 0)
        np.testing.assert_array_equal(planes[PLANES.index("confidence")], solved.samples[:, :, 1])

    def test_residual_of_an_exact_mixture(self):
        """A pixel of a quarter red over blue; a candidate of 0.25 explains it, one of 1 does not."""
        samples = np.zeros((1, 2, 8), np.float32)
        samples[:, :, 2], samples[:, :, 7] = 1, 1
        mattes = np.full((1, 2, len(SOLVERS)), 0.25, np.float32)
        mattes[0, 1] = 1
        image = np.tile(np.float32([0.25, 0, 0.75]), (1, 2, 1))
        known, distances = np.full((1, 2), 0.5, np.float32), np.zeros((1, 2, 2), np.float32)
        planes = fusion_planes(Solved(image, known, mattes, samples, distances))
        assert_close(planes[PLANES.index("contrast")], np.full((1, 2), 2**0.5), 1e-6)
        assert_close(planes[PLANES.index("residual_knn")], [[0, 3 * 0.75 * 2**0.5]], 1e-6)

    def test_solvers_answers_are_theirs(self, fur, solved):
        for k, name in enumerate(SOLVERS):
            assert_close(solved.mattes[:, :, k], solve(fur.image, fur.trimap, name), 1e-5)


def planes_of(solved):
    """Return the features of all pixels, by name."""
    rows = fusion_features(solved, np.ones(solved.known.shape, bool))
    return {name: rows[:, k].reshape(solved.known.shape) for k, name in enumerate(FEATURES)}


class TestFeatures:
    @pytest.fixture(scope="class")
    @staticmethod
    def features(solved):
        return planes_of(solved)

    @staticmethod
    def window(plane, r):
        """Return what is around the pixel at (80, 100), at most r pixels away."""
        return np.float64(plane[80 - r:81 + r, 100 - r:101 + r])

    def test_names_are_those_of_the_planes(self, solved, features):
        for name, plane in zip(PLANES, fusion_planes(solved), strict=True):
            np.testing.assert_array_equal(features[name], plane)
        assert len(set(FEATURES)) == len(FEATURES)

    @pytest.mark.parametrize("name", ["knn", TRUSTED, "samples"])
    def test_windows(self, features, name):
        """Mean, deviation, extremes and lines fitted to grey, against NumPy in one window."""
        own, grey = self.window(features[name], 4), self.window(features["grey"], 4)
        assert features[f"{name}, mean 4"][80, 100] == pytest.approx(own.mean(), abs=1e-5)
        assert features[f"{name}, deviation 4"][80, 100] == pytest.approx(own.std(), abs=1e-3)
        own, grey = self.window(features[name], 5), self.window(features["grey"], 5)
        slope = np.cov(own.ravel(), grey.ravel(), bias=True)[0, 1] / (grey.var() + 1e-4)
        fitted = own.mean() + slope * (grey[5, 5] - grey.mean()) - features[TRUSTED][80, 100]
        assert features[f"{name}, fitted to grey less {TRUSTED} 5"][80, 100] == pytest.approx(fitted, abs=1e-3)
        for side in EXTREMES[name]:
            own = self.window(features[name], side // 2)
            assert features[f"{name}, least {side}"][80, 100] == own.min()
            assert features[f"{name}, most {side}"][80, 100] == own.max()

    def test_fit_to_colours(self, solved, features):
        """Against a least-squares solution with the same softening."""
        colours = self.window(solved.image, 5).reshape(-1, 3)
        own = self.window(features["knn"], 5).ravel()
        away = colours - colours.mean(axis=0)
        slopes = np.linalg.solve(away.T @ away / len(away) + 1e-4 * np.eye(3), away.T @ (own - own.mean()) / len(away))
        fitted = own.mean() + (solved.image[80, 100] - colours.mean(axis=0)) @ slopes - features[TRUSTED][80, 100]
        assert features[f"knn, fitted to colours less {TRUSTED} 5"][80, 100] == pytest.approx(fitted, abs=2e-3)

    def test_pairs(self, features):
        """Differences, their means, and correlations."""
        cf, trusted = (self.window(features[name], 6) for name in ("cf", TRUSTED))
        assert features[f"cf - {TRUSTED}"][80, 100] == pytest.approx(cf[6, 6] - trusted[6, 6], abs=1e-6)
        near = np.s_[2:11, 2:11]
        apart = np.abs(cf - trusted)[near].mean()
        assert features[f"|cf - {TRUSTED}|, mean 4"][80, 100] == pytest.approx(apart, abs=1e-5)
        common = ((cf - cf.mean()) * (trusted - trusted.mean())).mean()
        expected = common / np.sqrt((cf.var() + 1e-4) * (trusted.var() + 1e-4))
        assert features[f"cf, correlation with {TRUSTED} 6"][80, 100] == pytest.approx(expected, abs=1e-2)

    def test_colours_and_details(self, solved, features):
        away = solved.image - solved.samples[:, :, 5:8]
        assert_close(features["to background colour"], np.linalg.norm(away, axis=2), 1e-5)
        assert_close(features["grey of foreground"], solved.samples[:, :, 2:5].mean(axis=2), 1e-5)
        smooth = scipy.ndimage.gaussian_filter(np.float64(features[TRUSTED]), 2, mode="mirror", radius=8)
        assert_close(features[f"{TRUSTED}, detail 2"], features[TRUSTED] - smooth, 1e-3)
        slope = [scipy.ndimage.sobel(np.float64(features["knn"]), axis=axis, mode="mirror") for axis in (0, 1)]
        assert_close(features["knn, slope"], np.hypot(*slope), 1e-4)

    def test_median(self, features):
        expected = np.median([features[name] for name in (*SOLVERS, "samples")], axis=0)
        np.testing.assert_array_equal(features["median of candidates"], expected)

    def test_nearest(self, features):
        ways = {"above 0.95": features[TRUSTED] >= 0.95, "below 0.05": features[TRUSTED] <= 0.05}
        for kind, is_sure in ways.items():
            pixels = np.sqrt(((np.argwhere(is_sure) - [80, 100])**2).sum(axis=1).min())
            found = features[f"{TRUSTED}, to {kind}"][80, 100]
            assert found == pytest.approx(np.log1p(min(pixels, MARGIN - 1)), abs=1e-4)

    def test_nothing_farther_than_the_margin_is_seen(self, solved, features):
        inner = slice(MARGIN, -MARGIN)
        for name, plane in planes_of(solved.part(slice(20, 150), slice(30, 190))).items():
            assert_close(plane[inner, inner], features[name][20:150, 30:190][inner, inner], 1e-6)


class TestTrees:
    def test_size_and_card(self):
        files = list(WEIGHTS["fusion"].iterdir())
        assert {path.name for path in files} == {"README.md", "config.json", "model.onnx", "model.safetensors",
                                                  "model.sha256"}
        assert sum(path.stat().st_size for path in files) <= 4e6

    def test_by_hand(self):
        """If feature 1 is at most 0.5, then 2 or, if feature 0 is above 0.25, 3, else 5; and 10 in any case."""
        trees = Trees(np.int32([0, ~3]), np.int32([1, 0]), np.float32([0.5, 0.25]),
                      np.int32([[1, ~2], [~0, ~1]]), np.float32([2, 3, 5, 10]))
        rows = np.float32([[0.25, 0.5], [0.26, 0.5], [0.26, 0.51]])
        np.testing.assert_array_equal(sum_of_trees(trees, rows), [12, 13, 15])

    def test_torch_and_onnx_give_the_same(self, solved):
        torch = pytest.importorskip("torch")
        networks = pytest.importorskip("hybridmatte.networks")
        export = pytest.importorskip("hybridmatte.networks.export")
        alpha, is_open = fuse_solved(solved), disputed(solved)
        rows = torch.from_numpy(fusion_features(solved, is_open))
        network = networks.SolverFusion.from_pretrained(WEIGHTS["fusion"])
        with torch.no_grad():
            assert_close(network(rows).numpy(), alpha[is_open], 1e-5)
        session = export.onnx_session((WEIGHTS["fusion"] / "model.onnx").read_bytes())
        assert_close(export.run_onnx(session, [rows])[:, 0], alpha[is_open], 1e-5)

    def test_leaves_can_be_trained_on(self):
        torch = pytest.importorskip("torch")
        network = pytest.importorskip("hybridmatte.networks").SolverFusion.from_pretrained(WEIGHTS["fusion"])
        with pytest.raises(ValueError, match=r"features has shape \(3, 5\), expected \(n, 230\)"):
            network(torch.zeros(3, 5))
        network(torch.full((3, len(FEATURES)), 0.5)).sum().backward()
        assert 0 < int((network.values.grad != 0).sum()) <= 3 * len(network.roots)

    def test_tiles_join(self, solved, monkeypatch):
        monkeypatch.setattr(solver_fusion, "TILE", 1024)
        whole = fuse_solved(solved)
        monkeypatch.setattr(solver_fusion, "TILE", 50)
        np.testing.assert_array_equal(fuse_solved(solved), whole)

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
        bundled_trees.cache_clear()
        try:
            with pytest.raises(ValueError, match=f"weights {path}"):
                matte(fur.image, fur.trimap)
        finally:
            bundled_trees.cache_clear()
