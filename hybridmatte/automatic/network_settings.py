"""How a segmentation network in a file wants its input and gives its output: a small TOML beside it, or options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hybridmatte._validation import check_choice, check_integer, check_number
from hybridmatte.io.documents import parse_toml_value, read_toml_table

__all__ = ["NetworkSettings", "parse_options", "read_settings", "settings_file"]

MAX_SIDE = 8192  # pixels of a network's input
CHOICES = {
    "channels": ("RGB", "BGR"),
    "layout": ("NCHW", "NHWC"),
    "activation": ("none", "sigmoid", "softmax", "minmax"),
}


@dataclass(frozen=True)
class NetworkSettings:
    """Settings of a network in a file: the keys of its TOML file.

    The input is ``(image * scale - mean) / std``, for an image in [0, 1].

    Attributes
    ----------
    size : (int, int) or None
        Height and width of the input in pixels; the image is stretched to it. One number means a square. None: as the
        file says.
    scale : float
        Value of white before mean and std: 1, or 255 if these count in 8-bit steps.
    mean, std : (float, float, float)
        For red, green and blue. One number holds for all three.
    channels : {"RGB", "BGR"}
        Order of the colours.
    layout : {"NCHW", "NHWC"} or None
        Order of the axes of input and output. None: as the file says, else NCHW.
    output : int or str
        Number or name of the output that holds the mask.
    channel : int or None
        Channel of that output; of several, the setting is needed.
    activation : {"none", "sigmoid", "softmax", "minmax"}
        From the output to [0, 1]. softmax is over the channels; minmax maps the smallest value to 0 and the largest
        to 1, so that it always finds something.
    invert : bool
        Whether the output is high where the object is not.
    """

    size: tuple[int, int] | None = None
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channels: str = "RGB"
    layout: str | None = None
    output: int | str = 0
    channel: int | None = None
    activation: str = "none"
    invert: bool = False


KEYS = tuple(field.name for field in fields(NetworkSettings))


def read_settings(file: Path, options: Mapping[str, Any]) -> NetworkSettings:
    """Return the settings of a network's file: the options, else those of the TOML beside it.

    Raises
    ------
    ValueError, TypeError
        If a key is unknown or its value is wrong; the message names the key and the file.
    """
    beside = settings_file(file)
    settings = {} if beside is None else _checked(read_toml_table(beside), f"of {beside}")
    return NetworkSettings(**settings | _checked(options, "of the segmenter's options"))


def settings_file(file: Path) -> Path | None:
    """Return the TOML beside a network's file: model.onnx.toml or model.toml, or None; refuse both at once."""
    found = [path for path in (file.with_name(file.name + ".toml"), file.with_suffix(".toml")) if path.exists()]
    if len(found) > 1:
        raise ValueError(f"{file} has both {found[0].name} and {found[1].name} beside it, expected one of them")
    return found[0] if found else None


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Return options of the form KEY=VALUE as a dictionary; a value is TOML, a list without brackets, or a word."""
    options: dict[str, Any] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        key = key.strip()
        if not separator or not key:
            raise ValueError(f"--segmenter-option is {text!r}, expected KEY=VALUE, such as size=1024")
        if key in options:
            raise ValueError(f"--segmenter-option {key} is given twice, expected once")
        options[key] = parse_toml_value(value.strip())
    return options


def _checked(settings: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return settings with checked values; `where` ends the name of a key in messages."""
    checked = {}
    for key, value in settings.items():
        check_choice(key, f"a key {where}", KEYS)
        checked[key] = _checked_value(key, value, f"{key} {where}")
    return checked


def _checked_value(key: str, value: Any, name: str) -> Any:
    """Return the value of one key; `name` is the key with its file, for messages."""
    if key in CHOICES:
        return check_choice(value, name, CHOICES[key])
    if key == "size":
        sides = value if isinstance(value, list | tuple) else [value, value]
        if len(sides) != 2:
            raise ValueError(f"{name} is {value!r}, expected one number, or height and width")
        return tuple(check_integer(side, name, low=1, high=MAX_SIDE) for side in sides)
    if key in ("mean", "std"):
        numbers = value if isinstance(value, list | tuple) else [value] * 3
        if len(numbers) != 3:
            raise ValueError(f"{name} is {value!r}, expected one number, or three for red, green and blue")
        return tuple(check_number(number, name, above=0 if key == "std" else None) for number in numbers)
    if key == "scale":
        return check_number(value, name, above=0)
    if key == "invert":
        if not isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}, expected true or false")
        return value
    if key == "output" and isinstance(value, str):
        return value
    return check_integer(value, name, low=0)
