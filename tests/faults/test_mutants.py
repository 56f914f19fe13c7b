"""Files of every format with a few bytes changed or cut off: a picture, or one sentence, and soon."""

import io
import re
import time
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image, features

from hybridmatte.io.metadata import read_photograph
from hybridmatte.io.pictures import write_image
from tests.faults.test_metadata import P3, PIXELS, camera_exif, photograph
from tests.faults.test_tiff_table import file_of

MUTANTS = 200
HEADER_BYTES = 300  # changed more often than the rest
TIFF_KINDS = {
    "palette and alpha": ("uint", 8, "palette", 2, ("straight",), "<", False),
    "bits": ("uint", 1, "RGB", 1, ("straight",), ">", True),
    "four bits": ("uint", 4, "white is zero", 2, (), "<", True),
    "deep planes": ("uint", 16, "CMYK", 2, ("straight",), ">", False),
    "floats": ("float", 32, "RGB", 2, ("associated",), "<", True),
}


def saved(kind):
    """A file of a format, with metadata where it has any."""
    if kind in TIFF_KINDS:
        return file_of(*TIFF_KINDS[kind])[0].getvalue()
    if kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        return photograph(kind, 6).getvalue()
    file = io.BytesIO()
    options = {"exif": camera_exif(6).tobytes(), "icc_profile": P3} if kind in ("AVIF", "HEIF") else {}
    if kind == "GIF":
        options = {"save_all": True, "append_images": [Image.new("RGB", (44, 30), 90)]}
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


def mutant(data, rng):
    """The file cut off, or with one to five bytes changed."""
    if rng.random() < 0.2:
        return data[: int(rng.integers(1, len(data)))]
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        end = len(data) if rng.random() < 0.4 else min(len(data), HEADER_BYTES)
        changed[int(rng.integers(0, end))] = int(rng.integers(0, 256))
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "HEIF", *TIFF_KINDS])
def test_mutants_are_a_picture_or_one_sentence(kind):
    """No traceback of a decoder, no hang; what can be read can be written with its metadata."""
    if kind == "HEIF" and find_spec("pillow_heif") is None:
        pytest.skip("extra heic not installed")
    if kind == "AVIF" and not ("avif" in features.modules and features.check("avif")):
        pytest.skip("Pillow without AVIF")
    data, rng = saved(kind), np.random.default_rng(27)
    for _ in range(MUTANTS):
        start = time.perf_counter()
        error = error_of(mutant(data, rng))
        assert error is None or re.fullmatch("image <stream> .*, expected .*", error)
        assert time.perf_counter() - start < 10


def error_of(data):
    """Return the error of reading a file and writing what was read, or None."""
    try:
        image, metadata = read_photograph(io.BytesIO(data), max_pixels=10**6)
    except ValueError as error:
        return str(error)
    file, (profile, exif, resolution, _) = io.BytesIO(), metadata
    write_image(file, image[:4, :4], bits=16, profile=profile, exif=exif, resolution=resolution)
    return None if np.isfinite(image).all() else "not finite"
