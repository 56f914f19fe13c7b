"""Segmenters in files: `onnx:FILE` and `mediapipe:FILE`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.file_runners import Runner, load_runner
from hybridmatte.automatic.finding import Segmenter, at_size_of, reason_of
from hybridmatte.automatic.network_settings import NetworkSettings, read_settings
from hybridmatte.automatic.segmenter_hints import KIND_OF_FILE

__all__ = ["network_segmenter"]

Array = npt.NDArray[Any]
COLOURS = 3
ROUNDING = 1e-3  # by which a sigmoid at half precision may leave [0, 1]


def network_segmenter(name: str, argument: str, options: Mapping[str, Any]) -> Segmenter:
    """Return the segmenter of a network's file; its settings are read now, the network at its first image.

    name is ``onnx:FILE`` or ``mediapipe:FILE``, argument the file.
    """
    file = Path(argument).expanduser()
    if not file.is_file():
        kind = "is a folder" if file.is_dir() else "does not exist"
        raise FileNotFoundError(f"segmenter {name}: the file {kind}, expected a network")
    by_extension = KIND_OF_FILE.get(file.suffix.lower())
    if by_extension is not None and not name.startswith(f"{by_extension}:"):
        raise ValueError(f"segmenter {name}: the file ends in {file.suffix}, expected {by_extension}:{argument}")
    settings = read_settings(file, options)
    kind = "onnx" if name.startswith("onnx:") else "tflite"
    return Segmenter(name, partial(_find, file=file, name=name, kind=kind, settings=settings), is_built_in=True)


def _find(image: Array, *, file: Path, name: str, kind: str, settings: NetworkSettings) -> npt.NDArray[np.float32]:
    """Return the mask (H, W) of an image: stretch it to the network's size, run, stretch the output back."""
    runner = load_runner(file, f"segmenter {name}", kind)
    layout = _layout(runner, settings, kind)
    size = _size(runner, settings, layout, name, kind)
    output = _output(runner, settings, name)
    value = _prepared(image, size, settings, "NCHW" if kind == "tflite" else layout)  # OpenCV turns the axes of tflite
    try:
        result = runner.run(np.ascontiguousarray(value, runner.dtype), output)
    except Exception as error:
        raise ValueError(f"segmenter {name} cannot be run by {runner.by}: {reason_of(error)}") from error
    planes = _planes(result.astype(np.float32), "NCHW" if kind == "tflite" else layout, name)
    mask = _channel(planes, settings, name)
    return at_size_of(1 - mask if settings.invert else mask, image)


def _layout(runner: Runner, settings: NetworkSettings, kind: str) -> str:
    """Return the order of the input's axes: as set, or as the file tells."""
    if settings.layout is not None:
        return settings.layout
    shape = runner.input_shape
    is_last = shape is not None and len(shape) == 4 and shape[3] == COLOURS and shape[1] != COLOURS
    return "NHWC" if kind == "tflite" or is_last else "NCHW"


def _size(runner: Runner, settings: NetworkSettings, layout: str, name: str, kind: str) -> tuple[int, int]:
    """Return height and width of the input: as the file fixes them, or as set."""
    shape = runner.input_shape or (None,) * 4
    if len(shape) != 4:
        raise ValueError(f"segmenter {name} has an input of shape {shape}, expected four axes (an image)")
    height, width = shape[2:] if layout == "NCHW" else shape[1:3]
    colours = shape[1] if layout == "NCHW" else shape[3]
    if colours not in (None, COLOURS):
        raise ValueError(
            f"segmenter {name} has an input of shape {shape}, expected {COLOURS} colours on the axis that layout "
            f"{layout} names"
        )
    if settings.size is None and (height is None or width is None):
        beside = f"{Path(name.partition(':')[2]).name}.toml"
        known = "the network takes any size" if runner.input_shape else f"{runner.by} does not tell it"
        raise ValueError(
            f"size of segmenter {name} is missing ({known}), expected size = PIXELS in {beside}, "
            "or --segmenter-option size=PIXELS"
        )
    chosen = settings.size or (height or 0, width or 0)
    if height not in (None, chosen[0]) or width not in (None, chosen[1]):
        raise ValueError(
            f"size of segmenter {name} is {chosen[0]} x {chosen[1]}, expected {height} x {width} (height x width): "
            f"the {kind} file fixes it"
        )
    return chosen


def _output(runner: Runner, settings: NetworkSettings, name: str) -> str:
    """Return the name of the output that holds the mask."""
    names, output = runner.outputs, settings.output
    if isinstance(output, str) and output in names:
        return output
    if isinstance(output, str) or output >= len(names):
        raise ValueError(
            f"output of segmenter {name} is {output!r}, expected one of {', '.join(names)}, or {_up_to(len(names))}"
        )
    return names[output]


def _up_to(count: int) -> str:
    """Return the numbers that count so many things, in words."""
    return "0" if count == 1 else f"0 to {count - 1}"


def _prepared(image: Array, size: tuple[int, int], settings: NetworkSettings, layout: str) -> Array:
    """Return the input of a network (1, 3, h, w) or (1, h, w, 3)."""
    shrinks = image.shape[0] * image.shape[1] > size[0] * size[1]
    small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    value = (small * np.float32(settings.scale) - np.float32(settings.mean)) / np.float32(settings.std)
    value = value[:, :, ::-1] if settings.channels == "BGR" else value
    return value.transpose(2, 0, 1)[None] if layout == "NCHW" else value[None]


def _planes(result: Array, layout: str, name: str) -> Array:
    """Return an output as (channels, h, w)."""
    if result.ndim == 4 and result.shape[0] == 1:
        is_last = result.shape[3] == 1 or (layout == "NHWC" and result.shape[1] != 1)
        return result[0].transpose(2, 0, 1) if is_last and result.shape[1] != 1 else result[0]
    if result.ndim == 3:
        return result
    if result.ndim == 2:
        return result[None]
    raise ValueError(
        f"output of segmenter {name} has shape {result.shape}, expected a mask (1, channels, h, w); "
        "the setting output chooses another one"
    )


def _channel(planes: Array, settings: NetworkSettings, name: str) -> npt.NDArray[np.float32]:
    """Return one channel (h, w) in [0, 1], after the activation."""
    count, channel = len(planes), settings.channel
    if channel is None and count > 1:
        raise ValueError(f"channel of segmenter {name} is missing: its output has {count}, expected {_up_to(count)}")
    if channel is not None and channel >= count:
        only = ", the only channel of its output" if count == 1 else ""
        raise ValueError(f"channel of segmenter {name} is {channel}, expected {_up_to(count)}{only}")
    if not np.isfinite(planes).all():
        raise ValueError(f"output of segmenter {name} has NaN or infinite values, expected none")
    if settings.activation == "softmax":
        if count == 1:
            raise ValueError(f"activation of segmenter {name} is 'softmax', expected 'sigmoid' for one channel")
        weights = np.exp(planes - planes.max(axis=0))
        planes = weights / weights.sum(axis=0)
    mask = planes[channel or 0]
    if settings.activation == "sigmoid":
        mask = 1 / (1 + np.exp(-np.clip(mask, -60, 60)))
    elif settings.activation == "minmax":
        mask = (mask - mask.min()) / max(float(np.ptp(mask)), 1e-12)
    elif mask.min() < -ROUNDING or mask.max() > 1 + ROUNDING:
        raise ValueError(
            f"activation of segmenter {name} is {settings.activation!r} but its output has values from "
            f"{mask.min():.4g} to {mask.max():.4g}, expected 'sigmoid' (one channel), 'softmax' or 'minmax'"
        )
    return np.ascontiguousarray(mask, np.float32).clip(0, 1)
