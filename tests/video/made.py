"""Small clips for the tests, made as other programs make them."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av", reason="the extra video is not installed")
pytest.importorskip("OpenEXR", reason="the extra video is not installed")

H, W, N = 45, 67, 6  # odd sizes
ROWS, COLUMNS = np.mgrid[:H, :W].astype(np.float32)


def scene(k):
    """Return image, alpha and trimap of frame k: a soft disk that moves over a ramp."""
    alpha = np.clip((13 - np.hypot(ROWS - 22, COLUMNS - 24 - 2 * k)) / 4 + 0.5, 0, 1).astype(np.float32)
    behind = np.dstack([ROWS / H, COLUMNS / W, (ROWS + COLUMNS) / (H + W)]) * np.float32(0.8)
    image = alpha[:, :, None] * np.float32([0.9, 0.2, 0.1]) + (1 - alpha[:, :, None]) * behind
    return image, alpha, np.where((alpha > 0) & (alpha < 1), np.float32(0.5), alpha)


def run(*arguments):
    command = [sys.executable, "-m", "hybridmatte", "video", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def full(plane):
    return plane / np.float32(np.iinfo(plane.dtype).max)


def make_video(
    path, *, times=None, sound=False, rotation=0, n=N, form="yuv420p", codec="libx264", size=(48, 64), unit=600
):
    """Write a video as another program does: a bar that grows; times are in a unit of a second."""
    images = np.zeros((n, *size, 3), np.uint8)
    for k, pixels in enumerate(images):
        pixels[:, : 8 * (k + 1) % size[1]] = (200, 90, 30)
        pixels[:8, :8] = 255
    write_frames(path, images, times=times, sound=sound, rotation=rotation, form=form, codec=codec, unit=unit)


def write_frames(
    path, images, *, times=None, sound=False, rotation=0, form="yuv420p", codec="libx264", unit=600, options=None
):
    """Write uint8 images (H, W, 3) as a video, as another program does; options are the encoder's."""
    size = images[0].shape[:2]
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=24, options=options)
        stream.height, stream.width, stream.pix_fmt = *size, form
        stream.time_base = stream.codec_context.time_base = Fraction(1, unit)
        stream.codec_context.colorspace = stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
        if rotation:
            stream.set_display_rotation(rotation)
        audio = file.add_stream("aac", rate=48000, layout="mono") if sound else None
        for k, pixels in enumerate(images):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=form, dst_colorspace="ITU709")
            frame.pts, frame.time_base = (25 * k if times is None else times[k]), Fraction(1, unit)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        for k in range(12 if sound else 0):
            wave = np.sin(np.arange(1024 * k, 1024 * (k + 1)) / 9).astype(np.float32)[None]
            part = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
            part.sample_rate, part.pts, part.time_base = 48000, 1024 * k, Fraction(1, 48000)
            file.mux(audio.encode(part))
        if audio is not None:
            file.mux(audio.encode(None))
