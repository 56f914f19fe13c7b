"""Networks whose weights come with the package, run by OpenCV: torch is not needed."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock

import numpy as np

__all__ = ["WEIGHTS", "checksum", "run_bundled", "run_planes"]

STRIDES = {"fusion": 4, "people": 16}  # pixels that height and width are multiples of
WEIGHTS = {name: Path(__file__).parent / "weights" / name for name in STRIDES}  # folders
SMALLEST = 32  # pixels of a side; at less, where features are one pixel wide, OpenCV 5.0 reads beyond them
LOCK = Lock()  # a network keeps its input until it is run


def run_bundled(name, image):
    """Return the alpha (H, W) float32 of an image (H, W, 3) by a network of the package; see `run_planes`."""
    return run_planes(name, image.transpose(2, 0, 1))[0]


def run_planes(name, planes):
    """Run a network of the package on planes.

    Parameters
    ----------
    name : {"fusion", "people"}
    planes : (C, H, W) float32 array
        What the network takes: for "people" RGB in [0, 1], for "fusion" see `hybridmatte.solver_fusion`.

    Returns
    -------
    planes : (K, H, W) float32 array
        What it gives: for "people" alpha, for "fusion" the weights of the candidates.

    Raises
    ------
    ValueError
        If the file of weights is missing, or is not the one whose checksum lies beside it.
    """
    height, width = planes.shape[1:]
    stride = STRIDES[name]
    below, beside = (max(-side % stride, SMALLEST - side) for side in (height, width))
    padded = np.pad(planes, ((0, 0), (0, below), (0, beside)), mode="edge")
    with LOCK:
        network = _loaded(name)
        network.setInput(padded[None])
        return network.forward()[0, :, :height, :width].copy()


@lru_cache(maxsize=len(WEIGHTS))
def _loaded(name):
    import cv2

    path = WEIGHTS[name] / "model.onnx"
    try:
        content, expected = path.read_bytes(), path.with_suffix(".sha256").read_text(encoding="ascii").strip()
    except OSError as error:
        raise ValueError(f"weights {path} cannot be read: {error}") from error
    if checksum(content) != expected:  # OpenCV 5.0 runs networks of other shapes on what lies behind the planes
        raise ValueError(f"weights {path} are damaged or others, expected those of the checksum in model.sha256")
    return cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))


def checksum(content):
    """Return the SHA-256 of bytes, in hexadecimal digits."""
    return sha256(content).hexdigest()
