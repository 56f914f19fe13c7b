"""Frames a second of a network, by torch and by ONNX Runtime."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from hybridmatte._validation import check_integer
from hybridmatte.networks.export import export_onnx, onnx_session, run_onnx
from hybridmatte.networks.prediction import as_batch

__all__ = ["Speed", "measure_speed"]


class Speed(NamedTuple):
    """Frames a second, and how many were timed for each."""

    torch: float
    onnxruntime: float
    count: int


def measure_speed(network, *, size=512, count=10):
    """Measure frames a second on one image at a time, by torch and by ONNX Runtime, in turn.

    Parameters
    ----------
    network : MattingNetwork
        On the CPU.
    size : int, default 512
        Side of the square image in pixels, rounded up to the network's stride.
    count : int, default 10
        Frames that are timed, of each; the median counts. One more comes before.

    Returns
    -------
    speed : Speed

    Raises
    ------
    MissingExtraError
        Without onnx, onnxscript or onnxruntime.
    ValueError
        If the exported network gives another alpha.
    """
    size, count = check_integer(size, "size", low=network.stride), check_integer(count, "count", low=1)
    generator = np.random.default_rng(0)
    arrays = [generator.random((size, size, 3), np.float32)]
    if network.takes_trimap:
        arrays.append(generator.integers(3, size=(size, size)).astype(np.float32) / 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        export_onnx(network, path, *arrays)
        session = onnx_session(path.read_bytes(), torch.get_num_threads())
    inputs = [network.padded(tensor) for tensor in as_batch(*arrays) if tensor is not None]
    seconds = {"torch": [], "onnxruntime": []}
    with network.predicting():
        for _ in range(count + 1):
            for name, call in (("torch", lambda: network(*inputs)), ("onnxruntime", lambda: run_onnx(session, inputs))):
                start = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - start)
    return Speed(*(1 / float(np.median(values[1:])) for values in seconds.values()), count)
