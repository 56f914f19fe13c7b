"""Pipes, devices, huge and endless inputs, outputs that take a few bytes at a time, damaged PNGs."""

import io
import os
import struct
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest

from hybridmatte import read_image, read_trimap, write_alpha, write_image
from hybridmatte.io.streams import write_all

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX systems")


class Dribble(io.RawIOBase):
    """A raw file that takes at most 7 bytes at a time, and none at every third call."""

    def __init__(self):
        self.taken, self.calls = bytearray(), 0

    def writable(self):
        return True

    def write(self, data):
        self.calls += 1
        if self.calls % 3 == 0:
            return None
        self.taken += bytes(data[:7])
        return min(len(data), 7)


def test_a_file_that_takes_few_bytes_at_a_time_gets_all():
    whole, few = io.BytesIO(), Dribble()
    write_image(whole, PIXELS[:20])
    write_image(few, PIXELS[:20])
    assert bytes(few.taken) == whole.getvalue()


@needs_posix
@pytest.mark.parametrize("buffering", [0, -1], ids=["unbuffered", "buffered"])
def test_a_pipe_that_does_not_block_gets_all(buffering):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data, got = bytes(range(256)) * 2000, bytearray()  # half a megabyte; a pipe holds 64 KiB

    def read_slowly():
        while part := os.read(reading, 50_000):
            got.extend(part)
            time.sleep(0.005)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    with open(writing, "wb", buffering=buffering) as file:
        write_all(file, data)
    reader.join(timeout=30)
    os.close(reading)
    assert bytes(got) == data


@needs_posix
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png is a pipe, expected a regular file"):
        read_image(tmp_path / "pipe.png")


@needs_posix
def test_a_device_is_refused():
    with pytest.raises(ValueError, match="/dev/zero is a device, expected a regular file"):
        read_image("/dev/zero")


def test_a_file_of_50_gib_is_refused_by_its_size(tmp_path):
    with open(tmp_path / "huge.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(50 << 30)  # takes no space on the disk
    with pytest.raises(ValueError, match="holds 53687091200 bytes, expected at most"):
        read_image(tmp_path / "huge.png")


class Endless(io.RawIOBase):
    """An endless input that starts with the given bytes and counts what is read."""

    def __init__(self, head):
        self.head, self.count = head, 0

    def readable(self):
        return True

    def read(self, size=-1):
        part = self.head if self.count == 0 else bytes(size)
        self.count += len(part)
        return part


def test_an_endless_input_of_another_kind_is_refused_by_its_head():
    endless = Endless(b"no picture at all" * 10)
    with pytest.raises(ValueError, match="is of another kind"):
        read_image(endless)
    assert endless.count < 1 << 21


def test_an_endless_picture_is_refused_at_the_limit():
    endless = Endless(b"\x89PNG\r\n\x1a\n" + bytes(80))
    with pytest.raises(ValueError, match="holds more than 67108880 bytes"):
        read_image(endless, max_pixels=1)
    assert endless.count < 1 << 27


@pytest.mark.parametrize("arguments", [["cutout", "-", "trimap.png", "-o", "out.png"]])
def test_closed_standard_input_is_one_sentence(tmp_path, arguments):
    write_alpha(tmp_path / "trimap.png", np.full((4, 5), 0.5))
    code = f"import sys; sys.stdin = None; from hybridmatte.cli import main; main({arguments!r})"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert run.returncode == 2
    assert run.stderr.splitlines() == ["error: input - is closed standard input, expected a picture"]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("grey", [True, False], ids=["grey", "colour"])
def test_a_flipped_bit_of_a_png_is_never_read(bits, grey):
    file = io.BytesIO()
    if grey:
        write_alpha(file, PIXELS[:, :, 0], bits=bits)
    else:
        write_image(file, PIXELS, bits=bits)
    data, rng = file.getvalue(), np.random.default_rng(1)
    for position in rng.integers(0, 8 * len(data), 200):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(ValueError, match="damaged or truncated|of another kind|expected at most"):
            read_trimap(io.BytesIO(bytes(flipped)))


def test_bytes_after_the_end_of_a_png_are_no_damage():
    file = io.BytesIO()
    write_image(file, PIXELS)
    np.testing.assert_array_equal(np.rint(255 * read_image(io.BytesIO(file.getvalue() + b"trailer"))), PIXELS)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_with_a_broken_profile_prints_nothing(tmp_path, bits, capfd):
    write_image(tmp_path / "a.png", PIXELS, bits=bits)
    data = (tmp_path / "a.png").read_bytes()
    body = b"iCCP" + b"broken\0\0" + zlib.compress(b"no profile")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    read_image(io.BytesIO(data[:33] + chunk + data[33:]))
    assert capfd.readouterr() == ("", "")


def test_a_truncated_png_is_refused_at_every_length():
    file = io.BytesIO()
    write_image(file, PIXELS[:4, :5])
    data = file.getvalue()
    for length in range(1, len(data)):
        with pytest.raises(ValueError, match="damaged or truncated|of another kind"):
            read_image(io.BytesIO(data[:length]))
