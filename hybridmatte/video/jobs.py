"""One clip from files to a file: frames, hints, alphas, and what is written of them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import FULL_SCALE, check_image
from hybridmatte.correction.matting import Quality
from hybridmatte.correction.weights import RESEARCH, WeightsKind
from hybridmatte.foreground import Fit, composite, estimate_foreground
from hybridmatte.io.masks import read_mask
from hybridmatte.io.pictures import grey_plane, read_image, read_trimap
from hybridmatte.linear_light import fitted_light, foreground_light, over_light
from hybridmatte.video.clips import Clip, Frame
from hybridmatte.video.colours import light_of
from hybridmatte.video.hints import is_trimap
from hybridmatte.video.image_sequences import find_files, is_sequence
from hybridmatte.video.points import Point
from hybridmatte.video.reading import read_clip
from hybridmatte.video.resuming import Parts
from hybridmatte.video.sequence import matte_sequence
from hybridmatte.video.writing import colour_for, open_writer

__all__ = ["Look", "Source", "run_clip"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """The clip and what tells its object: masks or trimaps of each frame, or of key frames, or a segmenter."""

    path: str
    masks: str | None = None
    trimaps: str | None = None
    keys: dict[int, str] | None = None
    segmenter: str | None = None
    start: Point = None
    end: Point = None
    rate: float | None = None


@dataclass(frozen=True)
class Look:
    """What is written: alpha alone, a cut-out, or a composite over a colour, a picture or a clip."""

    is_alpha: bool = False
    background: str | FloatArray | None = None
    fit: Fit = "cover"
    is_linear: bool = False
    premultiplied: bool = False
    codec: str | None = None
    bits: int = 8
    sound: bool = True


def run_clip(
    source: Source,
    output: str,
    look: Look,
    *,
    quality: Quality = "best",
    weights: WeightsKind = RESEARCH,
    resume: bool = False,
    force: bool = False,
    on_begin: Callable[[int, int, str], object] = lambda *_: None,
    on_frame: Callable[[], object] = lambda: None,
) -> int:
    """Write the cut-out, composite or alpha of a clip; return the number of frames.

    Finished alphas lie in ``OUTPUT.parts`` until the output is whole. on_begin gets the number of frames, how many of
    them are finished already, and the folder of the parts; on_frame is called for each frame that is written.
    """
    clip = read_clip(source.path, start=source.start, end=source.end, rate=source.rate)
    has_alpha = not look.is_alpha and look.background is None
    options: dict[str, Any] = {"has_alpha": has_alpha, "premultiplied": look.premultiplied, "sound": look.sound}
    behind = _backgrounds(look)
    hints = _Hints(source, clip)
    with open_writer(output, clip, codec=look.codec, bits=look.bits, is_plane=look.is_alpha, **options) as writer:
        job = _job(source, clip, quality, weights)
        parts = Parts(output, job, resume=resume, force=force)
        on_begin(len(clip), parts.n_done, str(parts.folder))
        alphas = matte_sequence(hints.frames(), **hints.given(), quality=quality, weights=weights, store=parts)
        count = 0
        for frame, alpha in zip(clip, alphas, strict=False):
            colour, is_light = _look_of(frame, alpha, look, clip, behind)
            ready = (
                colour if look.is_alpha else colour_for(writer, colour, is_light=is_light, transfer=clip.tags.transfer)
            )
            writer.write(ready, alpha if has_alpha else None, frame.number, frame.time, frame.duration)
            count += 1
            on_frame()
    parts.remove()
    return count


def _job(source: Source, clip: Clip, quality: str, weights: str) -> dict[str, Any]:
    """Return what alphas depend on, to compare with that of an interrupted run."""
    keys = {str(number): [path, *_stamp(path)] for number, path in (source.keys or {}).items()}
    planes = source.masks or source.trimaps
    return {
        "clip": os.path.abspath(source.path),
        "clip's size and date": _stamp(source.path),
        "frames": [clip.numbers.start, clip.numbers.stop],
        "masks": source.masks,
        "trimaps": source.trimaps,
        "sizes and dates of masks or trimaps": None if planes is None else _stamp(planes),
        "keys": keys,
        "segmenter": source.segmenter,
        "quality": quality,
        "weights": weights,
    }


def _stamp(path: str) -> list[int]:
    """Return the number of files, their size in bytes and the date of the latest in nanoseconds."""
    files = [os.stat(file) for file in ([path] if os.path.isfile(path) else find_files(path, "clip").paths)]
    return [len(files), sum(file.st_size for file in files), max(file.st_mtime_ns for file in files)]


def _key_plane(path: str) -> FloatArray:
    """Return the trimap or mask of a key frame; only a mask may be a map of labels."""
    plane = read_trimap(path)
    return plane if is_trimap(plane) else read_mask(path)


class _Hints:
    """The arguments of `matte_sequence`: frames, and planes that follow the frames that could be decoded."""

    def __init__(self, source: Source, clip: Clip) -> None:
        self._source, self._clip = source, clip
        self._pending: deque[int] = deque()
        given = source.masks or source.trimaps
        self._planes = None if given is None else _Planes(given, "masks" if source.masks else "trimaps", clip)
        for number in source.keys or {}:
            if number not in clip.numbers:
                first, last = clip.numbers.start, clip.numbers.stop - 1
                raise ValueError(f"--key {number} is no frame that is used, expected one of {first} to {last}")
        self._keys = {
            number - clip.numbers.start: _key_plane(path) for number, path in sorted((source.keys or {}).items())
        }

    def frames(self) -> Iterator[npt.NDArray[Any]]:
        """Yield the images of the clip."""
        for k, frame in enumerate(self._clip):
            if self._keys and frame.number - self._clip.numbers.start != k:
                raise ValueError(
                    f"clip {self._clip.path} lacks frame {self._clip.numbers.start + k}, expected it for --key"
                )
            self._pending.append(frame.number)
            yield frame.image

    def given(self) -> dict[str, Any]:
        """Return the argument that tells the object."""
        if self._keys:
            return {"keys": self._keys}
        if self._planes is None:
            return {"masks": self._source.segmenter}
        return {"masks" if self._source.masks else "trimaps": self._followed(self._planes)}

    def _followed(self, planes: _Planes) -> Iterator[FloatArray]:
        while self._pending:
            yield planes.at(self._pending.popleft() - self._clip.numbers.start)


class _Planes:
    """Masks or trimaps of all frames: files of a folder or pattern, or the frames of a video."""

    def __init__(self, path: str, name: str, clip: Clip) -> None:
        self._name, self._files, self._frames, self._at = name, None, None, -1
        if is_sequence(path):
            self._files = find_files(path, f"--{name}").paths
            count = len(self._files)
        else:
            found = read_clip(path)
            self._frames, count = iter(found), len(found)
        self._skip = clip.numbers.start if count != len(clip) and count >= clip.numbers.stop else 0
        if (
            count < len(clip)
            or count != len(clip)
            and not self._skip
            and clip.numbers.start == 0
            and count < clip.numbers.stop
        ):
            raise ValueError(f"--{name} {path} has {count} pictures, expected {len(clip)}, one for each frame")

    def at(self, k: int) -> FloatArray:
        """Return the plane of the k-th frame that is used."""
        k += self._skip
        if self._files is not None:
            return (read_mask if self._name == "masks" else read_trimap)(self._files[k])
        frame: Frame | None = None
        while self._at < k and self._frames is not None:
            frame, self._at = next(self._frames, None), self._at + 1
        if frame is None:
            raise ValueError(f"--{self._name} ends before frame {k}, expected one for each frame")
        if frame.alpha is not None:
            return (frame.alpha / np.float32(FULL_SCALE.get(frame.alpha.dtype, 1))).astype(np.float32)
        image = check_image(frame.image)
        return image.mean(axis=2) if np.ptp(image, axis=2).mean() < 0.02 else grey_plane(image, f"--{self._name}")


def _backgrounds(look: Look) -> Iterator[FloatArray] | FloatArray | None:
    """Return the colour or picture behind all frames, or an iterator of one for each."""
    if not isinstance(look.background, str):
        return look.background
    if is_sequence(look.background) or os.path.splitext(look.background)[1].lower() in VIDEO_NAMES:
        return _repeated(look.background)
    return read_image(look.background)


VIDEO_NAMES = {".mov", ".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mts", ".mxf", ".ts"}


def _repeated(path: str) -> Iterator[FloatArray]:
    """Yield the frames of a clip, again from the beginning after its end."""
    clip: Sequence[Frame] | Clip = read_clip(path)
    while True:
        for frame in clip:
            yield check_image(frame.image)


def _look_of(frame: Frame, alpha: FloatArray, look: Look, clip: Clip, behind: Any) -> tuple[FloatArray, bool]:
    """Return the colours to write, and whether they are light."""
    if look.is_alpha:
        return np.repeat(alpha[:, :, None], 3, axis=2), False
    if frame.light is None and not look.is_linear:
        image = check_image(frame.image)
        colour = estimate_foreground(image, alpha)
        if behind is None:
            return colour, False
        ground = next(behind) if isinstance(behind, Iterator) else behind
        return composite(colour, alpha, ground, fit=look.fit), False
    transfer = clip.tags.transfer
    light = light_of(check_image(frame.image), transfer) if frame.light is None else frame.light
    colour = foreground_light(light, alpha)
    if behind is not None:
        ground = light_of(next(behind) if isinstance(behind, Iterator) else behind, transfer)
        colour = over_light(colour, alpha, fitted_light(ground, alpha.shape, look.fit))
    return colour, True
