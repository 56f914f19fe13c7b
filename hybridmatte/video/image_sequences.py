"""Image sequences: numbered files by a pattern, a glob, a folder or a range, with missing numbers named."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import FULL_SCALE, check_image, check_plane
from hybridmatte.io._codec import decode
from hybridmatte.io._exr_header import ExrHeader
from hybridmatte.io.formats import INPUT_EXTENSIONS, kind_of
from hybridmatte.io.pictures import open_header, open_source, read_profile, read_size, rgb_profile
from hybridmatte.io.profiles import convert_colours
from hybridmatte.video.clips import Clip, Frame, straight
from hybridmatte.video.colours import SCREEN, primaries_of
from hybridmatte.video.points import Point, chosen_range

__all__ = [
    "DEFAULT_RATE",
    "HEAD_BYTES",
    "NumberedFiles",
    "SequenceClip",
    "find_files",
    "is_picture",
    "is_sequence",
    "named_by",
    "names_sequence",
]

DEFAULT_RATE = Fraction(24)
PLACE = re.compile(r"(?:(?P<first>\d+)-(?P<last>\d+))?(?:%0?(?P<width>\d*)d|(?P<marks>#+))")
LAST_NUMBER = re.compile(r"(\d+)(?!.*\d)")
N_NAMED = 5  # missing numbers in a message
EXTENSIONS = INPUT_EXTENSIONS | {".npy"}
ANIMATIONS = {"PNG", "GIF", "WEBP", "AVIF"}  # formats that may hold one; FFmpeg reads its frames
HEAD_BYTES = 256  # which tell the format


class NumberedFiles(NamedTuple):
    """The files of a sequence in order, and the number of the first; the numbers have no gap."""

    paths: list[Path]
    first: int


def is_sequence(text: str) -> bool:
    """Return whether a text names a sequence: a folder, a glob, or a pattern with %04d or ####, and no file."""
    return not os.path.isfile(text) and (glob.has_magic(text) or names_sequence(text))


def is_picture(text: str) -> bool:
    """Return whether a text names one picture: a file that `hybridmatte.read_image` reads, and no animation."""
    path = Path(text)
    if path.suffix.lower() not in INPUT_EXTENSIONS or not path.is_file():
        return False
    with path.open("rb") as file:
        kind = kind_of(file.read(HEAD_BYTES))
    return kind is not None and (kind not in ANIMATIONS or open_header(path, "clip")[1].n_pages == 1)


def names_sequence(text: str) -> bool:
    """Return whether a text names an image sequence to write: a folder, or a pattern with %04d or ####."""
    has_place = _place_in(Path(text).name) is not None
    return os.path.isdir(text) or has_place and Path(text).suffix.lower() in EXTENSIONS


def named_by(pattern: str, number: int) -> Path:
    """Return the name of a file of a pattern with %04d or ####."""
    path = Path(pattern)
    found = _place_in(path.name)
    if found is None:
        return path
    return path.with_name(path.name[: found.start()] + str(number).zfill(_width(found)) + path.name[found.end() :])


def find_files(text: str, name: str) -> NumberedFiles:
    """Return the files of a sequence; refuse one that has none, or misses numbers, which the message names."""
    path = Path(text)
    found = _place_in(path.name)
    if os.path.isfile(text):
        numbered = _by_number([path], text, name)
    elif os.path.isdir(text):
        entries = [p for p in path.iterdir() if p.suffix.lower() in EXTENSIONS and not p.name.startswith(".")]
        numbered = _by_number(sorted(entries, key=_natural), text, name)
    elif found is not None:
        before, after = path.name[: found.start()], path.name[found.end() :]
        rule = re.compile(f"{re.escape(before)}(\\d{{{max(_width(found), 1)},}}){re.escape(after)}")
        parent = path.parent
        matches = [(rule.fullmatch(p.name), p) for p in parent.iterdir()] if parent.is_dir() else []
        numbered = {int(match[1]): p for match, p in matches if match}
        if found["first"] is not None:
            wanted = range(int(found["first"]), int(found["last"]) + 1)
            numbered = {number: p for number, p in numbered.items() if number in wanted}
            _refuse_gaps(numbered, wanted, text, name)
    else:
        numbered = _by_number(sorted(map(Path, glob.glob(text)), key=_natural), text, name)
    if not numbered:
        raise FileNotFoundError(f"{name} {text} has no pictures, expected numbered ones such as seq.0001.png")
    numbers = sorted(numbered)
    _refuse_gaps(numbered, range(numbers[0], numbers[-1] + 1), text, name)
    return NumberedFiles([numbered[number] for number in numbers], numbers[0])


class SequenceClip(Clip):
    """The frames of an image sequence, see `hybridmatte.video.read_clip`."""

    def __init__(
        self, path: str, start: Point, end: Point, max_pixels: int, rate: Fraction | None, premultiplied: bool | None
    ) -> None:
        self.path, self._max_pixels = path, max_pixels
        self._premultiplied = premultiplied
        files = find_files(path, "clip")
        self._files = files
        self.profile = read_profile(files.paths[0])
        first = self._read(files.paths[0])
        header = first.header
        self.has_rate = rate is not None or header is not None and header.rate is not None
        self.rate = rate or (header.rate if header is not None else None) or DEFAULT_RATE
        self.time_base, self.shape = 1 / self.rate, first.image.shape[:2]
        self.bits = 8 * min(first.image.dtype.itemsize, 2)
        self.has_alpha, self.is_light = first.alpha is not None, header is not None
        self.tags = SCREEN
        if header is not None:
            self.chromaticities = header.chromaticities
            self.pixel_aspect = Fraction(header.pixel_aspect).limit_denominator(1000)
            self.tags = SCREEN._replace(primaries=primaries_of(header.chromaticities))
        self.whole = range(files.first, files.first + len(files.paths))
        times = [k / self.rate for k in range(len(self.whole))]
        self.numbers = chosen_range(start, end, self.whole, times, path)

    @property
    def files(self) -> list[Path]:
        """The files of the frames between the in and the out point, in order."""
        return [self._files.paths[number - self._files.first] for number in self.numbers]

    def check_sizes(self) -> None:
        """Refuse pictures of different sizes, by their headers; a picture may be stored turned."""
        for path in self.files:
            size = read_size(path, max_pixels=self._max_pixels)
            if sorted(size) != sorted(self.shape):
                self._refuse_size(size, path)

    @property
    def span(self) -> tuple[Fraction, Fraction | None]:
        """Time of the in point in seconds, and that of the out point, or None for the end."""
        start, stop = (number - self._files.first for number in (self.numbers.start, self.numbers.stop))
        return start / self.rate, stop / self.rate if stop < len(self._files.paths) else None

    def __iter__(self) -> Iterator[Frame]:
        """Read the pictures, one at a time."""
        for number in self.numbers:
            k = number - self._files.first
            read = self._read(self._files.paths[k])
            if read.image.shape[:2] != self.shape:
                self._refuse_size(read.image.shape, self._files.paths[k])
            yield Frame(read.image, read.alpha, number, k / self.rate, 1 / self.rate, read.light)

    def _refuse_size(self, shape: tuple[int, ...], path: Path) -> None:
        height, width = self.shape
        raise ValueError(f"image {path} is {shape[1]} x {shape[0]}, expected {width} x {height}, as the first frame")

    def _read(self, path: Path) -> _Read:
        data, opened, label = open_source(path, "image", self._max_pixels)
        picture = decode(data, opened, label, self._max_pixels)
        alpha = picture.transparency
        if picture.is_light and self._premultiplied is False:
            picture = picture._replace(transparency=None)
        numbers, light = picture.numbers, None
        if picture.is_light:
            light = picture.straight_colour.astype(np.float32)
            light = np.repeat(light[:, :, None], 3, axis=2) if light.ndim == 2 else light
        if numbers.dtype.newbyteorder("=") in FULL_SCALE and numbers.dtype.kind == "u" and numbers.ndim == 3:
            image: npt.NDArray[Any] = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("="))
            alpha = None if alpha is None else np.ascontiguousarray(alpha)
        else:
            image = check_image(numbers, label)
            alpha = None if alpha is None else check_plane(alpha.clip(0, 1) if picture.is_light else alpha, label)
        if (own := rgb_profile(opened)) != self.profile:
            numbers = check_image(image)
            converted = convert_colours(numbers, own, self.profile, label)
            if converted is not numbers:  # profiles of the same colours change nothing
                image = converted
                alpha = None if alpha is None else check_plane(alpha, label)
        if alpha is not None and not picture.is_light and self._premultiplied:
            image = straight(image, alpha)
        header = opened.reader if isinstance(opened.reader, ExrHeader) else None
        return _Read(image, alpha, light, header)


class _Read(NamedTuple):
    image: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None
    light: npt.NDArray[np.float32] | None
    header: ExrHeader | None


def _place_in(name: str) -> re.Match[str] | None:
    """Return the place of the number in a name, or None: of several, %04d before ####, then the longest, and the last.

    So a name may have a # that stands for itself, as in ``take#2.%04d.png``.
    """
    return max(PLACE.finditer(name), key=_rank, default=None)


def _rank(found: re.Match[str]) -> tuple[bool, int, int]:
    return found["marks"] is None, len(found["marks"] or ""), found.start()


def _width(found: re.Match[str]) -> int:
    """Return the least number of digits of a pattern's place."""
    return len(found["marks"]) if found["marks"] else int(found["width"] or 1)


def _natural(path: Path) -> tuple[Any, ...]:
    """Return a key that sorts names by the numbers in them."""
    return tuple(int(part) if k % 2 else part for k, part in enumerate(re.split(r"(\d+)", path.name)))


def _by_number(paths: list[Path], text: str, name: str) -> dict[int, Path]:
    """Return files by the last number of their stems; files without numbers are counted from 0."""
    found = [LAST_NUMBER.search(path.stem) for path in paths]
    heads = Counter(path.stem[: match.start()] for path, match in zip(paths, found, strict=True) if match)
    several = [head for head, count in heads.items() if count > 1]
    if len(several) > 1:
        first, second = (next(path.name for path in paths if path.stem.startswith(head)) for head in several[:2])
        raise ValueError(
            f"{name} {text} has several sequences, with {first} and {second}, expected one, or a pattern such as "
            "seq.%04d.png"
        )
    if not all(found) or len(heads) > 1:
        if any(found) and len(heads) <= 1:
            odd = next(path for path, match in zip(paths, found, strict=True) if not match)
            raise ValueError(f"{name} {text} has {odd.name}, which has no number, expected one sequence")
        return dict(enumerate(paths))
    numbered: dict[int, Path] = {}
    for path, match in zip(paths, found, strict=True):
        number = int(match[1]) if match else 0
        if number in numbered:
            raise ValueError(f"{name} {text} has both {numbered[number].name} and {path.name}, expected one a number")
        numbered[number] = path
    return numbered


def _refuse_gaps(numbered: dict[int, Path], wanted: range, text: str, name: str) -> None:
    missing = [number for number in wanted if number not in numbered]
    if missing:
        listed = ", ".join(map(str, missing[:N_NAMED])) + (", ..." if len(missing) > N_NAMED else "")
        raise FileNotFoundError(
            f"{name} {text} lacks {len(missing)} of the numbers {wanted.start} to {wanted.stop - 1}: {listed}, "
            "expected one file for each"
        )
