"""The segments of TIFF files: every compression gives what Pillow's libtiff gives, and damage gives one sentence."""

import io
import itertools
import pickle
import re
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, TiffImagePlugin

import hybridmatte
from hybridmatte.io._fax import decode_fax
from hybridmatte.io._lzw import decode_lzw
from hybridmatte.io.pictures import read_alpha, read_image, read_plane
from tests.faults.tiff_writer import LONG, SHORT, assemble

Y, X = np.mgrid[:53, :70]
NOISE = np.random.default_rng(5).normal(0, 9, (53, 70, 3))
PIXELS = (128 + 90 * np.sin(np.stack([X / 9, Y / 7, (X + Y) / 11], axis=2)) + NOISE).clip(0, 255).astype(np.uint8)
BYTES = ("raw", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "lzma")
FAX = ("tiff_ccitt", "group3", "group4")
FILES = [
    *itertools.product(BYTES, ("L", "RGB", "RGBA", "P", "1")),
    *itertools.product(("tiff_lzw", "tiff_adobe_deflate", "lzma"), ("L, differences", "RGB, differences")),
    *itertools.product(("jpeg",), ("L", "RGB", "CMYK", "YCbCr")),
    *itertools.product(("webp",), ("RGB", "RGBA")),
    *itertools.product(FAX, ("1",)),
    ("group3", "1, by the row above"),
]


def saved(compression, mode):
    """A TIFF that libtiff wrote, in strips of several rows."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[278] = 16
    kind, _, variant = mode.partition(", ")
    if variant == "differences":
        tags[317] = 2
    if variant == "by the row above":
        tags[292] = 1
    picture = Image.fromarray(np.dstack([PIXELS, X * 3]).astype(np.uint8)).convert(kind if kind != "P" else "RGB")
    picture = picture.quantize(50) if kind == "P" else picture
    file = io.BytesIO()
    options = {"quality": 92} if compression == "jpeg" else {}
    picture.save(file, "TIFF", compression=compression, tiffinfo=tags, **options)
    return file.getvalue()


def is_written(compression):
    """Whether the installed Pillow can write a compression."""
    try:
        saved(compression, "L" if compression not in ("webp", *FAX) else "RGB" if compression == "webp" else "1")
    except (OSError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize(("compression", "mode"), FILES)
def test_every_compression_gives_what_libtiff_gives(compression, mode):
    if not is_written(compression):
        pytest.skip("the installed libtiff lacks it")
    data = saved(compression, mode)
    with Image.open(io.BytesIO(data)) as picture:
        expected = np.asarray(picture.convert("RGB"), np.float64)
    step = 1 if mode in ("CMYK", "YCbCr") else 0  # Pillow rounds on its way to RGB
    assert np.abs(read_image(io.BytesIO(data)) * 255 - expected).max() <= step + 1e-3


@pytest.mark.parametrize("kind", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiles_of_differences(kind, dtype, order):
    shares = PIXELS / 255
    pixels = shares.astype(dtype) if dtype.startswith("f") else np.rint(shares * np.iinfo(dtype).max).astype(dtype)
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels if kind == "contig" else pixels.transpose(2, 0, 1),
        photometric="rgb",
        planarconfig=kind,
        tile=(32, 16),
        compression="zlib",
        predictor=True if dtype.startswith("u") else None,
        byteorder=order,
    )
    assert np.abs(read_image(file) - shares).max() < 1e-6


def test_differences_of_floating_point_numbers():
    """The predictor of floats needed the package imagecodecs; OpenCV writes it."""
    shares = (PIXELS / 255).astype(np.float32)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 8, cv2.IMWRITE_TIFF_PREDICTOR, 3]
    data = cv2.imencode(".tif", shares[:, :, ::-1], options)[1].tobytes()
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].predictor == 3
    np.testing.assert_array_equal(read_image(io.BytesIO(data)), shares)


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 2)])
def test_subsampled_chroma_is_the_same_for_a_block(across, down):
    """Deflate around YCbCr blocks: the luma of each pixel, then Cb and Cr of all of them."""
    height, width = 7, 10
    rows, columns = -(-height // down), -(-width // across)
    rng = np.random.default_rng(1)
    luma = rng.integers(60, 200, (rows * down, columns * across))
    chroma = rng.integers(110, 146, (rows, columns, 2))
    blocks = luma.reshape(rows, down, columns, across).swapaxes(1, 2).reshape(rows, columns, -1)
    strip = zlib.compress(np.concatenate([blocks, chroma], axis=2).astype(np.uint8).tobytes())
    entries = {256: (LONG, [width]), 257: (LONG, [height]), 258: (SHORT, [8] * 3), 259: (SHORT, [8])}
    entries |= {262: (SHORT, [6]), 273: (LONG, [0]), 277: (SHORT, [3]), 278: (LONG, [height])}
    entries |= {279: (LONG, [len(strip)]), 284: (SHORT, [1]), 530: (SHORT, [across, down])}
    whole = np.dstack([luma, chroma.repeat(down, axis=0).repeat(across, axis=1)]).astype(np.uint8)
    expected = np.asarray(Image.fromarray(whole, mode="YCbCr").convert("RGB"), float)[:height, :width]
    found = read_image(io.BytesIO(assemble(entries, [strip], "<")))
    assert np.abs(found * 255 - expected).max() <= 1.01


def test_lzw_tables_that_are_cleared_late_or_never():
    """Strings of one repeated byte grow by a byte a code, and fill the table."""
    codes = [256, 7, *range(258, 4094)]
    size = sum(range(1, len(codes)))
    widths = [9] + [9 + sum(258 + k - 1 >= 2**bits - 1 for bits in (9, 10, 11)) for k in range(len(codes) - 1)]
    bits = "".join(f"{code:0{width}b}" for code, width in zip(codes, widths, strict=True))
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    assert decode_lzw(data, size) == b"\x07" * size
    with pytest.raises(ValueError, match="ends early"):
        decode_lzw(data, size + 50_000)


@pytest.mark.parametrize("width", [1, 63, 64, 1728, 2560, 5200])
def test_fax_runs_of_every_length(width):
    """Each run of a row has its own code in each colour."""
    pixels = np.arange(width) < np.arange(0, width + 1, max(width // 70, 1))[:, None]
    for compression, kept in itertools.product(FAX, (pixels, ~pixels)):
        file = io.BytesIO()
        Image.fromarray(kept).save(file, "TIFF", compression=compression)
        np.testing.assert_array_equal(read_plane(file), kept)


def test_fax_data_that_ends_early_is_refused():
    with pytest.raises(ValueError, match="ends early"):
        decode_fax(b"\xff", 5, 9, 4, 0)
    with pytest.raises(ValueError, match="does not exist"):
        decode_fax(b"\x00\x00\x00", 5, 1, 4, 0)


def damaged(data, rng):
    """Yield a file cut off, with flipped bits, and with segments of another length."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        counts, offsets, tag = page.databytecounts, page.dataoffsets, page.tags[279]
    for share in (0.3, 0.6, 0.95):
        yield data[: int(len(data) * share)]
    for _ in range(8):
        changed = bytearray(data)
        place = offsets[len(offsets) // 2] + int(rng.integers(counts[len(offsets) // 2]))
        changed[place] ^= 1 << int(rng.integers(8))
        yield bytes(changed)
    for _ in range(12):
        changed = bytearray(data)
        changed[int(rng.integers(4, len(data)))] ^= 1 << int(rng.integers(8))
        yield bytes(changed)
    for length in (1, counts[0] // 2, counts[0] - 1, counts[0] + 30):
        changed = bytearray(data)
        struct.pack_into("<H" if tag.dtype == 3 else "<I", changed, tag.valueoffset, min(length, 65535))
        yield bytes(changed)


READ_ALL = """
import io, pickle, sys
from hybridmatte import read_image
outcomes = []
for data in pickle.load(sys.stdin.buffer):
    try:
        read_image(io.BytesIO(data), max_pixels=10**6)
        outcomes.append("a picture")
    except ValueError as error:
        outcomes.append(str(error))
print(*outcomes, sep=chr(10))
"""


def test_damage_prints_nothing_beside_our_sentence():
    """libtiff wrote lines of its own to the file descriptor of standard error, and some damage was read as if whole."""
    rng, files = np.random.default_rng(27), []
    for compression, mode in FILES:
        if is_written(compression):
            files += list(damaged(saved(compression, mode), rng))
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        input=pickle.dumps(files),
        env={"PYTHONPATH": str(Path(hybridmatte.__file__).parents[1]), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    outcomes = done.stdout.decode().splitlines()
    assert len(outcomes) == len(files)
    refused = [outcome for outcome in outcomes if outcome != "a picture"]
    assert len(refused) > len(files) / 2
    for sentence in refused:
        assert re.fullmatch("image <stream> .*, expected .*", sentence)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "group4", "group3"])
def test_a_strip_of_too_few_rows_is_refused(compression):
    """The missing rows were black, or those of other strips."""
    mode = "1" if compression in FAX else "RGB"
    data = bytearray(saved(compression, mode))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tag = file.pages[0].tags[278]
        assert file.pages[0].rowsperstrip == 16
    struct.pack_into("<H" if tag.dtype == 3 else "<I", data, tag.valueoffset, 18)  # as many strips, each too short
    with pytest.raises(ValueError, match="is damaged or truncated .*, expected"):
        read_image(io.BytesIO(data))


def test_codes_of_before_1988_are_unsupported_and_not_damaged():
    with pytest.raises(ValueError, match="has LZW codes with the lowest bit first"):
        decode_lzw(b"\0\1\2\3", 9)


@pytest.mark.parametrize("compression", [1, 32773])
def test_a_predictor_without_a_compression_that_has_one_is_ignored(compression):
    """As libtiff does: the values were summed up."""
    row = np.arange(0, 250, 10, dtype=np.uint8)
    strip = row.tobytes() if compression == 1 else bytes([len(row) - 1]) + row.tobytes()
    tags = [(256, len(row)), (257, 1), (258, 8), (259, compression), (262, 1), (273, 0), (277, 1), (278, 1)]
    tags += [(279, len(strip)), (317, 2)]
    offset = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, offset if tag == 273 else value) for tag, value in tags)
    data = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags)) + entries + bytes(4) + strip
    assert (np.rint(255 * read_alpha(io.BytesIO(data))) == row).all()


def test_a_palette_of_bytes():
    """Some writers store 0 to 255 where the format has 16 bits: the picture was black."""
    file, ramp = io.BytesIO(), np.arange(250, dtype=np.uint8).reshape(10, 25)
    tifffile.imwrite(file, ramp, photometric="palette", colormap=np.tile(np.arange(256, dtype=np.uint16), (3, 1)))
    file.seek(0)
    assert (np.rint(255 * read_alpha(file)) == ramp).all()


def test_a_run_of_clear_codes_ends_soon():
    """65 microseconds for each byte: a file of 90 kB took 5 seconds."""
    data = np.packbits(np.tile([1] + [0] * 8, 40_000)).tobytes()
    start = time.process_time()
    with pytest.raises(ValueError, match="ends early"):
        decode_lzw(data, 100)
    assert time.process_time() - start < 1
