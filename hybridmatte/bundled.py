"""Networks whose weights come with the package, run by OpenCV: torch is not needed."""

from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

__all__ = ["WEIGHTS", "run_bundled"]

WEIGHTS = {"people": Path(__file__).parent / "weights" / "people"}  # folders, by name
STRIDES = {"people": 16}  # pixels that height and width are multiples of
SMALLEST = 32  # pixels of a side; at less, where features are one pixel wide, OpenCV 5.0 reads beyond them
LOCK = Lock()  # a network keeps its input until it is run


def run_bundled(name, planes):
    """Run a network of the package on an image's planes.

    Parameters
    ----------
    name : {"people"}
    planes : (H, W, C) float32 array
        RGB in [0, 1], and what else the network takes.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        If the file of weights is damaged or missing.
    """
    import cv2

    height, width = planes.shape[:2]
    stride = STRIDES[name]
    below, beside = (max(-side % stride, SMALLEST - side) for side in (height, width))
    padded = cv2.copyMakeBorder(planes, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    with LOCK:
        network = _loaded(name)
        network.setInput(np.ascontiguousarray(padded.transpose(2, 0, 1))[None])
        return network.forward()[0, 0, :height, :width].copy()


@lru_cache(maxsize=1)
def _loaded(name):
    import cv2

    path = WEIGHTS[name] / "model.onnx"
    try:
        return cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise ValueError(f"weights {path} cannot be read: {error.err}") from error
