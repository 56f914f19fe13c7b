"""What is learned and comes with the package: a network, run by OpenCV, and that of `matte`. Torch is not needed."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock

import numpy as np

__all__ = ["WEIGHTS", "bundled_fusion", "checksum", "run_bundled"]

WEIGHTS = {name: Path(__file__).parents[1] / "weights" / name for name in ("fusion", "people")}  # folders
STRIDE = 16  # pixels that height and width are multiples of
SMALLEST = 32  # pixels of a side; at less, where features are one pixel wide, OpenCV 5.0 reads beyond them
LOCK = Lock()  # a network keeps its input until it is run


def run_bundled(name, image):
    """Run a network of the package on an image.

    Parameters
    ----------
    name : {"people"}
    image : (H, W, 3) float32 array
        RGB in [0, 1].

    Returns
    -------
    alpha : (H, W) float32 array

    Raises
    ------
    ValueError
        If the file of weights is missing, or is not the one whose checksum lies beside it.
    """
    height, width = image.shape[:2]
    below, beside = (max(-side % STRIDE, SMALLEST - side) for side in (height, width))
    padded = np.pad(image.transpose(2, 0, 1), ((0, 0), (0, below), (0, beside)), mode="edge")
    with LOCK:
        network = _loaded(name)
        network.setInput(padded[None])
        return network.forward()[0, 0, :height, :width].copy()


@lru_cache(maxsize=1)
def bundled_fusion():
    """Return the `hybridmatte.perceptron.Perceptron` of `matte`; errors are those of `run_bundled`."""
    from hybridmatte.correction.network import read_perceptron

    return read_perceptron(_checked(WEIGHTS["fusion"] / "model.safetensors"))


@lru_cache(maxsize=1)
def _loaded(name):
    import cv2

    # OpenCV 5.0 runs networks of other shapes on what lies behind the planes: only the right file may pass
    return cv2.dnn.readNetFromONNX(np.frombuffer(_checked(WEIGHTS[name] / "model.onnx"), np.uint8))


def _checked(path):
    """Return the bytes of a file of weights if they are those of the checksum beside it."""
    try:
        content, expected = path.read_bytes(), path.with_suffix(".sha256").read_text(encoding="ascii").strip()
    except OSError as error:
        raise ValueError(f"weights {path} or their checksum cannot be read: {error}; "
                         "install hybridmatte again") from error
    if checksum(content) != expected:
        raise ValueError(f"weights {path} are damaged or others, expected those of the checksum in model.sha256; "
                         "install hybridmatte again")
    return content


def checksum(content):
    """Return the SHA-256 of bytes, in hexadecimal digits."""
    return sha256(content).hexdigest()
