"""Masks and trimaps of a clip's frames as files: a folder or pattern of pictures, or a video."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import FULL_SCALE, check_aspect, check_image
from hybridmatte.io.masks import read_mask, read_mask_size
from hybridmatte.io.pictures import grey_plane, read_size, read_trimap
from hybridmatte.video.clips import Clip, Frame
from hybridmatte.video.hints import is_trimap
from hybridmatte.video.image_sequences import find_files, is_picture, is_sequence
from hybridmatte.video.reading import read_clip

__all__ = ["HintFiles", "key_plane"]

FloatArray = npt.NDArray[np.float32]
GREY_SPREAD = 0.02  # mean difference of the channels of a frame that is grey but for its compression


class HintFiles:
    """One mask or trimap for each frame of a clip that is used.

    Parameters
    ----------
    path : str
        Pictures or a video: one for each frame that is used, or one for each frame of the whole clip.
    name : {"masks", "trimaps"}
    clip : Clip
    """

    def __init__(self, path: str, name: str, clip: Clip) -> None:
        self._option, self._is_mask, self._clip = f"--{name}", name == "masks", clip
        self._files: list[Path] | None = None
        self._video: Clip | None = None
        if is_sequence(path) or is_picture(path):
            self._files = find_files(path, self._option).paths
            count = len(self._files)
        elif not os.path.exists(path):
            raise FileNotFoundError(f"{self._option} {path} does not exist, expected a folder, a pattern or a video")
        else:
            self._video = read_clip(path)
            self._frames, count = iter(self._video), len(self._video)
        used, whole = len(clip), len(clip.whole)
        if count not in (used, whole):
            of_all = f", or {whole}, one for each frame of the clip" if whole != used else ""
            raise ValueError(
                f"{self._option} {path} has {count} pictures, expected {used}, one for each frame that is used{of_all}"
            )
        self._skip = 0 if count == used else clip.numbers.start - clip.whole.start

    @property
    def files(self) -> list[Path] | None:
        """The pictures of the frames that are used, in order; None for a video."""
        if self._files is None:
            return None
        return self._files[self._skip : self._skip + len(self._clip)]

    def check_sizes(self) -> None:
        """Refuse pictures of another size than the frames, by their headers, before any work."""
        if self._video is not None:
            self._check(self._video.shape, f"{self._option} {self._video.path}")
            self._video.check_sizes()
        for path in self.files or ():
            self._check((read_mask_size if self._is_mask else read_size)(path), f"{self._option} {path}")

    def _check(self, shape: tuple[int, int], label: str) -> None:
        """Refuse a size; a picture may be stored turned."""
        height, width = self._clip.shape
        if self._is_mask:
            check_aspect(sorted_like(shape, self._clip.shape), label, self._clip.shape)
        elif sorted(shape) != sorted(self._clip.shape):
            raise ValueError(f"{label} is {shape[1]} x {shape[0]}, expected {width} x {height}, the size of the frames")

    def at(self, k: int) -> FloatArray:
        """Return the plane of the k-th frame that is used; k grows from call to call."""
        if self._files is not None:
            return (read_mask if self._is_mask else read_trimap)(self._files[k + self._skip])
        wanted = k + self._skip
        frame: Frame | None = next((frame for frame in self._frames if frame.number >= wanted), None)
        if frame is None or frame.number > wanted:
            number = k + self._clip.numbers.start
            raise ValueError(f"{self._option} lacks the frame for frame {number}, expected one for each frame")
        if frame.alpha is not None:
            return (frame.alpha / np.float32(FULL_SCALE.get(frame.alpha.dtype, 1))).astype(np.float32)
        image = check_image(frame.image)
        is_grey = np.ptp(image, axis=2).mean() < GREY_SPREAD
        return image.mean(axis=2) if is_grey else grey_plane(image, self._option)


def sorted_like(shape: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Return a height and width, exchanged if only so the longer side is that of another shape."""
    h, w = shape
    return (w, h) if (h < w) != (other[0] < other[1]) and h != w else shape


def key_plane(number: int, path: str) -> FloatArray:
    """Return the trimap or mask of a key frame; only a mask may be a map of labels."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f"--key {number}={path} is no file, expected a trimap or a mask")
    plane = read_trimap(path)
    return plane if is_trimap(plane) else read_mask(path)
