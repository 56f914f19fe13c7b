"""The networks that come with the package: their size, and that OpenCV and torch give the same alpha."""

import numpy as np
import pytest

from hybridmatte import automatic, bundled, matte_alone, read_alpha, read_image, read_trimap, write_image
from hybridmatte.bundled import WEIGHTS, run_bundled
from hybridmatte.cli import main
from tests.tolerances import assert_close


@pytest.fixture
def image(rng):
    return rng.random((70, 101, 3), np.float32)  # no multiple of the stride


def test_size_and_card():
    files = list(WEIGHTS["people"].iterdir())
    assert sum(path.stat().st_size for path in files) <= 8e6
    assert {path.name for path in files} == {"README.md", "config.json", "model.onnx", "model.safetensors"}


def test_torch_gives_the_same(image):
    networks = pytest.importorskip("hybridmatte.networks")
    alpha = run_bundled("people", image)
    assert alpha.shape == image.shape[:2]
    assert np.ptp(alpha) > 0
    assert_close(alpha, networks.predict_alpha(networks.load_network("people"), image), 1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (33, 64, 3), (400, 230, 3)])
def test_any_size(shape, rng):
    alpha = matte_alone(rng.random(shape)).alpha
    assert alpha.shape == shape[:2]
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_nothing_is_found_in_black():
    with pytest.warns(UserWarning, match="nothing is found"):
        found = matte_alone(np.zeros((60, 80, 3)))
    assert found.alpha.max() == found.trimap.max() == 0


def test_command_without_mask_or_network(tmp_path, image, capsys):
    write_image(tmp_path / "image.png", image)
    with pytest.raises(SystemExit, match="0"):
        main(["auto", str(tmp_path / "image.png"), "--matte", "-o", str(tmp_path / "alpha.png")])
    assert "mask by the network for people that comes along" in capsys.readouterr().err
    assert_close(read_alpha(tmp_path / "alpha.png"), matte_alone(read_image(tmp_path / "image.png")).alpha, 1 / 255)


def test_solver_decides_in_the_band(monkeypatch, scene, tmp_path):
    """What the network finds coarsely ends at the edge of the image, by any method, and the trimap can be had."""
    monkeypatch.setattr(automatic, "run_bundled", lambda _, image: np.float32(scene.alpha[:image.shape[0]]))
    found = matte_alone(scene.image)
    assert np.abs(found.alpha - scene.alpha).mean() < 0.02
    assert set(np.unique(found.trimap)) == {0, 0.5, 1}
    narrow = matte_alone(scene.image, method="knn", erode=1, dilate=1)
    assert "alpha by knn" in narrow.how
    assert (narrow.trimap == 0.5).sum() < (found.trimap == 0.5).sum()
    image, cut, trimap = (str(tmp_path / name) for name in ("image.png", "cut.png", "trimap.png"))
    write_image(image, scene.image)
    with pytest.raises(SystemExit, match="0"):
        main(["auto", image, "-o", cut, "--trimap", trimap])
    assert_close(read_trimap(trimap), found.trimap, 1 / 255)


def test_options_without_effect(image):
    with pytest.raises(ValueError, match="erode is 3, expected none with a network"):
        matte_alone(image, object(), erode=3)


@pytest.mark.parametrize("content", [None, b"", b"no network"])
def test_damaged_weights(tmp_path, monkeypatch, image, content):
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    monkeypatch.setitem(WEIGHTS, "people", tmp_path)
    bundled._loaded.cache_clear()
    with pytest.raises(ValueError, match=f"weights {tmp_path / 'model.onnx'} cannot be read"):
        run_bundled("people", image)
