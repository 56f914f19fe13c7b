"""The fast PNG encoder of the service: other readers read the same pixels, whatever the number of threads."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from hybridmatte.io import _png
from hybridmatte.io._codec import encode
from hybridmatte.io.metadata import read_metadata
from hybridmatte.io.pictures import read_image, read_plane


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (300, 401), (1, 9, 3), (64, 33, 3), (200, 311, 4)])
def test_other_readers_read_the_same_pixels(rng, shape, dtype):
    pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    data = encode(pixels, "PNG", bits=8 * pixels.itemsize, is_fast=True)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded.ndim == 3:
        decoded = decoded[:, :, [2, 1, 0, 3][: decoded.shape[2]]]
    assert decoded.dtype == dtype
    np.testing.assert_array_equal(decoded, pixels)
    picture = Image.open(io.BytesIO(data))
    picture.load()
    assert picture.size == shape[1::-1]
    if dtype == np.uint8:
        np.testing.assert_array_equal(np.asarray(picture), pixels)
    own = read_plane(io.BytesIO(data)) if len(shape) == 2 else read_image(io.BytesIO(data))
    np.testing.assert_allclose(own, (pixels if len(shape) == 2 else pixels[..., :3]) / np.iinfo(dtype).max, atol=1e-6)


def test_bytes_do_not_depend_on_the_number_of_threads(rng, monkeypatch):
    pixels = np.kron(rng.integers(0, 256, (80, 60, 3), dtype=np.uint8), np.ones((12, 12, 1), np.uint8))
    files = set()
    for count in (1, 2, 7):
        monkeypatch.setattr(_png.os, "cpu_count", lambda count=count: count)
        files.add(encode(pixels, "PNG", is_fast=True))
    (data,) = files
    assert len(data) < pixels.size / 4


def test_the_view_of_a_part_is_encoded(rng):
    pixels = rng.integers(0, 256, (40, 50, 4), dtype=np.uint8)[::-2, 3:40, :3]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode(pixels, "PNG", is_fast=True)))), pixels)


def test_profile_and_resolution_are_kept(rng):
    pixels = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010E] = "a cat"
    profile = b"\0" * 16 + b"RGB " + b"\0" * 20
    data = encode(pixels, "PNG", profile=profile, exif=exif.tobytes(), resolution=(300, 150), is_fast=True)
    metadata = read_metadata(io.BytesIO(data))
    assert metadata.profile == profile
    assert [round(dots) for dots in metadata.resolution] == [300, 150]
    assert b"a cat" in metadata.exif
