"""Write clips: a video file, which appears whole, with alpha, colour tags, times and sound; or an image sequence."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_image, check_plane, check_same_shape
from hybridmatte.io.exr import write_exr
from hybridmatte.io.files import LockedTemporary, clear_temporaries
from hybridmatte.io.outputs import check_output
from hybridmatte.io.pictures import write_alpha, write_image
from hybridmatte.io.profiles import convert_colours
from hybridmatte.video.clips import ALPHA_KEY, Clip
from hybridmatte.video.codecs import CONTAINERS, chosen_codec
from hybridmatte.video.colours import light_of, numbers_of, tags_for
from hybridmatte.video.image_sequences import named_by, names_sequence
from hybridmatte.video.planes import frame_of
from hybridmatte.video.quicktime import mark_alpha
from hybridmatte.video.sound import SoundCopier

if TYPE_CHECKING:
    import av.container

__all__ = ["Writer", "colour_for", "files_of", "keeps_profile", "open_writer", "write_clip"]

FloatArray = npt.NDArray[np.float32]
END: Any = object()
SCREEN_DPI = 72.0  # dots per inch along rows, of pictures whose pixels are not square
FOLDER_PATTERN = "%06d.png"


class Writer(ABC):
    """Takes one frame after another; leaving the block without an error finishes the output."""

    @abstractmethod
    def write(
        self, colour: FloatArray, alpha: FloatArray | None, number: int, time: Fraction, duration: Fraction
    ) -> None:
        """Write straight colours (H, W, 3), numbers in [0, 1] or light as `takes_light` says, and alpha (H, W)."""

    takes_light = False
    keeps_profile = False  # whether colours are those of the clip's ICC profile; else those of sRGB

    def __enter__(self) -> Writer:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish, or leave nothing behind but what is complete."""
        return


class SequenceWriter(Writer):
    """Numbered pictures; light and multiplied colours in OpenEXR, straight numbers in others."""

    def __init__(self, pattern: str, like: Clip, *, bits: int, is_plane: bool, has_alpha: bool) -> None:
        self._pattern = _pattern_of(pattern)
        self._like, self._bits, self._is_plane = like, bits, is_plane
        self.takes_light = Path(pattern).suffix.lower() == ".exr"
        self.keeps_profile = keeps_profile(pattern)
        check_output(named_by(self._pattern, like.numbers.start), bits=bits, transparent=has_alpha)

    def write(
        self,
        colour: FloatArray,
        alpha: FloatArray | None,
        number: int,
        time: Fraction,  # noqa: ARG002
        duration: Fraction,  # noqa: ARG002
    ) -> None:
        """Write one picture; it appears whole or not at all."""
        path, like = named_by(self._pattern, number), self._like
        aspect = float(like.pixel_aspect)
        options: dict[str, Any] = {} if aspect == 1 else {"resolution": (SCREEN_DPI, SCREEN_DPI * aspect)}
        if self.takes_light:
            options = {"chromaticities": like.chromaticities or like.tags.chromaticities, "pixel_aspect": aspect}
            plane = colour[:, :, 0] if self._is_plane else colour
            write_exr(path, plane, alpha, bits=max(self._bits, 16), rate=like.rate, **options)
        elif self._is_plane:
            write_alpha(path, colour[:, :, 0], bits=self._bits, **options)
        else:
            pixels = colour if alpha is None else np.dstack([colour, alpha])
            write_image(path, pixels, bits=self._bits, profile=like.profile, **options)


class VideoWriter(Writer):
    """A container, written under another name until it is whole."""

    def __init__(
        self, path: str, like: Clip, *, codec: str | None, has_alpha: bool, premultiplied: bool, sound: bool
    ) -> None:
        encoder, form, kind = chosen_codec(path, codec, has_alpha=has_alpha)
        _refuse_pixels(path, like)
        form = kind.form_for(form, like)
        self._path, self._form, self._premultiplied = Path(path), form, premultiplied
        self._tags = tags_for(form, like.tags, is_limited=kind.is_limited)
        self._has_alpha, self._tick = has_alpha, like.time_base
        self._start = like.span[0]
        self._sound: SoundCopier | None = None
        self._temporary = LockedTemporary(path)
        try:
            self._file = self._open(like)
        except BaseException:
            self._temporary.remove()
            raise
        try:
            self._stream = self._add_stream(encoder, dict(kind.options), like)
            if sound and like.has_sound:
                self._sound = SoundCopier(like, self._file, path)
            self._begin()
        except BaseException:
            self._drop()
            raise

    def _open(self, like: Clip) -> av.container.OutputContainer:
        import av.container

        extension = self._path.suffix.lower()
        options = {"fflags": "+bitexact"}  # no random numbers in the file
        if CONTAINERS[extension] in ("mov", "mp4"):
            options |= {"movflags": "use_metadata_tags", "video_track_timescale": str(_timescale(like.time_base))}
        name = os.path.abspath(self._temporary.path)  # a relative name such as 1:2.mov would be an address to FFmpeg
        file = av.container.open(name, "w", format=CONTAINERS[extension], options=options)
        if self._has_alpha:
            file.metadata[ALPHA_KEY] = "premultiplied" if self._premultiplied else "straight"
        return file

    def _add_stream(self, encoder: str, options: dict[str, str], like: Clip) -> Any:
        stream: Any = self._file.add_stream(encoder, rate=like.rate.limit_denominator(100_000), options=options)
        stream.height, stream.width = like.shape
        stream.pix_fmt = self._form
        context = stream.codec_context
        stream.time_base = context.time_base = Fraction(1, _timescale(like.time_base))
        context.colorspace, context.color_primaries, context.color_trc = self._tags[:3]
        context.color_range = 2 if self._tags.is_full else 1
        context.sample_aspect_ratio = like.pixel_aspect
        context.thread_count, context.thread_type = 0, "AUTO"
        return stream

    def _begin(self) -> None:
        """Write the header; what the container or the encoder does not take is refused here, before any work."""
        import av.error

        try:
            self._file.start_encoding()
        except av.error.FFmpegError as error:
            kinds = " and ".join(stream.codec_context.name for stream in self._file.streams)
            raise ValueError(
                f"output {self._path} cannot hold {kinds} of this clip ({error.strerror}), expected .mkv, or another "
                "--codec, or --no-sound"
            ) from error

    def write(
        self,
        colour: FloatArray,
        alpha: FloatArray | None,
        number: int,  # noqa: ARG002
        time: Fraction,
        duration: Fraction,
    ) -> None:
        """Encode one frame, and the sound up to it."""
        if alpha is not None and self._premultiplied:
            colour = colour * alpha[:, :, None]
        frame = frame_of(colour, alpha, self._form, self._tags)
        base = Fraction(self._stream.codec_context.time_base)
        frame.time_base = base
        frame.pts, frame.duration = round((time - self._start) / base), round(duration / base)
        with self._naming():
            self._encode(frame, until=time)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the file and give it its name; after an error, remove it."""
        if kind is not None:
            self._drop()
            return
        try:
            with self._naming():
                self._encode(None, until=None)
                self._file.close()
            if self._has_alpha and CONTAINERS[self._path.suffix.lower()] == "mov":
                mark_alpha(self._temporary.path, premultiplied=self._premultiplied)
            self._temporary.rename()
        finally:
            self._drop()

    def _encode(self, frame: av.VideoFrame | None, *, until: Fraction | None) -> None:
        """Encode a frame, or the rest, and copy the sound up to a time, or the rest."""
        for packet in self._stream.encode(frame):
            self._file.mux(packet)
        if self._sound is not None:
            self._sound.copy_until(until)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Name the output, not its temporary file, in an error such as a full disk."""
        import av.error

        try:
            yield
        except av.error.FFmpegError as error:
            if isinstance(error, OSError):
                advice = "written ({}), expected a writable folder with free space"
                kind: type[Exception] = OSError
            else:
                advice, kind = "encoded ({}), expected another --codec, or --no-sound", ValueError
            raise kind(f"output {self._path} cannot be {advice.format(error.strerror)}") from error

    def _drop(self) -> None:
        """Close the file and remove what is not whole."""
        import av.error

        if self._sound is not None:
            self._sound.close()
        with suppress(av.error.FFmpegError):  # a full disk: the error of the frame has said so
            self._file.close()
        self._temporary.remove()


def open_writer(
    path: str | os.PathLike[str],
    like: Clip,
    *,
    codec: str | None = None,
    has_alpha: bool = True,
    premultiplied: bool = False,
    sound: bool = True,
    bits: int = 8,
    is_plane: bool = False,
) -> Writer:
    """Return a writer for a video or an image sequence with the times, tags and sound of a clip."""
    text = os.fspath(path)
    if names_sequence(text):
        if codec is not None:
            raise ValueError(f"codec is {codec!r}, expected none for an image sequence")
        if premultiplied and Path(text).suffix.lower() != ".exr":
            raise ValueError(f"output {text} holds straight colours, expected .exr or a video for premultiplied ones")
        clear_temporaries(files_of(text, like))
        return SequenceWriter(text, like, bits=bits, is_plane=is_plane, has_alpha=has_alpha)
    if bits != 8:
        raise ValueError(f"bits is {bits}, expected none for a video, whose codec has its own")
    clear_temporaries([text])
    options: dict[str, Any] = {"has_alpha": has_alpha, "premultiplied": premultiplied, "sound": sound}
    return VideoWriter(text, like, codec=codec, **options)


def keeps_profile(path: str) -> bool:
    """Return whether an output stores an ICC profile: pictures do, but not OpenEXR and videos."""
    return names_sequence(path) and Path(path).suffix.lower() != ".exr"


def files_of(pattern: str, like: Clip) -> list[Path]:
    """Return the files of an image sequence with the numbers of a clip."""
    return [named_by(_pattern_of(pattern), number) for number in like.numbers]


def _pattern_of(text: str) -> str:
    """Return the pattern of an image sequence; a folder gets PNG files."""
    return os.path.join(text, FOLDER_PATTERN) if os.path.isdir(text) else text


def write_clip(
    path: str | os.PathLike[str],
    frames: Iterable[npt.ArrayLike],
    like: Clip,
    *,
    alphas: Iterable[npt.ArrayLike] | None = None,
    codec: str | None = None,
    premultiplied: bool = False,
    sound: bool = True,
    bits: int = 8,
) -> None:
    """Write frames, with or without alphas, as a video or an image sequence with the times of a clip.

    Parameters
    ----------
    path : str or path
        A .mov, .webm, .mkv or .mp4 file, a pattern such as ``out.%04d.exr``, or a folder that exists.
    frames : iterable of (H, W, 3) arrays
        RGB in [0, 1], uint8 or uint16, straight; as many as the clip has.
    like : Clip
        Gives the times, rate, colour tags and sound.
    alphas : iterable of (H, W) arrays, optional
        In [0, 1], or uint8 or uint16.
    codec : {"prores", "vp9", "ffv1", "png", "h264", "av1"}, optional
        Default: ProRes 4444 in .mov, VP9 in .webm, FFV1 in .mkv, H.264 in .mp4.
    premultiplied : bool, default False
        Whether a video gets colours multiplied by alpha. OpenEXR always does, other pictures never.
    sound : bool, default True
        Whether the sound is copied.
    bits : {8, 16, 32}, default 8
        Bits a channel of pictures, see `hybridmatte.write_image`.

    Raises
    ------
    ValueError
        If the container or the codec cannot hold alpha or the sound, or frames and alphas differ in size or number.
    MissingExtraError
        If the extra ``video`` is not installed.
    """
    check_choice(bits, "bits", (8, 16, 32))
    options: dict[str, Any] = {"has_alpha": alphas is not None, "premultiplied": premultiplied, "sound": sound}
    with open_writer(path, like, codec=codec, bits=bits, **options) as writer:
        for source, frame, *planes in _together(like, frames, alphas):
            colour = check_image(frame, "frame")
            check_same_shape(colour.shape, "frame", like.shape, "clip")
            alpha = check_plane(planes[0], "alpha", colour.shape[:2], "frame") if planes else None
            if not writer.keeps_profile:
                colour = convert_colours(colour, like.profile, None, f"clip {like.path}")
            if writer.takes_light:
                colour = light_of(colour, like.tags.transfer)
            writer.write(colour, alpha, source.number, source.time, source.duration)


def _together(like: Clip, frames: Iterable[Any], alphas: Iterable[Any] | None) -> Iterator[tuple[Any, ...]]:
    """Yield the frames of a clip with those to write, and their alphas; refuse another number of either."""
    given = {"frames": frames} if alphas is None else {"frames": frames, "alphas": alphas}
    for count, (source, *values) in enumerate(zip_longest(like, *given.values(), fillvalue=END)):
        for name, value in zip(given, values, strict=True):
            if value is END:
                raise ValueError(f"{name} ends after {count}, expected one for each frame of clip {like.path}")
            if source is END:
                raise ValueError(f"{name} goes on after {count}, expected one for each frame of clip {like.path}")
        yield source, *values


def colour_for(writer: Writer, colour: FloatArray, *, is_light: bool, transfer: int) -> FloatArray:
    """Return colours as a writer takes them: light, or numbers."""
    if writer.takes_light == is_light:
        return colour
    return light_of(colour, transfer) if writer.takes_light else numbers_of(colour, transfer)


def _refuse_pixels(path: str, like: Clip) -> None:
    """Refuse pixels that are not square where they cannot be told: PyAV does not write them into Matroska."""
    if like.pixel_aspect != 1 and CONTAINERS[Path(path).suffix.lower()] in ("matroska", "webm"):
        raise ValueError(
            f"output {path} cannot say that pixels are {like.pixel_aspect} as wide as high, expected .mov or .mp4"
        )


def _timescale(time_base: Fraction) -> int:
    """Return units a second that express all times of a clip exactly."""
    return time_base.denominator if time_base.denominator > 1 else 1000
