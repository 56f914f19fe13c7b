"""The hint of each frame, from what the caller gave: one for each frame, key frames, or a segmenter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy.typing as npt

from hybridmatte.automatic.finding import Segmenter
from hybridmatte.automatic.registry import DEFAULT_SEGMENTER, load_segmenter, refuse_bundled
from hybridmatte.video.flow import Frame
from hybridmatte.video.hints import FoundMask, GivenMask, GivenTrimap, Hint, Settings, hint_of_key

__all__ = ["HintSource", "hints_of"]

END: Any = object()


class HintSource(NamedTuple):
    """What makes the hint of each frame, by its number and image, and what is called with their number at the end.

    keys are the key frames in order, or None if every frame has a hint.
    """

    of_frame: Callable[[int, Frame], Hint | None]
    finish: Callable[[int], object]
    keys: list[int] | None = None


def hints_of(trimaps: Any, masks: Any, keys: Any, settings: Settings) -> HintSource:
    """Return the source of the hints."""
    if trimaps is not None:
        return _one_each(trimaps, "trimaps", partial(_with, GivenTrimap, settings))
    if keys is not None:
        return _by_key(keys, settings)
    if masks is None or isinstance(masks, str | Segmenter) or callable(masks):
        segmenter = load_segmenter(DEFAULT_SEGMENTER if masks is None else masks)
        refuse_bundled(segmenter, settings.weights)
        return HintSource(lambda _, image: FoundMask(image, segmenter, settings), lambda _: None)
    return _one_each(masks, "masks", partial(_with, GivenMask, settings))


def _with(kind: Callable[..., Hint], settings: Settings, image: Frame, plane: npt.ArrayLike) -> Hint:
    return kind(image, plane, settings)


def _one_each(planes: Iterable[npt.ArrayLike], name: str, make: Callable[[Frame, npt.ArrayLike], Hint]) -> HintSource:
    """Return hints of an iterable with one plane for each frame."""
    if not isinstance(planes, Iterable):
        raise TypeError(f"{name} is of type {type(planes).__name__}, expected an iterable of arrays, one a frame")
    rest = iter(planes)

    def of_frame(index: int, image: Frame) -> Hint:
        plane = next(rest, END)
        if plane is END:
            raise ValueError(f"{name} ends after {index}, expected one for each frame: the frames go on")
        return make(image, plane)

    def finish(count: int) -> None:
        if next(rest, END) is not END:
            raise ValueError(f"{name} goes on after the last of {count} frames, expected one for each frame")

    return HintSource(of_frame, finish)


def _by_key(keys: Mapping[int, npt.ArrayLike], settings: Settings) -> HintSource:
    """Return hints of key frames."""
    if not isinstance(keys, Mapping):
        raise TypeError(f"keys is of type {type(keys).__name__}, expected a mapping from frame numbers to arrays")
    if not keys:
        raise ValueError("keys is empty, expected at least one key frame")
    for index in keys:
        if isinstance(index, bool) or not isinstance(index, Integral) or index < 0:
            raise ValueError(f"keys has the frame {index!r}, expected integers of at least 0")

    def of_frame(index: int, image: Frame) -> Hint | None:
        return hint_of_key(image, keys[index], settings) if index in keys else None

    def finish(count: int) -> None:
        outside = sorted(index for index in keys if index >= count)
        if outside:
            raise ValueError(f"keys has frame {outside[0]}, expected frames of the clip, which has {count}")

    return HintSource(of_frame, finish, sorted(int(index) for index in keys))
