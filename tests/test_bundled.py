"""The networks that come with the package: their size, and that OpenCV and torch give the same alpha."""

import numpy as np
import pytest

from hybridmatte import bundled, matte_alone, read_alpha, read_image, write_image
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
        assert matte_alone(np.zeros((60, 80, 3))).alpha.max() == 0


def test_command_without_mask_or_network(tmp_path, image, capsys):
    write_image(tmp_path / "image.png", image)
    with pytest.raises(SystemExit, match="0"):
        main(["auto", str(tmp_path / "image.png"), "--matte", "-o", str(tmp_path / "alpha.png")])
    assert "alpha by the network for people that comes along" in capsys.readouterr().err
    alpha = matte_alone(read_image(tmp_path / "image.png")).alpha
    assert_close(read_alpha(tmp_path / "alpha.png") / 255, alpha, 1 / 255)


@pytest.mark.parametrize("content", [None, b"", b"no network"])
def test_damaged_weights(tmp_path, monkeypatch, image, content):
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    monkeypatch.setitem(WEIGHTS, "people", tmp_path)
    bundled._loaded.cache_clear()
    with pytest.raises(ValueError, match=f"weights {tmp_path / 'model.onnx'} cannot be read"):
        run_bundled("people", image)
