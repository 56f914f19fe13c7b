"""TIFF files of every kind that tifffile writes: each is read rightly or refused with its reason."""

import io
import itertools
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from hybridmatte.io.pictures import read_alpha, read_image, read_plane, read_profile, write_image

SHAPE = (19, 23)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
COLOUR = np.stack([X / 22, Y / 18, np.full(SHAPE, 0.25)], axis=2)
ALPHA = np.clip(1.3 - np.hypot(Y - 9, X - 11) / 9, 0.2, 1.0)
INK = np.concatenate([1 - COLOUR, np.full((*SHAPE, 1), 0.2)], axis=2)
TRUE_COLOURS = {
    "minisblack": COLOUR[:, :, :1],
    "miniswhite": COLOUR[:, :, :1],
    "rgb": COLOUR,
    "separated": (1 - INK[:, :, :3]) * (1 - INK[:, :, 3:]),
}
FULL_SCALE = {"uint8": 255, "uint16": 65535, "float16": 1, "float32": 1, "float64": 1}
STEP = {"uint8": 1 / 255, "uint16": 1 / 65535, "float16": 2**-11, "float32": 1e-7, "float64": 1e-7}
KINDS = [
    (dtype, photometric, planar, extra)
    for dtype, photometric, planar, extra in itertools.product(
        FULL_SCALE, TRUE_COLOURS, ("contig", "separate"), (None, "unspecified", "unassalpha", "assocalpha")
    )
    if (planar, photometric[:5], extra) != ("separate", "minis", None)
]
UNDEFINED = {("miniswhite", "assocalpha"), ("separated", "assocalpha")}  # what was multiplied by alpha is not said


def stored(dtype, photometric, planar, extra):
    """The samples that a file of this kind holds for COLOUR and ALPHA."""
    values = INK if photometric == "separated" else TRUE_COLOURS[photometric]
    values = values * ALPHA[:, :, None] if extra == "assocalpha" else values
    values = 1 - values if photometric == "miniswhite" else values
    if extra is not None:
        values = np.dstack([values, ALPHA])
    values = values.transpose(2, 0, 1) if planar == "separate" else values
    values = values[:, :, 0] if values.shape[2] == 1 else values
    scaled = values * FULL_SCALE[dtype]
    return np.ascontiguousarray(np.rint(scaled) if dtype.startswith("u") else scaled, dtype=dtype)


def tiff(pixels, **options):
    """A TIFF as a file object."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    return file


def lzw_tiff(path, pixels, **options):
    """Write an LZW file, one strip a plane, which tifffile alone does not: codes of 9 bits, cleared in time."""
    planes = pixels if options.get("planarconfig") == "separate" else pixels[None]
    tifffile.imwrite(
        path,
        map(lzw, planes),
        shape=pixels.shape,
        dtype=pixels.dtype,
        compression="zlib",
        rowsperstrip=planes.shape[1],
        metadata=None,
        **options,
    )
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags[259].overwrite(5)


def lzw(pixels):
    data, codes = pixels.tobytes(), []
    for start in range(0, len(data), 200):
        codes += [256, *data[start : start + 200]]
    bits = np.unpackbits(np.array([*codes, 257], dtype=">u2").view(np.uint8).reshape(-1, 2), axis=1)[:, 7:]
    return np.packbits(bits.ravel()).tobytes()


@pytest.mark.parametrize(("dtype", "photometric", "planar", "extra"), KINDS, ids=str)
def test_every_kind_is_right_or_refused(dtype, photometric, planar, extra):
    pixels = stored(dtype, photometric, planar, extra)
    step = STEP[dtype]
    for byteorder, compression, tile in itertools.product("<>", (None, "zlib"), (None, (16, 16))):
        file = tiff(
            pixels,
            photometric=photometric,
            planarconfig=planar if pixels.ndim == 3 else None,
            extrasamples=[extra] if extra else None,
            byteorder=byteorder,
            compression=compression,
            tile=tile,
            rowsperstrip=None if tile else 7,
        )
        if (photometric, extra) in UNDEFINED:
            with pytest.raises(ValueError, match="has .* colours multiplied by an alpha, expected straight ones"):
                read_image(file)
            continue
        bound = 8 * step if extra == "assocalpha" else 2 * step  # divided by an alpha of at least 0.2, rounded itself
        assert np.abs(read_image(file) - TRUE_COLOURS[photometric]).max() <= bound
        if extra in ("unassalpha", "assocalpha"):
            assert np.abs(read_alpha(file) - ALPHA).max() <= step
            with pytest.raises(ValueError, match="has transparent pixels"):
                read_plane(file)
        elif photometric.startswith("minis"):
            assert np.abs(read_plane(file) - COLOUR[:, :, 0]).max() <= 2 * step


@pytest.mark.parametrize(
    ("pixels", "options", "reason"),
    [
        pytest.param(np.zeros(SHAPE, "int8"), {}, "signed integers of 8 bits", id="int8"),
        pytest.param(np.zeros(SHAPE, "int16"), {}, "signed integers of 16 bits", id="int16"),
        pytest.param(np.zeros(SHAPE, "int32"), {}, "signed integers of 32 bits", id="int32"),
        pytest.param(np.zeros(SHAPE, "uint32"), {}, "unsigned integers of 32 bits", id="uint32"),
        pytest.param(np.zeros(SHAPE, "uint64"), {}, "unsigned integers of 64 bits", id="uint64"),
        pytest.param(np.zeros(SHAPE, "complex64"), {}, "numbers of an unknown kind of 64 bits", id="complex"),
        pytest.param(
            np.zeros((4, 16, 16), "uint8"), {"volumetric": True, "tile": (4, 16, 16)}, "volume of 4 slices", id="volume"
        ),
        pytest.param(np.zeros((*SHAPE, 3), "uint8"), {"photometric": "cielab"}, "colours of the kind CIELAB", id="Lab"),
        pytest.param(
            np.zeros(SHAPE, "uint16"),
            {"photometric": "palette", "colormap": np.zeros((3, 65536), "uint16")},
            "palette colours of 16 bits",
            id="16-bit palette",
        ),
        pytest.param(
            np.zeros((*SHAPE, 3), "uint16"), {"planarconfig": "contig"}, "3 channels", id="channels without a meaning"
        ),
        pytest.param(
            np.zeros((*SHAPE, 5), "uint16"),
            {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]},
            "5 channels",
            id="alpha behind another channel",
        ),
    ],
)
def test_what_cannot_be_read_rightly_is_refused(pixels, options, reason):
    file = tiff(pixels, **({"photometric": "minisblack"} | options))
    with pytest.raises(ValueError, match=rf"^image <stream> has .*{reason}.*, expected ") as caught:
        read_image(file)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(("value", "reason"), [(np.nan, "NaN or infinite"), (1.5, r"expected the range \[0, 1\]")])
def test_floating_point_numbers_must_be_colours(value, reason):
    with pytest.raises(ValueError, match=reason):
        read_image(tiff(np.full((*SHAPE, 3), value, np.float32), photometric="rgb"))


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palettes(bits):
    image = Image.fromarray(np.uint8(X % 2)).convert("P")
    image.putpalette([200, 100, 50, 10, 20, 30])
    file = io.BytesIO()
    image.save(file, "TIFF", bits=bits)
    expected = np.where((X % 2 == 0)[:, :, None], (200, 100, 50), (10, 20, 30))
    np.testing.assert_array_equal(np.rint(read_image(file) * 255), expected)


def test_bilevel():
    file = io.BytesIO()
    Image.fromarray(X % 3 == 0).save(file, "TIFF", compression="group4")
    np.testing.assert_array_equal(read_plane(file), X % 3 == 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["8 bits", "16 bits", "LZW"])
def test_orientation_is_applied_once_by_every_decoder(tmp_path, kind, orientation):
    deep = np.random.default_rng(4).integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    pixels = np.uint8(deep >> 8) if kind == "8 bits" else deep
    write = lzw_tiff if kind == "LZW" else tifffile.imwrite
    write(tmp_path / "a.tif", pixels, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    upright = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
        8: lambda a: np.rot90(a, 1),
    }[orientation](deep)
    tolerance = 0.5 / 65535 if kind != "8 bits" else 1 / 255
    assert np.abs(read_image(tmp_path / "a.tif") - upright / 65535).max() < tolerance


@pytest.mark.parametrize(
    ("dtype", "planar", "photometric", "extra"),
    [
        *itertools.product(["uint16", "float16"], ["separate"], ["rgb"], [None, "unassalpha"]),
        ("uint16", "contig", "minisblack", "unassalpha"),
        ("uint16", "contig", "separated", None),
        *itertools.product(["uint8", "uint16", "float32"], ["contig"], ["rgb"], [None, "unassalpha", "assocalpha"]),
        *itertools.product(["uint8", "uint16", "float32"], ["contig"], ["minisblack", "miniswhite"], [None]),
        *itertools.product(["uint8"], ["separate"], ["rgb"], [None, "unassalpha", "assocalpha", "unspecified"]),
        *itertools.product(["uint8"], ["separate"], ["minisblack", "miniswhite"], ["unspecified"]),
        ("uint8", "contig", "minisblack", "unassalpha"),
        ("uint8", "contig", "minisblack", "unspecified"),
        ("uint8", "separate", "separated", None),
    ],
)
def test_lzw_is_read_without_imagecodecs(tmp_path, dtype, planar, photometric, extra):
    """LZW of planes, of grey with alpha, of CMYK and of half floats was refused."""
    pixels = stored(dtype, photometric, planar, extra)
    lzw_tiff(
        tmp_path / "a.tif",
        pixels,
        photometric=photometric,
        extrasamples=[extra] if extra else None,
        planarconfig=planar if pixels.ndim == 3 else None,
    )
    bound = 8 * STEP[dtype] if extra == "assocalpha" else 2 * STEP[dtype]
    assert np.abs(read_image(tmp_path / "a.tif") - TRUE_COLOURS[photometric]).max() <= bound
    if extra in ("unassalpha", "assocalpha"):
        assert np.abs(read_alpha(tmp_path / "a.tif") - ALPHA).max() <= STEP[dtype]


def test_several_pages_are_said():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for value in (10, 200, 30):
            writer.write(np.full(SHAPE, value, np.uint16), photometric="minisblack", metadata=None, contiguous=False)
    with pytest.warns(UserWarning, match="has 3 pages or frames, of which only the first is read"):
        assert np.rint(read_plane(file).max() * 65535) == 10


def test_thumbnails_and_masks_are_no_pages():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for kind, dtype in ((0, np.uint8), (1, np.uint8), (4, bool)):
            writer.write(
                np.zeros(SHAPE, dtype), photometric="minisblack", metadata=None, subfiletype=kind, contiguous=False
            )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_plane(file)


def test_tags_of_what_is_written(tmp_path):
    for bits in (8, 16):
        write_image(tmp_path / "a.tif", np.dstack([COLOUR, ALPHA]), bits=bits, profile=b"p" * 128)
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            page = file.pages[0]
            assert (page.bitspersample, page.photometric, page.extrasamples) == (bits, 2, (2,))
            assert page.tags[34675].value == b"p" * 128
        assert read_profile(tmp_path / "a.tif") is None  # not of RGB


def test_same_pixels_give_the_same_bytes(tmp_path):
    for name in ("a.tif", "b.tif"):
        write_image(tmp_path / name, COLOUR, bits=16)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def changed(data, rng):
    """Return a file with a few bytes changed, most of them in its tags, or cut."""
    data = bytearray(data)
    if rng.random() < 0.2:
        return bytes(data[: int(rng.integers(1, len(data)))])
    for _ in range(int(rng.integers(1, 5))):
        start = int(rng.integers(4, len(data) if rng.random() < 0.3 else 300))
        data[start] = int(rng.integers(0, 256))
    return bytes(data)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_changed_files_are_a_picture_or_one_sentence(rng):
    """The tags lie at the beginning of these files; 2,000 more were tried by hand."""
    files = [
        tiff(
            stored(dtype, "rgb", planar, "assocalpha"),
            photometric="rgb",
            planarconfig=planar,
            extrasamples=["assocalpha"],
            compression=compression,
        ).getvalue()
        for dtype in ("uint16", "float32")
        for planar in ("contig", "separate")
        for compression in (None, "zlib")
    ]
    for _ in range(25):
        for data in files:
            outcome = outcome_of(changed(data, rng))
            assert outcome is None or re.fullmatch("image <stream> .*, expected .*", outcome)


def outcome_of(data):
    """Return the error of reading a file, None if it gives a picture."""
    try:
        return None if np.isfinite(read_image(io.BytesIO(data), max_pixels=10**5)).all() else "not finite"
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_missing_pixels_are_noticed(compression, planar):
    pixels = stored("uint16", "rgb", planar, None)
    data = tiff(pixels, photometric="rgb", planarconfig=planar, compression=compression, rowsperstrip=7).getvalue()
    for missing in (1, 10, 100):
        with pytest.raises(ValueError, match=r"is damaged or truncated .*some of its pixels are missing"):
            read_image(io.BytesIO(data[:-missing]))


def test_tifffile_prints_nothing_of_its_own():
    """Its log has no handler, so that Python would print it beside our one sentence."""
    code = (
        "import io, numpy, tifffile; from hybridmatte import read_image; file = io.BytesIO()\n"
        "tifffile.imwrite(file, numpy.zeros((9, 9), 'uint16'), metadata=None)\n"
        "data = file.getvalue().replace(b'\\x11\\x01', b'\\x77\\x77')\n"
        "try: read_image(io.BytesIO(data))\nexcept ValueError as error: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")
