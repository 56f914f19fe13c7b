"""TIFF of every kind of number, depth, colour, plane order, alpha and byte order: right, or refused with its reason."""

import io
import itertools
import re
import struct
import time

import numpy as np
import pytest
import tifffile

from hybridmatte.io.pictures import read_alpha, read_image, read_plane
from tests.faults.tiff_writer import BYTE, LONG, SHORT, write

Y, X = np.mgrid[:6, :10]
COLOUR = np.stack([X / 9, Y / 5, np.full(X.shape, 0.25)], axis=2)
ALPHA = np.clip(1.2 - np.hypot(Y - 3, X - 5) / 6, 0.25, 1.0)
INK = np.concatenate([1 - COLOUR, np.full((*X.shape, 1), 0.2)], axis=2)
VALUES = {1: COLOUR[:, :, :1], 3: COLOUR, 4: INK}
N_COLOURS = {
    "white is zero": 1,
    "black is zero": 1,
    "RGB": 3,
    "palette": 1,
    "transparency mask": 1,
    "CMYK": 4,
    "YCbCr": 3,
    "CIELab": 3,
    "ICCLab": 3,
    "colour filter": 1,
    "linear raw": 1,
}
NUMBERS = [
    *(("uint", bits) for bits in (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64)),
    *(("int", bits) for bits in (8, 16, 32, 64)),
    *(("float", bits) for bits in (16, 24, 32, 64)),
    *(("void", 8), ("void", 16), ("complex", 64)),
]
FLOAT_STEP = {16: 1e-3, 32: 1e-6, 64: 1e-6}
LAYOUTS = list(
    itertools.product(
        N_COLOURS, (1, 2), ((), ("unspecified",), ("associated",), ("straight",)), (("<", False), (">", True))
    )
)


def is_supported(kind, bits, photometric, planar, extra):
    """Whether a kind of file is promised to be read; all others must be refused by name."""
    if (kind, bits) not in {("uint", b) for b in (1, 2, 4, 8, 16)} | {("float", b) for b in (16, 32, 64)}:
        return False
    channels = N_COLOURS[photometric] + len(extra)
    if photometric == "palette":
        return kind == "uint" and "associated" not in extra and (bits == 8 or (bits < 8 and channels == 1))
    if photometric == "YCbCr":
        return (kind, bits, planar, extra) == ("uint", 8, 1, ())
    if photometric not in ("white is zero", "black is zero", "RGB", "CMYK"):
        return False
    if "associated" in extra and photometric not in ("black is zero", "RGB"):
        return False
    return bits not in (2, 4) or channels == 1


def file_of(kind, bits, photometric, planar, extra, order, deflate):
    """A file and the stored numbers, as shares of full scale."""
    values = VALUES[N_COLOURS[photometric]]
    if photometric == "YCbCr":
        values = np.dstack([COLOUR[:, :, 0], np.full(X.shape, 128 / 255), np.full(X.shape, 128 / 255)])
    values = values * ALPHA[:, :, None] if "associated" in extra else values
    values = 1 - values if photometric == "white is zero" else values
    values = np.dstack([values, ALPHA]) if extra else values
    top = {"uint": 2.0**bits - 1, "void": 2.0**bits - 1, "int": 2.0 ** (bits - 1) - 1}.get(kind, 1)
    stored = values if kind in ("float", "complex") else np.minimum(np.rint(values * top), 2.0**62)
    tags = {530: (SHORT, [1, 1])} if photometric == "YCbCr" else {}
    if photometric == "palette" and bits <= 16:
        ramp = np.linspace(0, 255, 2**bits).astype(int) * 257
        tags = {320: (SHORT, [*ramp, *ramp[::-1], *ramp])}
    data = write(
        stored,
        photometric=photometric,
        kind=kind,
        bits=bits,
        planar=planar,
        extra=extra,
        order=order,
        deflate=deflate,
        rows=4,
        tags=tags,
    )
    return io.BytesIO(data), stored / top


def colours_of(shares, bits, photometric, extra):
    """The colours that stored numbers mean, by the TIFF specification."""
    values = shares[:, :, : N_COLOURS[photometric]]
    if photometric == "white is zero":
        values = 1 - values
    elif photometric == "CMYK":
        values = (1 - values[:, :, :3]) * (1 - values[:, :, 3:])
    elif photometric == "YCbCr":
        values = values[:, :, :1]
    elif photometric == "palette":
        ramp = np.linspace(0, 255, 2**bits).astype(int) / 255
        index = np.rint(values * (2**bits - 1)).astype(int)
        values = np.dstack([ramp[index], ramp[::-1][index], ramp[index]])
    if "associated" in extra:
        alpha = shares[:, :, -1:]
        values = np.divide(values, alpha, out=values.copy(), where=alpha > 0).clip(0, 1)
    return np.broadcast_to(values, (*X.shape, 3))


@pytest.mark.parametrize(("kind", "bits"), NUMBERS, ids=str)
def test_every_layout_is_right_or_refused(kind, bits):
    """Users met scrambled colours (planar), dark fringes (associated alpha), inverted trimaps, and 'damaged' files."""
    for photometric, planar, extra, (order, deflate) in LAYOUTS:
        case = (photometric, planar, extra, order, deflate)
        file, shares = file_of(kind, bits, *case)
        if not is_supported(kind, bits, photometric, planar, extra):
            with pytest.raises(ValueError, match="^image <stream> has .*, expected ") as caught:
                read_image(file)
            assert not re.search("damaged|truncated", str(caught.value)), case
            continue
        step = FLOAT_STEP[bits] if kind == "float" else 1e-6
        if bits == 8 and ("associated" in extra or photometric == "CMYK"):
            step = 1 / 255  # Pillow computes in whole steps
        assert np.abs(read_image(file) - colours_of(shares, bits, photometric, extra)).max() <= 2 * step, case
        if "straight" in extra or "associated" in extra:
            assert np.abs(read_alpha(file) - shares[:, :, -1]).max() <= step or shares[:, :, -1].min() == 1, case


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("photometric", ["white is zero", "black is zero"])
def test_one_channel_that_is_declared_as_planes(bits, photometric):
    """A white-is-zero trimap whose tags say "planes" came out inverted: with one channel, both orders are the same."""
    shares = np.rint(COLOUR[:, :, :1] * (2**bits - 1)) / (2**bits - 1)
    for order, deflate in (("<", False), (">", False), ("<", True)):
        data = write(
            np.rint(shares * (2**bits - 1)), photometric=photometric, bits=bits, planar=2, order=order, deflate=deflate
        )
        expected = shares if photometric == "black is zero" else 1 - shares
        np.testing.assert_allclose(read_plane(io.BytesIO(data)), expected[:, :, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"photometric": "CMYK", "tags": {332: (SHORT, [2])}}, "has inks other than cyan"),
        ({"photometric": "RGB", "tags": {50706: (BYTE, [1, 4, 0, 0])}}, "has a camera's raw pixels"),
        ({"photometric": "RGB", "tags": {259: (SHORT, [34712])}}, "has compression JPEG2000"),
        ({"photometric": "RGB", "tags": {259: (SHORT, [34887])}}, "has compression LERC"),
        ({"photometric": "RGB", "tags": {259: (SHORT, [52546])}}, "has compression "),
        ({"photometric": "RGB", "tags": {258: (SHORT, [5, 6, 5])}}, r"has channels of \(5, 6, 5\) bits"),
        ({"photometric": "YCbCr", "tags": {530: (SHORT, [2, 2])}}, "has subsampled YCbCr"),
    ],
    ids=["other inks", "DNG", "JPEG 2000", "LERC", "JPEG XL", "5-6-5", "subsampled YCbCr"],
)
def test_what_is_merely_unsupported_is_not_called_damaged(options, reason):
    """Whole files of a rare kind were called damaged."""
    file = io.BytesIO(write(np.zeros((6, 10, N_COLOURS[options["photometric"]])), **options))
    with pytest.raises(ValueError, match=f"^image <stream> {reason}.*, expected ") as caught:
        read_image(file)
    assert "damaged" not in str(caught.value)


def test_the_thumbnail_of_a_raw_file_is_not_the_picture():
    """NEF and DNG keep a small picture as the first page, and it was read in silence."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.zeros((6, 10, 3), np.uint8), photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        writer.write(np.zeros((60, 100, 3), np.uint8), photometric="rgb", metadata=None)
    with pytest.raises(ValueError, match="has a thumbnail as its first page.*, expected a developed picture"):
        read_image(file)


@pytest.mark.parametrize("options", [{"imagej": True}, {"truncate": True}, {"metadata": None}], ids=str)
def test_the_pages_of_stacks_are_counted(options):
    """A stack gives its first frame, and says so, also where one page stands for all."""
    file = io.BytesIO()
    tifffile.imwrite(file, np.arange(5 * 60, dtype=np.uint16).reshape(5, 6, 10), photometric="minisblack", **options)
    with pytest.warns(UserWarning, match="has 5 pages or frames, of which only the first is read"):
        np.testing.assert_allclose(read_plane(file) * 65535, np.arange(60).reshape(6, 10), atol=1e-2)


def test_long_strips_and_one_row_each():
    """The number of rows in a strip may be the largest that 32 bits hold."""
    for rows in (1, 4, 6):
        data = write(
            np.rint(COLOUR * 65535),
            photometric="RGB",
            bits=16,
            rows=rows,
            tags={278: (LONG, [2**32 - 1])} if rows == 6 else {},
        )
        assert np.abs(read_image(io.BytesIO(data)) - COLOUR).max() < 1e-4


def test_a_damaged_chain_of_pages_takes_no_time():
    """A file with one wrong byte kept the page counter busy for minutes."""
    data = bytearray(write(np.rint(COLOUR * 255), photometric="RGB"))
    base, n_tags, n_pages = len(data), 3000, 4000
    behind = 2 + 12 * n_tags
    data += bytes(8 * n_pages + behind + 8)
    for page in range(n_pages):
        struct.pack_into("<H", data, base + 8 * page, n_tags)
        struct.pack_into("<I", data, base + 8 * page + behind, base + 8 * (page + 1))
    (count,) = struct.unpack_from("<H", data, 8)
    struct.pack_into("<I", data, 10 + 12 * count, base)
    start = time.perf_counter()
    with pytest.warns(UserWarning, match="has 4001 pages or frames"):
        assert np.abs(read_image(io.BytesIO(data)) - COLOUR).max() < 2 / 255
    assert time.perf_counter() - start < 5
