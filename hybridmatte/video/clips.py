"""Read clips: the frames of a video file by PyAV, upright, with their times."""

from __future__ import annotations

import os
import struct
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import FULL_SCALE
from hybridmatte.errors import require_extra, warn_caller
from hybridmatte.io._picture import Picture
from hybridmatte.io.pictures import check_pixels
from hybridmatte.video.colours import ColourTags
from hybridmatte.video.matroska import is_cut as is_cut_matroska
from hybridmatte.video.planes import arrays_of, tags_of
from hybridmatte.video.points import Point, chosen_range
from hybridmatte.video.quicktime import is_marked_premultiplied

if TYPE_CHECKING:
    import av.container

__all__ = ["ALPHA_KEY", "Clip", "Frame", "VideoClip", "opened", "straight"]

ALPHA_KEY = "alpha_type"  # of a container's metadata: straight or premultiplied
MAX_STEPS_BACK = 2  # frames by which the time of a damaged packet may lie before that of the packet before it
VP_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # which also decode alpha
TURNS = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}  # EXIF orientation by the signs of a display matrix
ROTATIONS = {1: 8, 2: 3, 3: 6}  # EXIF orientation by quarter turns against the clock
N_NAMED = 5  # runs of frames in a message
SIDEWAYS = 5  # orientations from here on exchange width and height


class Frame(NamedTuple):
    """One frame of a clip, upright.

    Attributes
    ----------
    image : (H, W, 3) array
        RGB, straight: uint8 of 8 bits a channel, uint16 of more, float32 in [0, 1] of light and other pictures.
    alpha : (H, W) array or None
        The clip's own alpha, of the same type.
    number : int
        Counted from 0 in a video, and the number in the file name in a sequence.
    time, duration : Fraction
        Seconds from the beginning of the file.
    light : (H, W, 3) float32 array or None
        Linear light of an OpenEXR file, straight, also above 1.
    """

    image: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None
    number: int
    time: Fraction
    duration: Fraction
    light: npt.NDArray[np.float32] | None = None


class Clip(ABC):
    """Frames with a rate, which can be read again and again, one at a time.

    Attributes
    ----------
    path : str
        As given.
    shape : tuple of int
        Height and width of the upright frames.
    numbers, whole : range
        Numbers of the frames between the in and the out point, and of all frames.
    rate, time_base : Fraction
        Frames a second, on average; and the unit of times in seconds.
    tags : ColourTags
        What the file says of its colours.
    bits : int
        Bits a channel.
    has_alpha, has_sound, is_light : bool
        What the file holds; light is that of OpenEXR.
    pixel_aspect : Fraction
        Width of an upright pixel by its height.
    profile : bytes or None
        ICC profile of the colours of pictures; None stands for sRGB, and for what tags say. Frames of other profiles
        are converted to it, also after it was set.
    """

    path: str
    shape: tuple[int, int]
    numbers: range
    whole: range
    rate: Fraction
    time_base: Fraction
    tags: ColourTags
    bits: int
    has_alpha: bool
    has_sound: bool = False
    is_light: bool = False
    chromaticities: tuple[float, ...] | None = None
    pixel_aspect: Fraction = Fraction(1)
    profile: bytes | None = None

    def __len__(self) -> int:
        """Return the number of frames that the file announces between the in and the out point."""
        return len(self.numbers)

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Read the frames from the in point to the out point."""

    @abstractmethod
    def check_sizes(self) -> None:
        """Refuse frames of different sizes, as far as headers and key frames tell, without decoding all."""

    @property
    @abstractmethod
    def span(self) -> tuple[Fraction, Fraction | None]:
        """Time of the in point in seconds, and that of the out point, or None for the end of the file."""


class VideoClip(Clip):
    """The frames of a video file, see `hybridmatte.video.read_clip`."""

    def __init__(self, path: str, start: Point, end: Point, max_pixels: int, premultiplied: bool | None) -> None:
        self.path, self._label = path, f"clip {path}"
        with opened(path) as container:
            stream = _video_stream(container, self._label)
            context = stream.codec_context
            check_pixels(context.width, context.height, self._label, max_pixels)
            self.tags, self.time_base = tags_of(context), Fraction(stream.time_base)
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            self.has_sound = bool(container.streams.audio)
            aspect = Fraction(stream.sample_aspect_ratio or 1)
            self.is_premultiplied = _is_premultiplied(container, path, premultiplied)
            self.has_alpha, self.bits = _has_alpha(stream), max((c.bits for c in context.format.components), default=8)
            announced = stream.frames
            self._times, self._has_times, is_cut = _times_of_packets(container, stream, self._label)
        self._is_cut = is_cut or is_cut_matroska(path)
        self._n_missing = max(announced - len(self._times), 0)
        if not self._times:
            raise ValueError(f"{self._label} has no frame that can be decoded, expected at least one")
        self._seconds = [time * self.time_base for time in self._times]
        self.whole = range(len(self._times))
        self.numbers = chosen_range(start, end, self.whole, self._seconds, self.path)
        self._orientation, self.shape = self._turn()
        self.pixel_aspect = 1 / aspect if self._orientation >= SIDEWAYS else aspect
        self._has_warned = self._has_warned_of_fields = self._has_warned_of_times = False

    def check_sizes(self) -> None:
        """Refuse frames of different sizes: at key frames, where a size may change."""
        for frame in self._decoded(keys_only=True):
            number = self._number(frame.pts, -1)
            if number >= self.numbers.stop:
                return
            if number >= self.numbers.start:
                self._warn_of_fields(frame, number)
                height, width = frame.height, frame.width
                self._refuse_size((width, height) if self._orientation >= SIDEWAYS else (height, width), number)

    @property
    def span(self) -> tuple[Fraction, Fraction | None]:
        """Time of the in point in seconds, and that of the out point, or None for the end of the file."""
        times = self._seconds
        last = self.numbers.stop
        return times[self.numbers.start], times[last] if last < len(times) else None

    def __iter__(self) -> Iterator[Frame]:
        """Decode the frames; what cannot be decoded is left out, and one warning says so."""
        n_decoded, before, left_out = 0, -1, set(self.numbers if self._has_times else ())
        for frame in self._decoded():
            if before >= 0 and self._has_times and frame.pts == self._times[before]:
                self._warn_of_times(before)
                continue
            number = self._number(frame.pts, before)
            if number >= self.numbers.stop:
                break
            before = number
            if number >= self.numbers.start:
                n_decoded += 1
                left_out.discard(number)
                self._warn_of_fields(frame, number)
                yield self._upright(frame, number)
        if n_decoded == 0:
            raise ValueError(f"{self._label} has no frame that can be decoded, expected at least one")
        if (n_decoded < len(self.numbers) or self._n_missing or self._is_cut) and not self._has_warned:
            self._has_warned = True
            total = len(self.numbers) + (self._n_missing if self.numbers.stop == len(self._times) else 0)
            of = f"{n_decoded} of {total} frames" if total > n_decoded else f"{n_decoded} frames"
            said = f"{self._label} is damaged or truncated: {of} could be decoded, and are used"
            warn_caller(f"{said}; left out: {_runs(sorted(left_out))}" if left_out else said, UserWarning)

    def _warn_of_fields(self, frame: av.VideoFrame, number: int) -> None:
        """Warn once of frames whose rows are of two moments. It is no error: progressive clips may be stored so."""
        if frame.interlaced_frame and not self._has_warned_of_fields:
            self._has_warned_of_fields = True
            warn_caller(
                f"{self._label} has interlaced frames, such as frame {number}: if even and odd rows show two moments, "
                "moving edges become combs, and so does alpha; deinterlace it first, as ffmpeg -vf bwdif does",
                UserWarning,
            )

    def _warn_of_times(self, number: int) -> None:
        """Warn once of frames that would be shown at the same time, of which the first is used."""
        if not self._has_warned_of_times:
            self._has_warned_of_times = True
            warn_caller(
                f"{self._label} has several frames at one time, such as frame {number}: the first of them is used",
                UserWarning,
            )

    def _number(self, pts: int | None, before: int) -> int:
        """Return the number of a frame by its time; a frame without one follows the frame before it.

        AVI has the order in which packets are decoded, and no times: FFmpeg's are not those of the frames.
        """
        if pts is None or not self._has_times:
            return before + 1
        return max(bisect_left(self._times, pts), before + 1)

    def _decoded(self, *, keys_only: bool = False) -> Iterator[av.VideoFrame]:
        import av.error

        with opened(self.path) as container:
            stream = _video_stream(container, self._label)
            stream.thread_type = "AUTO"
            decoder = stream if keys_only else _decoder_of(stream)
            if keys_only:
                stream.codec_context.skip_frame = "NONKEY"
            try:
                for packet in container.demux(stream):
                    try:
                        frames = decoder.decode(packet if packet.size else None)
                    except (av.error.FFmpegError, ValueError):  # counted as lost at the end
                        continue
                    yield from (frame for frame in frames if not frame.is_corrupt)
            except av.error.FFmpegError:  # the file ends early: counted as lost at the end
                return

    def _turn(self) -> tuple[int, tuple[int, int]]:
        """Return the orientation of the first frame, and its shape when upright."""
        for frame in self._decoded():
            orientation = _orientation_of(frame)
            height, width = frame.height, frame.width
            return orientation, (width, height) if orientation >= SIDEWAYS else (height, width)
        raise ValueError(f"{self._label} has no frame that can be decoded, expected at least one")

    def _upright(self, frame: av.VideoFrame, number: int) -> Frame:
        rgb, alpha = arrays_of(frame, self.tags, self._label)
        picture = Picture(rgb, alpha).turned(self._orientation)
        self._refuse_size(picture.colour.shape[:2], number)
        image = np.ascontiguousarray(picture.colour)
        if picture.transparency is not None and self.is_premultiplied:
            image = straight(image, picture.transparency)
        times = self._seconds
        after = times[number + 1] - times[number] if number + 1 < len(times) else None
        duration = after or (Fraction(frame.duration) * self.time_base if frame.duration else 1 / self.rate)
        return Frame(image, picture.transparency, number, times[number], duration)

    def _refuse_size(self, shape: tuple[int, ...], number: int) -> None:
        if tuple(shape) != self.shape:
            raise ValueError(
                f"{self._label} has frame {number} of {shape[1]} x {shape[0]}, expected {self.shape[1]} x "
                f"{self.shape[0]} in all, or an end before it"
            )


def _runs(numbers: list[int]) -> str:
    """Return numbers that grow as a list for a message, such as 3, 7 to 9; the first runs only."""
    runs: list[list[int]] = []
    for number in numbers:
        if not runs or number > runs[-1][-1] + 1:
            runs.append([number, number])
        runs[-1][-1] = number
    said = [str(first) if first == last else f"{first} to {last}" for first, last in runs[:N_NAMED]]
    return ", ".join(said) + (", ..." if len(runs) > N_NAMED else "")


def opened(path: str) -> av.container.InputContainer:
    """Open a video file; what is none becomes one sentence."""
    require_extra("video", "av")
    import av.container
    import av.error

    if not os.path.exists(path):
        raise FileNotFoundError(f"clip {path} does not exist, expected a video or an image sequence")
    if not Path(path).is_file():
        raise ValueError(f"clip {path} is no regular file, expected a video")
    try:
        return av.container.open(os.path.abspath(path), "r")  # a relative name such as 1:2.mov would be an address
    except (av.error.FFmpegError, ValueError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise ValueError(f"clip {path} is damaged, truncated or no video ({reason}), expected a video") from error


def _video_stream(container: Any, label: str) -> Any:
    stream = next((s for s in container.streams.video if not s.disposition & ATTACHED), None)
    if stream is None or stream.codec_context is None or stream.codec_context.format is None:
        raise ValueError(f"{label} has no video that can be decoded, expected one")
    return stream


ATTACHED = 0x400  # disposition of a cover picture


def _decoder_of(stream: Any) -> Any:
    """Return the decoder of a stream; for VP8 and VP9 with alpha, one that decodes alpha."""
    import av

    if not _has_vp_alpha(stream):
        return stream
    decoder = av.CodecContext.create(VP_DECODERS[stream.codec_context.name], "r")
    decoder.extradata = stream.codec_context.extradata
    return decoder


def _has_vp_alpha(stream: Any) -> bool:
    said = {key.lower(): value for key, value in stream.metadata.items()}
    return stream.codec_context.name in VP_DECODERS and said.get("alpha_mode") == "1"


def _has_alpha(stream: Any) -> bool:
    form = stream.codec_context.format
    return _has_vp_alpha(stream) or any(component.is_alpha for component in form.components)


def _times_of_packets(container: Any, stream: Any, label: str) -> tuple[list[int], bool, bool]:
    """Return the times of all frames, in units of the stream, whether all have one, and whether the file ends early.

    Refuse times that begin again, as in files of several clips one behind the other: frames would share their times.
    """
    import av.error

    times, last, decoded, is_cut = [], -1, None, False
    has_times = container.format.name != "avi"
    step = max(round(1 / (Fraction(stream.average_rate or 25) * Fraction(stream.time_base))), 1)
    try:
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            if decoded is not None and packet.dts is not None and packet.dts < decoded - MAX_STEPS_BACK * step:
                at = float(packet.dts * stream.time_base)
                raise ValueError(f"{label} has times that begin again at {at:g} s, expected times that grow")
            decoded = packet.dts if packet.dts is not None else decoded
            last = packet.pts if packet.pts is not None else last + step if times else 0
            has_times = has_times and packet.pts is not None
            times.append(last)
            is_cut = is_cut or packet.is_corrupt
    except av.error.FFmpegError:
        is_cut = True
    return sorted(set(times)), has_times, is_cut


def _is_premultiplied(container: Any, path: str, given: bool | None) -> bool:
    """Return whether colours are multiplied by alpha: as given, or as the container says; else they are straight."""
    if given is not None:
        return given
    said = {key.lower(): value for key, value in container.metadata.items()}
    if ALPHA_KEY in said or "mov" not in container.format.name:
        return said.get(ALPHA_KEY) == "premultiplied"
    return is_marked_premultiplied(path)


def straight(image: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return colours divided by alpha, of the same type; as stored where alpha is 0."""
    scale = FULL_SCALE.get(image.dtype, 1)
    weight = np.where(alpha > 0, alpha, scale).astype(np.float32)[:, :, None] / np.float32(scale)
    divided = (image / weight).clip(0, scale)
    return (np.rint(divided) if image.dtype.kind == "u" else divided).astype(image.dtype)


def _orientation_of(frame: av.VideoFrame) -> int:
    """Return the EXIF orientation that a frame's display matrix stands for; 1 without one."""
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # the frame has data of a kind that this PyAV does not know, such as EXIF or two views
        return ROTATIONS.get(round(frame.rotation / 90) % 4, 1)
    if data is None:
        return 1
    a, b, _, c, d = struct.unpack_from("<5i", bytes(data))
    largest = max(abs(a), abs(b), abs(c), abs(d), 1)
    return TURNS.get((round(a / largest), round(b / largest), round(c / largest), round(d / largest)), 1)
