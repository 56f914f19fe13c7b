"""Frames a second of a network, by torch and by ONNX Runtime."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from hybridmatte._validation import check_integer
from hybridmatte.networks.export import export_onnx, inputs_of, onnx_session, run_onnx
from hybridmatte.networks.joint_inference import JointInference
from hybridmatte.networks.network import MattingNetwork, predicting
from hybridmatte.networks.trimap_network import TrimapNetwork

__all__ = ["Speed", "measure_speed"]


class Speed(NamedTuple):
    """Frames a second by each library, and the number of frames timed for each."""

    torch: float
    onnxruntime: float
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]


def measure_speed(
    network: MattingNetwork | TrimapNetwork | JointInference, *, size: int = 512, count: int = 10
) -> Speed:
    """Measure the frames a second of a network on single images, by torch and by ONNX Runtime in turn.

    Parameters
    ----------
    network : MattingNetwork, TrimapNetwork or JointInference
        On the CPU. The latter two get a random mask.
    size : int, default 512
        Side of the square image in pixels, rounded up to a multiple of the network's stride.
    count : int, default 10
        Number of frames timed for each library, after one that is not timed. The speed is that of the median frame.

    Returns
    -------
    speed : Speed

    Raises
    ------
    MissingExtraError
        If onnx, onnxscript or onnxruntime is not installed; raised when this function is imported.
    ValueError
        If the exported network gives another alpha.
    """
    size, count = check_integer(size, "size", low=network.stride), check_integer(count, "count", low=1)
    generator = np.random.default_rng(0)
    image, plane = generator.random((size, size, 3), np.float32), None
    if not isinstance(network, MattingNetwork) or network.takes_trimap:
        plane = generator.integers(3, size=(size, size)).astype(np.float32) / 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        export_onnx(network, path, image, plane)
        session = onnx_session(path.read_bytes(), torch.get_num_threads())
    inputs = inputs_of(network, image, plane)
    by_torch, by_onnx = [], []
    with predicting(network):
        for _ in range(count + 1):
            for seconds, run in ((by_torch, lambda: network(*inputs)), (by_onnx, lambda: run_onnx(session, inputs))):
                start = time.perf_counter()
                run()
                seconds.append(time.perf_counter() - start)
    return Speed(1 / float(np.median(by_torch[1:])), 1 / float(np.median(by_onnx[1:])), count)
