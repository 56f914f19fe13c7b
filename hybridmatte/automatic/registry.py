"""The segmenters by name: built in, from installed packages (entry points), and registered by a script."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_image, check_integer
from hybridmatte.automatic.file_networks import network_segmenter
from hybridmatte.automatic.file_runners import has_onnxruntime
from hybridmatte.automatic.finding import Segmenter, at_size_of, give_instead, reason_of
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.automatic.rembg_models import rembg_segmenter
from hybridmatte.automatic.segmenter_hints import unknown_segmenter
from hybridmatte.automatic.segmenters import run_segmenter
from hybridmatte.correction.weights import RESEARCH, WEIGHTS, WeightsKind, research_only
from hybridmatte.errors import require_extra

__all__ = [
    "BUNDLED_SIDES",
    "DEFAULT_SEGMENTER",
    "SegmenterInfo",
    "find_mask",
    "is_bundled",
    "list_segmenters",
    "load_segmenter",
    "predict_shrunk",
    "refuse_bundled",
    "register_segmenter",
]

Function = Callable[..., Any]
AnySegmenter: TypeAlias = "str | Function | Segmenter"
ENTRY_POINTS = "hybridmatte.segmenters"  # the group
DEFAULT_SEGMENTER = "bundled"
REMOVED = "its weights were removed from the package; install hybridmatte again"
OTHER_NAMES = {"people": DEFAULT_SEGMENTER}
BUNDLED_SIDES = 256, 352  # pixels: shorter sides of the image as the bundled network sees it, large and small objects


class SegmenterInfo(NamedTuple):
    """A segmenter, or a kind of them, as `list_segmenters` tells of it.

    Attributes
    ----------
    name : str
        What to write; a word in capitals, as in ``onnx:FILE``, stands for one's own.
    summary : str
        What it is.
    is_available : bool
        Whether it can run here.
    note : str
        What is missing and how to install it, or another remark; may be empty.
    """

    name: str
    summary: str
    is_available: bool
    note: str


class _Kind(NamedTuple):
    """A kind of built-in segmenters: how to write one, what it needs, and the function that makes one."""

    usage: str
    summary: str
    extra: str | None
    packages: tuple[str, ...]
    make: Callable[[str, str, Mapping[str, Any]], Segmenter]

    def missing(self) -> str:
        """Return what is not installed and the command that installs it, or nothing."""
        try:
            if self.extra is not None:
                require_extra(self.extra, *self.packages)
        except ImportError as error:
            return str(error)
        return REMOVED if self.make is _bundled and not WEIGHTS["finder"].is_dir() else ""


def _bundled(name: str, _argument: str, options: Mapping[str, Any]) -> Segmenter:
    """Return the network that comes with the package; its one option is `side`."""
    for key in options:
        check_choice(key, f"an option of segmenter {name}", ("side",))
    sides = (check_integer(options["side"], "side", low=1),) if options.get("side") is not None else BUNDLED_SIDES
    return Segmenter(name, partial(mean_at_sides, sides=sides, predict=_run_bundled), is_built_in=True)


def _run_bundled(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the bundled network's mask at the size of the image."""
    return run_segmenter("finder", image)


def is_bundled(segmenter: Segmenter) -> bool:
    """Return whether a segmenter is the network that comes with the package."""
    return segmenter.is_built_in and segmenter.name == DEFAULT_SEGMENTER


def refuse_bundled(segmenter: Segmenter, weights: WeightsKind) -> None:
    """Refuse a segmenter with free weights, if it is the network that comes with the package."""
    if weights != RESEARCH and is_bundled(segmenter):
        raise ValueError(
            f"{research_only('finder')}, expected a mask or another segmenter: {give_instead('--segmenter')}"
        )


def mean_at_sides(
    image: npt.NDArray[np.float32],
    sides: Sequence[int],
    predict: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
) -> npt.NDArray[np.float32]:
    """Return the mean of a network's masks for an image whose shorter side is shrunk to each of some lengths.

    The mask has the size of the largest of these images.
    """
    masks = [predict_shrunk(image, side, predict) for side in sides]
    largest = max((mask.shape for mask in masks), key=lambda shape: shape[0])
    return np.mean([enlarged(mask, largest) for mask in masks], axis=0, dtype=np.float32)


def _transformers(name: str, argument: str, options: Mapping[str, Any]) -> Segmenter:
    """Return a model of transformers."""
    from hybridmatte.automatic._transformers_torch import transformers_segmenter

    return transformers_segmenter(name, argument, options)


KINDS = {
    "bundled": _Kind("bundled", "the network that comes with the package, for people and animals", None, (), _bundled),
    "rembg": _Kind("rembg:MODEL", "any model of rembg", "rembg", ("rembg", "onnxruntime"), rembg_segmenter),
    "onnx": _Kind("onnx:FILE", "a network in an ONNX file", None, (), network_segmenter),
    "transformers": _Kind(
        "transformers:MODEL",
        "a segmentation model of transformers, by folder or name; SAM takes --box and --point",
        "deep",
        ("torch", "transformers"),
        _transformers,
    ),
    "mediapipe": _Kind("mediapipe:FILE", "a network of MediaPipe in a tflite file", None, (), network_segmenter),
}
_registered: dict[str, tuple[Function, str]] = {}  # by scripts: name to function and summary


def find_mask(
    image: npt.ArrayLike,
    segmenter: AnySegmenter = DEFAULT_SEGMENTER,
    *,
    box: Sequence[float] | None = None,
    points: Sequence[Sequence[float]] | None = None,
) -> npt.NDArray[np.float32]:
    """Find the object of an image: return a segmenter's soft mask.

    The mask is the segmenter's own, without the edges that a matting solver adds. `matte_from_image` goes on to alpha.
    Time and memory are the segmenter's. A segmenter's network is loaded at its first image and kept.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    segmenter : str, callable or Segmenter, default "bundled"
        A name, see `list_segmenters`; a function of an image that returns a mask, see `register_segmenter`; or what
        `load_segmenter` returns. The weights of "bundled" are for research use.
    box : (x0, y0, x1, y1), optional
        Corners of a box around the object, in pixels of the image from its upper left corner. Only for segmenters that
        take a box.
    points : sequence of (x, y) or (x, y, label), optional
        Points on the object (label 1, the default) or beside it (label 0), in pixels. Only for segmenters that take
        points.

    Returns
    -------
    mask : (H, W) float32 array
        In [0, 1]: 1 where the segmenter is sure of the object. Interpolated if the segmenter gives another size.

    Raises
    ------
    ValueError
        If there is no such segmenter, it does not take box or points, it fails, or what it returns is no mask.
    MissingExtraError
        If a package that it needs is not installed.

    See Also
    --------
    matte_from_mask : From a mask to alpha.

    Examples
    --------
    >>> image = np.zeros((4, 6, 3), np.float32)
    >>> image[:, 3:] = 1
    >>> find_mask(image, lambda image: image[:, :, 0])[0]
    array([0., 0., 0., 1., 1., 1.], dtype=float32)
    """
    image = check_image(image)
    return at_size_of(load_segmenter(segmenter)(image, box=box, points=points), image)


def load_segmenter(segmenter: AnySegmenter, options: Mapping[str, Any] | None = None) -> Segmenter:
    """Return a segmenter by its name, with options; its network is loaded at its first image.

    Parameters
    ----------
    segmenter : str, callable or Segmenter
        As for `find_mask`.
    options : mapping of str, optional
        Options of the segmenter: for ``onnx:FILE`` and ``mediapipe:FILE`` the keys of their TOML file, for others see
        the documentation. The options replace what the file says.

    Returns
    -------
    segmenter : Segmenter
        To call with an image, or to give to `find_mask` and `matte_from_image`.

    Raises
    ------
    ValueError, TypeError
        If there is no such segmenter or option, or a value is wrong.
    FileNotFoundError
        If its file does not exist.
    MissingExtraError
        If a package that it needs is not installed.
    """
    options = dict(options or {})
    if not isinstance(segmenter, str):
        loaded = segmenter if isinstance(segmenter, Segmenter) else _without_name(segmenter)
        _refuse_options(loaded.name, options)
        return loaded
    name = OTHER_NAMES.get(segmenter, segmenter)
    kind_name, separator, argument = name.partition(":")
    kind = KINDS.get(kind_name)
    if kind is None:
        plug_in = _of_function(name, _plug_in(name))
        _refuse_options(name, options)
        return plug_in
    takes_argument = ":" in kind.usage
    if takes_argument != bool(argument) or bool(separator) != takes_argument:
        raise ValueError(f"segmenter is {segmenter!r}, expected {kind.usage}")
    if kind.extra is not None:
        require_extra(kind.extra, *kind.packages)
    return kind.make(name, argument, options)


def register_segmenter(name: str, function: Function, *, summary: str = "") -> None:
    """Register a function as a segmenter by name, for this process.

    An installed package registers its function as an entry point of the group ``hybridmatte.segmenters`` instead; then
    the command line and worker processes know it too. `hybridmatte.testing.check_segmenter` tests a function.

    Parameters
    ----------
    name : str
        Without colon or space. A name that was registered by this function is replaced.
    function : callable
        Takes an image, (H, W, 3) float32 RGB in [0, 1]. Returns a mask, (h, w) float32 in [0, 1], of any size of the
        same aspect ratio. If it has keyword arguments `box` or `points`, it gets those of `find_mask`: box as four
        numbers or None, points as a list of (x, y, label) or None.
    summary : str, optional
        What the segmenter is, in a few words, for `list_segmenters`. Default: the first line of its docstring.

    Raises
    ------
    ValueError
        If the name is not allowed, or belongs to a built-in segmenter or to an installed package.
    TypeError
        If function is not callable.
    """
    if not isinstance(name, str) or not name or ":" in name or name.split() != [name]:
        raise ValueError(f"name is {name!r}, expected a word without colon")
    if name in {*KINDS, *OTHER_NAMES}:
        raise ValueError(f"name is {name!r}, which is a built-in segmenter, expected another one")
    if name in entry_points(group=ENTRY_POINTS).names:
        raise ValueError(f"name is {name!r}, which an installed package registers, expected another one")
    _of_function(name, function)
    _registered[name] = (function, summary)


def list_segmenters() -> list[SegmenterInfo]:
    """Return all segmenters: the built-in kinds, those of installed packages, and those that a script registered.

    The packages' modules are imported, to tell whether they can run.

    Returns
    -------
    segmenters : list of SegmenterInfo
        name, summary, is_available, note.

    Examples
    --------
    >>> [info.name for info in list_segmenters()][:3]
    ['bundled', 'rembg:MODEL', 'onnx:FILE']
    """
    listed = []
    for kind in KINDS.values():
        note = kind.missing()
        available = not note
        if kind is KINDS["onnx"]:
            note = "run by onnxruntime" if has_onnxruntime() else _ONNX_BY_OPENCV
        if kind is KINDS[DEFAULT_SEGMENTER]:
            note = note or "research weights: not with --weights free"
        listed.append(SegmenterInfo(kind.usage, kind.summary, available, note))
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        if point.name in {*KINDS, *OTHER_NAMES}:
            note = f"{_origin(point)}: a built-in segmenter has this name, expected another one"
            listed.append(SegmenterInfo(point.name, "", False, note))
            continue
        try:
            function = _plug_in(point.name)
        except (ValueError, TypeError) as error:
            listed.append(SegmenterInfo(point.name, "", False, str(error)))
        else:
            listed.append(SegmenterInfo(point.name, _first_line(function), True, _origin(point)))
    for name, (function, summary) in _registered.items():
        listed.append(SegmenterInfo(name, summary or _first_line(function), True, "registered by this program"))
    return listed


_ONNX_BY_OPENCV = "run by OpenCV, without onnxruntime; for more networks: pip install 'hybridmatte[onnx]'"


def _plug_in(name: str) -> Function:
    """Return the function that a script or an installed package registered under a name."""
    if name in _registered:
        return _registered[name][0]
    points = tuple(entry_points(group=ENTRY_POINTS, name=name))
    if not points:
        plug_ins = sorted(set(entry_points(group=ENTRY_POINTS).names) - {*KINDS, *OTHER_NAMES})
        raise unknown_segmenter(name, [*(kind.usage for kind in KINDS.values()), *plug_ins, *_registered])
    if len(points) > 1:
        origins = " and ".join(sorted(_origin(point) for point in points))
        raise ValueError(f"segmenter {name} is registered by {origins}, expected by one of them only")
    try:
        function = points[0].load()
    except Exception as error:
        raise ValueError(
            f"segmenter {name} cannot be loaded from {_origin(points[0])}: {reason_of(error)}, expected a function"
        ) from error
    _of_function(name, function)
    return function


def _without_name(segmenter: object) -> Segmenter:
    """Return the segmenter of a function that is not registered."""
    if isinstance(segmenter, os.PathLike):
        raise unknown_segmenter(os.fsdecode(segmenter), [kind.usage for kind in KINDS.values()])
    if not callable(segmenter):
        raise TypeError(f"segmenter is of type {type(segmenter).__name__}, expected a function of an image, or a name")
    return _of_function(_name_of(segmenter), segmenter)


def _of_function(name: str, function: object) -> Segmenter:
    """Return a segmenter; its function's signature tells whether it takes box and points."""
    if not callable(function):
        raise TypeError(f"segmenter {name} is a {type(function).__name__}, expected a function of an image, or a name")
    try:
        parameters = inspect.signature(function).parameters
    except (ValueError, TypeError):  # of some functions written in C
        parameters = {}
    named = {one.name for one in parameters.values() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    return Segmenter(name, function, "box" in named, "points" in named)


def _refuse_options(name: str, options: Mapping[str, Any]) -> None:
    if options:
        raise ValueError(f"options of segmenter {name} are {', '.join(options)}, expected none: it takes no options")


def _name_of(function: object) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _origin(point: EntryPoint) -> str:
    """Return the package of an entry point and where its function is."""
    return f"{point.dist.name} ({point.value})" if point.dist is not None else point.value


def _first_line(function: Function) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


def predict_shrunk(
    image: npt.NDArray[np.float32], side: int, predict: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    """Return the alpha (h, w) predicted for an image, shrunk so that its shorter side is at most `side` pixels."""
    factor = check_integer(side, "side", low=1) / min(image.shape[:2])
    if factor >= 1:
        return predict(image)
    size = [max(round(factor * length), 1) for length in image.shape[1::-1]]
    return predict(cv2.resize(image, size, interpolation=cv2.INTER_AREA).clip(0, 1))
