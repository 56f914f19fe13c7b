"""Networks in files, by what runs them: ONNX by onnxruntime or OpenCV, tflite by OpenCV."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._locks import ProcessLock
from hybridmatte.automatic.finding import reason_of

__all__ = ["Runner", "has_onnxruntime", "load_runner"]

Shape = tuple[int | None, ...]
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
TFLITE_MARK = b"TFL3"  # behind the first four bytes
TFLITE_FLOAT32 = 0
LOCK = ProcessLock()  # a network of OpenCV keeps its input until it runs, so that threads must take turns


class Runner(NamedTuple):
    """A network that was read from a file.

    input_shape is that of its one input, None where it is free or not known; run takes the input and the name of an
    output. by says which package runs it.
    """

    input_shape: Shape | None
    dtype: type[np.generic]
    outputs: tuple[str, ...]
    run: Callable[[npt.NDArray[Any], str], npt.NDArray[Any]]
    by: str


def has_onnxruntime() -> bool:
    """Return whether onnxruntime is installed."""
    return find_spec("onnxruntime") is not None


def load_runner(file: Path, name: str, kind: str) -> Runner:
    """Return the network of a file of that kind, "onnx" or "tflite"; it is kept until the file changes.

    Raises
    ------
    ValueError
        If the file is of another kind, or cannot be run here; the message starts with `name`.
    """
    status = file.stat()
    return _load(file, name, kind, has_onnxruntime(), (status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=2)
def _load(file: Path, name: str, kind: str, by_onnxruntime: bool, _version: tuple[int, int]) -> Runner:
    content = file.read_bytes()
    if kind == "onnx" and by_onnxruntime:
        return _onnxruntime_runner(file, name)
    shape = None if kind == "onnx" else _tflite_input_shape(content, name)
    read = cv2.dnn.readNetFromONNX if kind == "onnx" else cv2.dnn.readNetFromTFLite
    try:
        network = read(np.frombuffer(content, np.uint8))
        outputs = tuple(network.getUnconnectedOutLayersNames())
    except cv2.error as error:
        hint = "; the extra 'onnx' runs more networks: pip install 'hybridmatte[onnx]'" if kind == "onnx" else ""
        raise ValueError(f"{name} cannot be read by OpenCV: {reason_of(error)}, expected a network{hint}") from error

    def run(value: npt.NDArray[Any], output: str) -> npt.NDArray[Any]:
        with LOCK:
            network.setInput(value)
            return network.forward(output).copy()  # of the network's buffer

    return Runner(shape, np.float32, outputs, run, "OpenCV")


def _onnxruntime_runner(file: Path, name: str) -> Runner:
    """Return a network that onnxruntime runs on the processor, with as many threads as OpenCV."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cv2.getNumThreads()  # workers get a share of the processor's threads
    options.log_severity_level = 3  # errors
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(f"{name} cannot be read by onnxruntime: {reason_of(error)}, expected a network") from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs)
        raise ValueError(f"{name} has {len(inputs)} inputs ({names}), expected one, the image")
    if inputs[0].type not in DTYPES:
        raise ValueError(f"{name} has an input of type {inputs[0].type}, expected {' or '.join(DTYPES)}")
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in inputs[0].shape)

    def run(value: npt.NDArray[Any], output: str) -> npt.NDArray[Any]:
        return np.asarray(session.run([output], {inputs[0].name: value})[0])

    outputs = tuple(one.name for one in session.get_outputs())
    return Runner(shape, DTYPES[inputs[0].type], outputs, run, "onnxruntime")


def _tflite_input_shape(content: bytes, name: str) -> Shape:
    """Return the shape (1, height, width, 3) of the input of a tflite file, which OpenCV does not tell.

    The file is a FlatBuffer: a table starts with the distance back to its list of fields; a field is a number, or the
    distance to a table or a list. The numbers of the fields are those of TensorFlow's schema.fbs.
    """
    if content[4:8] != TFLITE_MARK:
        raise ValueError(f"{name} is no tflite file, expected one such as selfie_segmentation.tflite")
    try:
        graph = _table(content, _list(content, _field(content, _table(content, 0), 2)) + 4)
        tensors, inputs = (_list(content, _field(content, graph, number)) for number in (0, 1))
        (number,) = struct.unpack_from("<i", content, inputs + 4)
        tensor = _table(content, tensors + 4 + 4 * number)
        sides = _list(content, _field(content, tensor, 0))
        (count,) = struct.unpack_from("<I", content, sides)
        shape = struct.unpack_from(f"<{min(count, 8)}i", content, sides + 4)
        kind = content[place] if (place := _field(content, tensor, 1)) else TFLITE_FLOAT32
    except (struct.error, IndexError) as error:
        raise ValueError(f"{name} is damaged ({error}), expected a tflite file") from error
    if kind != TFLITE_FLOAT32:
        raise ValueError(f"{name} has an input that is not float32, expected a network that is not quantised")
    return tuple(side if side > 0 else None for side in shape)


def _table(content: bytes, place: int) -> int:
    """Return the place of a table from the place of the distance to it; lists are reached in the same way."""
    return place + struct.unpack_from("<I", content, place)[0]


_list = _table


def _field(content: bytes, table: int, number: int) -> int:
    """Return the place of a table's field, or 0 if the field is not stored."""
    fields = table - struct.unpack_from("<i", content, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", content, fields)[0]:
        return 0
    distance = struct.unpack_from("<H", content, fields + 4 + 2 * number)[0]
    return table + distance if distance else 0
