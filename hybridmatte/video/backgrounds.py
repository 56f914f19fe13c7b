"""What lies behind the frames of a composite: a colour, a picture, or a clip that runs in its own time, in a loop."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image
from hybridmatte.io.exr import is_exr, read_exr
from hybridmatte.io.formats import INPUT_EXTENSIONS, kind_of
from hybridmatte.io.pictures import read_image
from hybridmatte.video.clips import Clip, Frame
from hybridmatte.video.colours import UNSPECIFIED, light_of
from hybridmatte.video.image_sequences import HEAD_BYTES, SequenceClip, is_sequence
from hybridmatte.video.reading import read_clip

__all__ = ["Ground", "ground_of"]

FloatArray = npt.NDArray[np.float32]


class Ground(ABC):
    """A background: a colour (3,) or pictures (h, w, 3) of any size."""

    @abstractmethod
    def numbers_at(self, time: Fraction) -> FloatArray:
        """Return it in [0, 1] at a time in seconds from the beginning; times grow from call to call."""

    @abstractmethod
    def light_at(self, time: Fraction, transfer: int) -> FloatArray:
        """Return its linear light; transfer is that of the clip before it, for numbers that say nothing of theirs."""


class StillGround(Ground):
    """A colour, or a picture with its light if it is an OpenEXR file."""

    def __init__(self, numbers: FloatArray, light: FloatArray | None = None) -> None:
        self._numbers, self._light = numbers, light

    def numbers_at(self, time: Fraction) -> FloatArray:  # noqa: ARG002
        """Return the numbers."""
        return self._numbers

    def light_at(self, time: Fraction, transfer: int) -> FloatArray:  # noqa: ARG002
        """Return the light."""
        return light_of(self._numbers, transfer) if self._light is None else self._light


class MovingGround(Ground):
    """The frames of a clip by their times, from its beginning again after its end."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._round = clip, Fraction(0)
        self._frames: Iterator[Frame] = iter(clip)
        self._frame = next(self._frames)
        self._first = self._frame.time

    def numbers_at(self, time: Fraction) -> FloatArray:
        """Return the numbers of the frame that is shown."""
        return check_image(self._at(time).image)

    def light_at(self, time: Fraction, transfer: int) -> FloatArray:
        """Return the light of the frame that is shown."""
        frame, own = self._at(time), self._clip.tags.transfer
        if frame.light is not None:
            return frame.light
        is_untagged = own == UNSPECIFIED or isinstance(self._clip, SequenceClip)
        return light_of(check_image(frame.image), transfer if is_untagged else own)

    def _at(self, time: Fraction) -> Frame:
        while time >= self._end():
            after = next(self._frames, None)
            if after is None:
                self._round = self._end()
                self._frames = iter(self._clip)
                after = next(self._frames)
            self._frame = after
        return self._frame

    def _end(self) -> Fraction:
        return self._round + self._frame.time - self._first + self._frame.duration


def ground_of(background: str | FloatArray, like: Clip) -> Ground:
    """Return a background for a clip: a colour (3,), or the path of a picture or clip.

    A sequence that does not say its rate has that of the clip.
    """
    if not isinstance(background, str):
        return StillGround(background)
    if is_sequence(background):
        behind = read_clip(background)
        has_rate = isinstance(behind, SequenceClip) and behind.has_rate
        return MovingGround(behind if has_rate else read_clip(background, rate=like.rate))
    if not _is_still(background):
        return MovingGround(read_clip(background))
    return StillGround(read_image(background), read_exr(background).colour if is_exr(background) else None)


def _is_still(path: str) -> bool:
    """Return whether a file is a picture, by its first bytes, or named as one."""
    with open(path, "rb") as file:
        is_known = kind_of(file.read(HEAD_BYTES)) is not None
    return is_known or os.path.splitext(path)[1].lower() in INPUT_EXTENSIONS
