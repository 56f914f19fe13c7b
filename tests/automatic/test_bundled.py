"""The networks that come with the package: their size, and that OpenCV and torch give the same alpha."""

import shutil

import cv2
import numpy as np
import pytest

from hybridmatte import matte_alone, read_alpha, read_image, read_trimap, write_image
from hybridmatte.automatic import mattes as automatic
from hybridmatte.cli import main
from hybridmatte.correction import weights as bundled
from hybridmatte.correction.weights import WEIGHTS, run_bundled
from tests.synthetic import soft_disk
from tests.tolerances import assert_close


@pytest.fixture
def image(rng):
    return rng.random((70, 101, 3), np.float32)  # no multiple of the stride


def test_size_and_card():
    files = list(WEIGHTS["people"].iterdir())
    assert sum(path.stat().st_size for path in files) <= 8e6
    assert {path.name for path in files} == {"README.md", "config.json", "model.onnx", "model.safetensors",
                                              "model.sha256"}


def test_torch_gives_the_same(image):
    networks = pytest.importorskip("hybridmatte.networks")
    alpha = run_bundled("people", image)
    assert alpha.shape == image.shape[:2]
    assert np.ptp(alpha) > 0
    assert_close(alpha, networks.predict_alpha(networks.load_network("people"), image), 1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (33, 64, 3), (400, 230, 3)])
def test_any_size(shape, rng):
    alpha = run_bundled("people", rng.random(shape, np.float32))
    assert alpha.shape == shape[:2]
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


@pytest.mark.parametrize("shape", [(5, 5, 3), (16, 160, 3), (33, 16, 3)])
def test_small_sides_are_exact(shape, rng):
    """Where features would be one pixel wide; OpenCV's answer then depended on the process."""
    networks = pytest.importorskip("hybridmatte.networks")
    image = rng.random(shape, np.float32)
    padded = cv2.copyMakeBorder(image, 0, max(32 - shape[0], 0), 0, max(32 - shape[1], 0), cv2.BORDER_REPLICATE)
    expected = networks.predict_alpha(networks.load_network("people"), padded)[:shape[0], :shape[1]]
    assert_close(run_bundled("people", image), expected, 1e-4)


class TestAuto:
    """`matte_alone` and the command, of a scene of 400 x 512 in which a pretended network finds two coarse disks."""

    SCENE = soft_disk((400, 512))

    @pytest.fixture
    def seen(self, monkeypatch):
        seen = []

        def find(_, image):
            seen.append(image.shape)
            small = cv2.resize(self.SCENE.alpha, image.shape[1::-1], interpolation=cv2.INTER_AREA)
            small[10:30, 10:30] = 1
            return small

        monkeypatch.setattr(automatic, "run_bundled", find)
        return seen

    def test_solver_decides_in_the_band(self, seen):
        found = matte_alone(self.SCENE.image, erode=40, dilate=40)  # the disk's edge is 48 pixels wide
        assert seen == [(192, 246, 3)]
        assert np.abs(found.alpha - self.SCENE.alpha)[110:].mean() < 0.01
        assert set(np.unique(found.trimap)) == {0, 0.5, 1}
        assert "mask by the network for people that comes along" in found.how

    @pytest.mark.usefixtures("seen")
    def test_small_objects_keep_a_core(self):
        assert (matte_alone(self.SCENE.image).trimap[20:62, 20:62] == 1).any()

    @pytest.mark.usefixtures("seen")
    def test_options_of_the_solver(self):
        wide, narrow = matte_alone(self.SCENE.image), matte_alone(self.SCENE.image, method="knn", erode=2, dilate=2)
        assert "alpha by knn" in narrow.how
        assert (narrow.trimap == 0.5).sum() < (wide.trimap == 0.5).sum()

    @pytest.mark.usefixtures("seen")
    def test_command(self, tmp_path, capsys):
        image, alpha, trimap = (str(tmp_path / name) for name in ("image.png", "alpha.png", "trimap.png"))
        write_image(image, self.SCENE.image)
        for network in ([], ["--network", "people"]):
            with pytest.raises(SystemExit, match="0"):
                main(["auto", image, "--matte", "-o", alpha, "--trimap", trimap, *network])
            found = matte_alone(read_image(image))
            assert_close(read_alpha(alpha), found.alpha, 1 / 255)
            assert_close(read_trimap(trimap), found.trimap, 1 / 255)
            assert found.how in capsys.readouterr().err

    @pytest.mark.parametrize("peak", [0.0, 0.6])
    def test_nothing_is_found(self, monkeypatch, peak):
        """Nor is a pixel of 0.6 that is less than one half at the image's size."""
        small = np.zeros((192, 246), np.float32)
        small[90, 120] = peak
        monkeypatch.setattr(automatic, "run_bundled", lambda *_: small)
        with pytest.warns(UserWarning, match="nothing is found"):
            found = matte_alone(self.SCENE.image[:384, :492])
        assert found.alpha.max() == found.trimap.max() == 0

    def test_everything_is_found(self, monkeypatch):
        monkeypatch.setattr(automatic, "run_bundled", lambda _, image: np.ones(image.shape[:2], np.float32))
        assert matte_alone(self.SCENE.image).alpha.min() == 1

    def test_options_without_effect(self):
        with pytest.raises(ValueError, match="erode is 3, expected none with a network"):
            matte_alone(self.SCENE.image, object(), erode=3)


@pytest.mark.parametrize(("content", "message"), [
    (None, "or their checksum cannot be read"), (b"", "are damaged or others"),
    (b"no network", "are damaged or others"),
    (WEIGHTS["fusion"] / "model.onnx", "are damaged or others"),
])
def test_damaged_weights(tmp_path, monkeypatch, image, content, message):
    shutil.copyfile(WEIGHTS["people"] / "model.sha256", tmp_path / "model.sha256")
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    monkeypatch.setitem(WEIGHTS, "people", tmp_path)
    bundled._loaded.cache_clear()
    with pytest.raises(ValueError, match=f"weights {tmp_path / 'model.onnx'} {message}"):
        run_bundled("people", image)
    bundled._loaded.cache_clear()
