"""The segmenter that comes with the package: its size, and that OpenCV and torch give the same alpha."""

import shutil

import cv2
import numpy as np
import pytest

from hybridmatte.automatic import segmenters
from hybridmatte.automatic.segmenters import run_segmenter
from hybridmatte.correction.weights import WEIGHTS
from tests.tolerances import assert_close

ROUNDING = 1e-3  # on noise OpenCV and torch differ by 2e-5 to 2e-4 at every size, by how OpenCV convolves


@pytest.fixture
def image(rng):
    return rng.random((70, 101, 3), np.float32)  # not multiples of the stride


def test_size_and_card():
    files = list(WEIGHTS["finder"].iterdir())
    assert sum(path.stat().st_size for path in files) <= 12e6
    assert {path.name for path in files} == {
        "README.md",
        "config.json",
        "model.onnx",
        "model.safetensors",
        "model.sha256",
    }


def test_torch_gives_the_same(image):
    networks = pytest.importorskip("hybridmatte.networks")
    alpha = run_segmenter("finder", image)
    assert alpha.shape == image.shape[:2]
    assert np.ptp(alpha) > 0
    assert_close(alpha, networks.predict_alpha(networks.load_network("finder"), image), ROUNDING)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (33, 64, 3), (400, 230, 3)])
def test_any_size(shape, rng):
    alpha = run_segmenter("finder", rng.random(shape, np.float32))
    assert alpha.shape == shape[:2]
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


@pytest.mark.parametrize("shape", [(5, 5, 3), (16, 160, 3), (33, 16, 3)])
def test_small_sides_are_exact(shape, rng):
    """Without padding the features would be one pixel wide, where OpenCV's result depends on the process."""
    networks = pytest.importorskip("hybridmatte.networks")
    image = rng.random(shape, np.float32)
    padded = cv2.copyMakeBorder(image, 0, max(64 - shape[0], 0), 0, max(64 - shape[1], 0), cv2.BORDER_REPLICATE)
    expected = networks.predict_alpha(networks.load_network("finder"), padded)[: shape[0], : shape[1]]
    assert_close(run_segmenter("finder", image), expected, ROUNDING)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "or the checksum beside them cannot be read"),
        (b"", "do not match the checksum in model.sha256"),
        (b"no network", "do not match the checksum in model.sha256"),
        (WEIGHTS["fusion"] / "model.onnx", "do not match the checksum in model.sha256"),
    ],
)
def test_damaged_weights(tmp_path, monkeypatch, image, content, message):
    shutil.copyfile(WEIGHTS["finder"] / "model.sha256", tmp_path / "model.sha256")
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    monkeypatch.setitem(WEIGHTS, "finder", tmp_path)
    segmenters._load_network.cache_clear()
    with pytest.raises(ValueError, match=f"weights {tmp_path / 'model.onnx'} {message}"):
        run_segmenter("finder", image)
    segmenters._load_network.cache_clear()
