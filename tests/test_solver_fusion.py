"""The default: solvers joined by a small network of the package, without torch."""

import shutil

import numpy as np
import pytest

from hybridmatte import bundled, composite, cutout, matte, sad, solve, solver_fusion
from hybridmatte.bundled import WEIGHTS, run_planes
from hybridmatte.data import random_scene
from hybridmatte.solver.system import check_problem
from hybridmatte.solver_fusion import CANDIDATES, PLANES, SOLVERS, Solved, fuse_solved, fusion_planes, solve_all
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
        image = np.rint(255 * fur.image).astype(np.uint8)
        assert_close(matte(image, np.uint8(255 * fur.trimap)), matte(np.float32(image) / 255, fur.trimap), 1 / 255)

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


class TestNetwork:
    def test_size_and_card(self):
        files = list(WEIGHTS["fusion"].iterdir())
        assert {path.name for path in files} == {"README.md", "config.json", "model.onnx", "model.safetensors",
                                                  "model.sha256"}
        assert sum(path.stat().st_size for path in files) <= 4e6

    def test_torch_gives_the_same(self, solved):
        torch = pytest.importorskip("torch")
        networks = pytest.importorskip("hybridmatte.networks")
        planes = fusion_planes(solved)[:, :150, :201]  # no multiples of the stride
        network = networks.load_network("fusion")
        with torch.no_grad():
            expected = network(torch.from_numpy(np.ascontiguousarray(planes))[None])[0, 0].numpy()
        weights = run_planes("fusion", planes)
        assert weights.shape == (len(CANDIDATES) + 2, 150, 201)
        assert_close(weights.sum(axis=0), np.ones((150, 201)), 1e-5)
        assert_close(solver_fusion._mixed(planes), expected, 1e-3)

    def test_tiles_join(self, solved, monkeypatch):
        monkeypatch.setattr(solver_fusion, "TILE", 1024)
        whole = fuse_solved(solved)
        monkeypatch.setattr(solver_fusion, "TILE", 64)
        assert_close(fuse_solved(solved), whole, 1e-4)

    @pytest.mark.parametrize("content", [None, b"", b"no network", "people"])
    def test_damaged_weights(self, tmp_path, monkeypatch, fur, content):
        """Missing, empty, damaged, and those of another network: an error that names the file, no other answer."""
        path = tmp_path / "model.onnx"
        if content == "people":
            shutil.copyfile(WEIGHTS["people"] / "model.onnx", path)
        elif content is not None:
            path.write_bytes(content)
        shutil.copyfile(WEIGHTS["fusion"] / "model.sha256", tmp_path / "model.sha256")
        monkeypatch.setitem(WEIGHTS, "fusion", tmp_path)
        bundled._loaded.cache_clear()
        with pytest.raises(ValueError, match=f"weights {path}"):
            matte(fur.image, fur.trimap)
        bundled._loaded.cache_clear()
