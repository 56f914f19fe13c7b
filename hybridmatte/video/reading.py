"""Open a clip: a video file or an image sequence."""

from __future__ import annotations

import os
from fractions import Fraction

from hybridmatte._validation import check_integer, check_number
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.video.clips import Clip, VideoClip
from hybridmatte.video.image_sequences import SequenceClip, is_picture, is_sequence
from hybridmatte.video.points import Point

__all__ = ["read_clip"]

TELEVISION = 0.005  # frames a second: how exactly a rate of television is given


def read_clip(
    path: str | os.PathLike[str],
    *,
    start: Point = None,
    end: Point = None,
    rate: Fraction | float | None = None,
    premultiplied: bool | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Clip:
    """Open a video or an image sequence; its frames are read one at a time, as often as it is iterated.

    Frames are upright: the rotation that a file asks for is applied. Luma and chroma become RGB by the matrix and the
    range of the file's tags. Frames that cannot be decoded are left out, and a warning says so.

    Parameters
    ----------
    path : str or path
        A video file; or a folder of pictures, a glob, or a pattern such as ``seq.%04d.exr``, ``seq.####.png`` or
        ``seq.1001-1060#.exr``; or one picture. Needs the extra ``video``.
    start, end : int or float, optional
        In and out point: a whole number is a frame, another number a time in seconds. The frame at `end` is the first
        that is left out. Frames of a video are counted from 0; those of a sequence have the numbers of its files.
    rate : number, optional
        Frames a second of an image sequence; default: as its OpenEXR files say, or 24. 23.976, 29.97 and 59.94 are
        24000/1001 and so on.
    premultiplied : bool, optional
        Whether colours are multiplied by the file's alpha. Default: as the file says; for OpenEXR True, else False.
    max_pixels : int, default 200,000,000
        Clips of larger frames are refused.

    Returns
    -------
    clip : Clip
        Iterates over `Frame`; ``len(clip)`` is the number of frames.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or a number of a sequence is missing; the message names it.
    ValueError
        If the file is no video, nothing of it can be decoded, or start and end leave nothing.
    MissingExtraError
        If the extra is not installed.

    Warns
    -----
    UserWarning
        When the clip is iterated, if frames cannot be decoded, or are interlaced.
    """
    check_integer(max_pixels, "max_pixels", low=1)
    text = os.fspath(path)
    if rate is not None:
        rate = _exact_rate(rate)
    if is_sequence(text) or is_picture(text):
        return SequenceClip(text, start, end, max_pixels, rate, premultiplied)
    if rate is not None:
        raise ValueError(f"rate is {float(rate):g}, expected none for a video, whose frames have times")
    return VideoClip(text, start, end, max_pixels, premultiplied)


def _exact_rate(rate: Fraction | float) -> Fraction:
    """Return a rate as a fraction; 23.98 or 29.97 are rates of television, 1000/1001 of whole ones."""
    if isinstance(rate, Fraction):
        return rate if rate > 0 else Fraction(check_number(float(rate), "rate", above=0))
    value = check_number(float(rate), "rate", above=0)
    whole = round(value * 1.001)
    if value != round(value) and abs(value * 1.001 - whole) < TELEVISION:
        return Fraction(whole * 1000, 1001)
    return Fraction(value).limit_denominator(1001)
