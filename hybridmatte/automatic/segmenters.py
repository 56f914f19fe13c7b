"""Segmentation networks that come with the package, run by OpenCV without torch."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._locks import ProcessLock
from hybridmatte.correction.weights import WEIGHTS, read_weights

__all__ = ["has_run", "run_segmenter"]

STRIDE = 32  # pixels: height and width are padded to multiples of this
MIN_SIDE = 64  # pixels: with shorter sides, where features are one pixel wide, OpenCV 5.0 reads beyond its buffers
LOCK = ProcessLock()  # a network keeps its input until it runs, so that threads must take turns

_names_run: set[str] = set()


def run_segmenter(
    name: Literal["finder", "refiner"], image: npt.NDArray[np.float32], mask: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """Estimate a soft mask with a network that comes with the package.

    Parameters
    ----------
    name : {"finder", "refiner"}
    image : (H, W, 3) float32 array
        RGB in [0, 1].
    mask : (H, W) float32 array, optional
        In [0, 1]: the mask that the refiner corrects.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        If the weight file is missing or damaged.
    """
    height, width = image.shape[:2]
    below, right = (max(-side % STRIDE, MIN_SIDE - side) for side in (height, width))
    planes = image if mask is None else np.dstack([image, mask])
    padded = np.pad(planes.transpose(2, 0, 1), ((0, 0), (0, below), (0, right)), mode="edge")[None]
    with LOCK:
        network = _load_network(name)
        _names_run.add(name)
        if mask is None:
            network.setInput(padded)
        else:
            network.setInput(np.ascontiguousarray(padded[:, :3]), "image")
            network.setInput(np.ascontiguousarray(padded[:, 3:]), "trimap")
        return network.forward()[0, 0, :height, :width].astype(np.float32)  # a copy of the network's buffer


def has_run(name: Literal["finder", "refiner"]) -> bool:
    """Return whether a network has run in this process, which then holds the memory that it took."""
    return name in _names_run


@lru_cache(maxsize=2)
def _load_network(name: str) -> cv2.dnn.Net:
    """Return a network; the checksum matters, as OpenCV 5.0 reads beyond its buffers for some damaged files."""
    return cv2.dnn.readNetFromONNX(np.frombuffer(read_weights(WEIGHTS[name] / "model.onnx"), np.uint8))
