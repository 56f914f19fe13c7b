"""Segmenters of rembg: a stand-in for its sessions, and rembg itself where it is installed, with a file made here."""

import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from hybridmatte import find_mask, load_segmenter
from hybridmatte.automatic import rembg_models
from tests.automatic.test_file_networks import expected, write_network
from tests.synthetic import soft_disk

SCENE = soft_disk((45, 60), seed=1)


@pytest.fixture
def sessions(monkeypatch):
    """Put a stand-in for rembg in place; return the calls of its sessions."""
    calls = []

    class Session:
        def predict(self, picture, **prompts):
            calls.append(prompts)
            plane = np.uint8(np.asarray(picture)[:, :, 0] // 2)
            upper = np.zeros_like(plane)
            upper[:9] = 255
            return [Image.fromarray(plane), Image.fromarray(upper)]

    def new_session(name, **options):
        calls.append((name, options))
        if name == "u2net_custom" and "model_path" not in options:
            raise ValueError("model_path is required")
        return Session()

    package, names = ModuleType("rembg"), ModuleType("rembg.sessions")
    package.new_session, names.sessions_names = new_session, ["u2net", "sam", "u2net_custom"]
    monkeypatch.setitem(sys.modules, "rembg", package)
    monkeypatch.setitem(sys.modules, "rembg.sessions", names)
    monkeypatch.setattr("hybridmatte.errors.find_spec", lambda _: True)
    rembg_models._session.cache_clear()
    yield calls
    rembg_models._session.cache_clear()


def test_the_masks_of_a_session_are_joined(sessions):
    mask = find_mask(SCENE.image, "rembg:u2net")
    assert (mask[:9] == 1).all()
    assert np.abs(mask[9:] - SCENE.image[9:, :, 0] / 2).max() < 1 / 255
    find_mask(SCENE.image, "rembg:u2net")
    assert sessions == [("u2net", {}), {}, {}]  # loaded once


def test_box_and_points_for_sam(sessions):
    find_mask(SCENE.image, "rembg:sam", box=(1, 2, 30, 40), points=[(5, 6), (7, 8, 0)])
    assert sessions[1]["sam_prompt"] == [
        {"type": "rectangle", "data": [1, 2, 30, 40], "label": 1},
        {"type": "point", "data": [5, 6], "label": 1},
        {"type": "point", "data": [7, 8], "label": 0},
    ]
    with pytest.raises(ValueError, match="got neither a box nor a point on the object"):
        find_mask(SCENE.image, "rembg:sam", points=[(7, 8, 0)])
    with pytest.raises(ValueError, match="segmenter rembg:u2net takes no box"):
        find_mask(SCENE.image, "rembg:u2net", box=(1, 2, 30, 40))


@pytest.mark.usefixtures("sessions")
def test_mistakes():
    with pytest.raises(ValueError, match="rembg's model is 'magic', expected 'sam' or 'u2net' or 'u2net_custom'"):
        find_mask(SCENE.image, "rembg:magic")
    with pytest.raises(ValueError, match=r"segmenter rembg:u2net_custom cannot be loaded: ValueError \(model_path is"):
        find_mask(SCENE.image, "rembg:u2net_custom")
    with pytest.raises(ValueError, match="an option of segmenter rembg:u2net is 'size', expected 'model_path'"):
        load_segmenter("rembg:u2net", {"size": 3})
    with pytest.raises(TypeError, match="model_path of segmenter rembg:u2net is 3, expected a text"):
        load_segmenter("rembg:u2net", {"model_path": 3})


@pytest.mark.peer
def test_rembg_with_a_local_file(tmp_path, monkeypatch):
    """rembg stretches to 320 x 320, subtracts mean and deviation of ImageNet, and spreads the output over [0, 1]."""
    pytest.importorskip("rembg")
    for variable in ("REMBG_HOME", "U2NET_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))  # rembg loads files from its own folder only
    file = write_network(tmp_path / "net.onnx", sides=(320, 320)).partition(":")[2]
    mask = find_mask(SCENE.image, load_segmenter("rembg:u2net_custom", {"model_path": file}))
    red = expected(SCENE.image, sides=(320, 320))
    red = (red - red.min()) / np.ptp(red)
    assert mask.shape == (45, 60)
    assert np.abs(mask - red).mean() < 0.03
