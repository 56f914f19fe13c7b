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
from hybridmatte.io.pictures import read_image, read_profile
from hybridmatte.io.profiles import convert_colours
from hybridmatte.video.clips import Clip, Frame
from hybridmatte.video.colours import HLG, PQ, SCREEN, UNSPECIFIED, light_of, numbers_of
from hybridmatte.video.image_sequences import HEAD_BYTES, SequenceClip, is_sequence
from hybridmatte.video.reading import read_clip

__all__ = ["Ground", "ground_of"]

FloatArray = npt.NDArray[np.float32]
HDR = {PQ, HLG}


class Ground(ABC):
    """A background: a colour (3,) or pictures (h, w, 3) of any size, for a clip with a transfer function."""

    def __init__(self, transfer: int) -> None:
        self._transfer = transfer

    @abstractmethod
    def numbers_at(self, time: Fraction) -> FloatArray:
        """Return it as numbers of the clip at a time in seconds from the beginning; times grow from call to call."""

    @abstractmethod
    def light_at(self, time: Fraction) -> FloatArray:
        """Return its linear light."""

    def _numbers(self, numbers: FloatArray, own: int) -> FloatArray:
        """Return numbers of a transfer function as those of the clip; those of screens count as equal."""
        if own == self._transfer or not {own, self._transfer} & HDR:
            return numbers
        return numbers_of(light_of(numbers, own), self._transfer)

    def _untagged(self) -> int:
        """Return the transfer function of numbers that do not say theirs: that of the clip, but for PQ and HLG."""
        return SCREEN.transfer if self._transfer in HDR else self._transfer


class StillGround(Ground):
    """A colour, or a picture with its light if it is an OpenEXR file."""

    def __init__(self, transfer: int, numbers: FloatArray, light: FloatArray | None = None) -> None:
        super().__init__(transfer)
        self._picture, self._light = numbers, light

    def numbers_at(self, time: Fraction) -> FloatArray:  # noqa: ARG002
        """Return the numbers."""
        return self._numbers(self._picture, self._untagged())

    def light_at(self, time: Fraction) -> FloatArray:  # noqa: ARG002
        """Return the light."""
        return light_of(self._picture, self._untagged()) if self._light is None else self._light


class MovingGround(Ground):
    """The frames of a clip by their times, from its beginning again after its end."""

    def __init__(self, transfer: int, clip: Clip) -> None:
        super().__init__(transfer)
        self._clip, self._round = clip, Fraction(0)
        is_untagged = clip.tags.transfer == UNSPECIFIED or isinstance(clip, SequenceClip)
        self._own = self._untagged() if is_untagged else clip.tags.transfer
        self._frames: Iterator[Frame] = iter(clip)
        self._frame = next(self._frames)
        self._first = self._frame.time

    def numbers_at(self, time: Fraction) -> FloatArray:
        """Return the numbers of the frame that is shown."""
        return self._numbers(check_image(self._at(time).image), self._own)

    def light_at(self, time: Fraction) -> FloatArray:
        """Return the light of the frame that is shown."""
        frame = self._at(time)
        return light_of(check_image(frame.image), self._own) if frame.light is None else frame.light

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
    transfer = like.tags.transfer
    name = f"background {background} or clip {like.path}"
    if not isinstance(background, str):
        return StillGround(transfer, convert_colours(background, None, like.profile, name))
    if is_sequence(background):
        behind = read_clip(background)
        if isinstance(behind, SequenceClip) and not behind.has_rate:
            behind = read_clip(background, rate=like.rate)
        behind.profile = like.profile
        return MovingGround(transfer, behind)
    if not _is_still(background):
        return MovingGround(transfer, read_clip(background))
    light = read_exr(background).colour if is_exr(background) else None
    image = convert_colours(read_image(background), read_profile(background), like.profile, name)
    return StillGround(transfer, image, light)


def _is_still(path: str) -> bool:
    """Return whether a file is a picture, by its first bytes, or named as one."""
    with open(path, "rb") as file:
        is_known = kind_of(file.read(HEAD_BYTES)) is not None
    return is_known or os.path.splitext(path)[1].lower() in INPUT_EXTENSIONS
