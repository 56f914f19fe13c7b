"""One clip from files to a file: frames, hints, alphas, and what is written of them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_aspect, check_image
from hybridmatte.automatic.identity import identity_of, stamp_of
from hybridmatte.automatic.registry import DEFAULT_SEGMENTER
from hybridmatte.correction.matting import Quality
from hybridmatte.correction.weights import RESEARCH, WeightsKind
from hybridmatte.foreground import Fit, composite, estimate_foreground
from hybridmatte.linear_light import fitted_light, foreground_light, over_light
from hybridmatte.video.backgrounds import Ground, ground_of
from hybridmatte.video.clips import Clip, Frame
from hybridmatte.video.colours import light_of
from hybridmatte.video.hint_files import HintFiles, key_plane
from hybridmatte.video.hint_sources import hints_of
from hybridmatte.video.hints import Settings as SolverSettings
from hybridmatte.video.hints import is_trimap
from hybridmatte.video.image_sequences import SequenceClip, find_files, is_sequence, names_sequence
from hybridmatte.video.points import Point
from hybridmatte.video.reading import read_clip
from hybridmatte.video.resuming import Parts, parts_folder
from hybridmatte.video.sequence import matted_frames
from hybridmatte.video.writing import Writer, colour_for, files_of, keeps_profile, open_writer

__all__ = ["Begun", "Look", "Settings", "Source", "is_finished", "run_clip"]

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


@dataclass(frozen=True)
class Settings:
    """The options of `matte_sequence`."""

    quality: Quality = "best"
    weights: WeightsKind = RESEARCH
    smoothing: int = 2
    window: int = 16


class Begun(NamedTuple):
    """What is known before the first frame is solved: how many there are, how many are finished, and their folder."""

    clip: Clip
    parts: Parts
    n_done: int


def run_clip(
    source: Source,
    output: str,
    look: Look,
    settings: Settings,
    *,
    resume: bool = False,
    force: bool = False,
    on_begin: Callable[[Begun], object] = lambda _: None,
    on_frame: Callable[[], object] = lambda: None,
) -> int:
    """Write the cut-out, composite or alpha of a clip; return the number of frames.

    What can be refused is refused before the first frame is solved. Finished alphas lie in ``OUTPUT.parts`` until the
    output is whole. on_begin is called once; on_frame is called for each frame that is written.
    """
    clip = read_clip(source.path, start=source.start, end=source.end, rate=source.rate)
    has_alpha = not look.is_alpha and look.background is None
    if not keeps_profile(output):
        clip.profile = None
    _refuse_outputs(source, output, look, clip, force=force or resume)
    hints = _Hints(source, clip)
    clip.check_sizes()
    hints.check_sizes()
    ground = None if look.background is None else ground_of(look.background, clip)
    options: dict[str, Any] = {"has_alpha": has_alpha, "premultiplied": look.premultiplied, "sound": look.sound}
    with open_writer(output, clip, codec=look.codec, bits=look.bits, is_plane=look.is_alpha, **options) as writer:
        job, files = _record(source, clip, hints, settings)
        parts = Parts(output, job, files, resume=resume, force=force)
        try:
            on_begin(Begun(clip, parts, parts.n_done))
            count = _write(writer, clip, _alphas(hints, settings, parts), look, ground, on_frame)
        except BaseException:
            if parts.n_done == 0:
                parts.remove()
            parts.close()
            raise
    parts.remove()
    return count


def _alphas(hints: _Hints, settings: Settings, parts: Parts) -> Iterator[FloatArray]:
    """Return the alphas of the frames; warnings and errors name frames by their numbers in the clip."""
    chosen = SolverSettings(settings.quality, settings.weights)
    waits: dict[str, Any] = {"smoothing": settings.smoothing, "window": settings.window}
    source = hints_of(**hints.given(), settings=chosen)
    mattes = matted_frames(hints.frames(), source, chosen, **waits, store=parts, number_of=hints.number_of)
    return (matte.alpha for matte in mattes)


def is_finished(source: Source, output: str) -> bool:
    """Return whether all files of an output are there, and no parts of an interrupted run."""
    if parts_folder(output).is_dir():
        return False
    if not names_sequence(output):
        return os.path.isfile(output)
    clip = read_clip(source.path, start=source.start, end=source.end, rate=source.rate)
    return all(path.is_file() for path in files_of(output, clip))


def _write(
    writer: Writer,
    clip: Clip,
    alphas: Iterator[FloatArray],
    look: Look,
    ground: Ground | None,
    on_frame: Callable[[], object],
) -> int:
    """Write all frames; return their number."""
    count, transfer, has_alpha = 0, clip.tags.transfer, not look.is_alpha and ground is None
    for frame, alpha in zip(clip, alphas, strict=True):
        colour, is_light = _look_of(frame, alpha, look, clip, ground)
        ready = colour if look.is_alpha else colour_for(writer, colour, is_light=is_light, transfer=transfer)
        writer.write(ready, alpha if has_alpha else None, frame.number, frame.time, frame.duration)
        count += 1
        on_frame()
    return count


def _refuse_outputs(source: Source, output: str, look: Look, clip: Clip, *, force: bool) -> None:
    """Refuse outputs that are inputs, and, unless force is given, pictures that exist."""
    hints = {"--masks": source.masks, "--trimaps": source.trimaps, "--background": look.background}
    given = {"clip": source.path, **hints, **{f"--key {number}=": path for number, path in (source.keys or {}).items()}}
    inputs = [path for name, text in given.items() if isinstance(text, str) for path in _files(text, name)]
    read = {os.path.realpath(path) for path in inputs}
    is_many = names_sequence(output)
    outputs = files_of(output, clip) if is_many else [Path(output)]
    for name, text in given.items():
        if is_many and isinstance(text, str) and os.path.isdir(text) and os.path.samefile(text, outputs[0].parent):
            raise ValueError(f"output {output} lies among the pictures of {name} {text}, expected another folder")
    for path in outputs:
        if os.path.realpath(path) in read:
            raise ValueError(f"output {path} is also an input, expected another")
    existing = [path for path in outputs if path.exists()] if is_many else []
    if existing and not force:
        raise FileExistsError(
            f"output {output} has {len(existing)} of {len(outputs)} pictures already, such as {existing[0]}, expected "
            "another name, or --force to overwrite them"
        )


def _files(text: str, name: str = "input") -> list[Path]:
    """Return the files of a clip or of pictures; none for a text that names none."""
    if not is_sequence(text):
        return [Path(text)] if os.path.isfile(text) else []
    return find_files(text, name).paths


def _record(
    source: Source, clip: Clip, hints: _Hints, settings: Settings
) -> tuple[dict[str, Any], list[list[list[int]]]]:
    """Return what alphas depend on: that of all frames, and for each frame its own files, if it has some.

    With key frames, an alpha also depends on the next one and the frames up to it, less than `window` frames later. So
    a file counts for the first frame that depends on it. Smoothing comes after the alphas that are kept.
    """
    given = {"clip": source.path, "masks": source.masks, "trimaps": source.trimaps}
    own_files = {"clip": clip.files if isinstance(clip, SequenceClip) else None}
    own_files["masks" if source.masks else "trimaps"] = hints.files
    shared = {name: path for name, path in given.items() if path and not own_files.get(name)}
    finds = not (source.masks or source.trimaps or source.keys)
    job = {
        **{name: path and os.path.abspath(path) for name, path in given.items()},
        **{f"size and date of {name}": [stamp_of(file) for file in _files(path)] for name, path in shared.items()},
        "frames": [clip.numbers.start, clip.numbers.stop],
        "key frames": bool(source.keys),
        "quality": settings.quality,
        "weights": settings.weights,
        "window": settings.window,
        **identity_of(
            (source.segmenter or DEFAULT_SEGMENTER) if finds else None,
            settings.weights,
            has_correction=settings.quality == "best",
            has_masks=not source.trimaps,
        ),
    }
    reach = settings.window - 1 if source.keys else 0
    own: list[list[list[int]]] = [[] for _ in clip.numbers]
    for k, path in ((k, path) for paths in own_files.values() for k, path in enumerate(paths or ())):
        own[max(k - reach, 0)].append(stamp_of(path))
    for number, name in sorted((source.keys or {}).items()):
        own[max(number - clip.numbers.start - reach, 0)].append([number, *stamp_of(name)])
    return job, own


class _Hints:
    """The arguments of `matte_sequence`: frames, and planes that follow the frames that could be decoded."""

    def __init__(self, source: Source, clip: Clip) -> None:
        self._source, self._clip = source, clip
        self._pending: deque[int] = deque()
        self._numbers: list[int] = []
        given = source.masks or source.trimaps
        self._planes = None if given is None else HintFiles(given, "masks" if source.masks else "trimaps", clip)
        for number in source.keys or {}:
            if number not in clip.numbers:
                first, last = clip.numbers.start, clip.numbers.stop - 1
                raise ValueError(f"--key {number} is no frame that is used, expected one of {first} to {last}")
        self._keys = {
            number - clip.numbers.start: key_plane(number, path) for number, path in sorted((source.keys or {}).items())
        }

    @property
    def files(self) -> list[Path] | None:
        """The pictures of the frames, in order, if there is one for each."""
        return None if self._planes is None else self._planes.files

    def check_sizes(self) -> None:
        """Refuse masks and trimaps of another size than the frames."""
        if self._planes is not None:
            self._planes.check_sizes()
        for index, plane in self._keys.items():
            self._check_key(index + self._clip.numbers.start, plane)

    def _check_key(self, number: int, plane: FloatArray) -> None:
        label = f"--key {number}={(self._source.keys or {})[number]}"
        if not is_trimap(plane):
            check_aspect((plane.shape[0], plane.shape[1]), label, self._clip.shape)
        elif plane.shape != self._clip.shape:
            (h, w), (height, width) = plane.shape, self._clip.shape
            raise ValueError(f"{label} is {w} x {h}, expected {width} x {height}, the size of the frames")

    def frames(self) -> Iterator[npt.NDArray[Any]]:
        """Yield the images of the clip."""
        for k, frame in enumerate(self._clip):
            if self._keys and frame.number - self._clip.numbers.start != k:
                raise ValueError(
                    f"clip {self._clip.path} lacks frame {self._clip.numbers.start + k}, expected it for --key"
                )
            if self._planes is not None:
                self._pending.append(frame.number)
            self._numbers.append(frame.number)
            yield frame.image

    def number_of(self, index: int) -> int:
        """Return the number in the clip of a frame that was yielded; frames that cannot be decoded are left out."""
        return self._numbers[index]

    def given(self) -> dict[str, Any]:
        """Return the arguments of `matte_sequence` that tell the object, of which one is given."""
        nothing = dict.fromkeys(("trimaps", "masks", "keys"))
        if self._keys:
            return {**nothing, "keys": self._keys}
        if self._planes is None:
            return {**nothing, "masks": self._source.segmenter}
        return {**nothing, "masks" if self._source.masks else "trimaps": self._followed(self._planes)}

    def _followed(self, planes: HintFiles) -> Iterator[FloatArray]:
        while self._pending:
            yield planes.at(self._pending.popleft() - self._clip.numbers.start)


def _look_of(frame: Frame, alpha: FloatArray, look: Look, clip: Clip, ground: Ground | None) -> tuple[FloatArray, bool]:
    """Return the colours to write, and whether they are light."""
    if look.is_alpha:
        return np.repeat(alpha[:, :, None], 3, axis=2), False
    time = frame.time - clip.span[0] + frame.duration / 2
    if frame.light is None and not look.is_linear:
        image = check_image(frame.image)
        colour = estimate_foreground(image, alpha)
        if ground is None:
            return colour, False
        return composite(colour, alpha, ground.numbers_at(time), fit=look.fit), False
    transfer = clip.tags.transfer
    light = light_of(check_image(frame.image), transfer) if frame.light is None else frame.light
    colour = foreground_light(light, alpha)
    if ground is not None:
        behind = fitted_light(ground.light_at(time), alpha.shape, look.fit)
        colour = over_light(colour, alpha, behind)
    return colour, True
