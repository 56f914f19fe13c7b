import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from hybridmatte.io import files as files_module
from hybridmatte.io import pictures as image_module
from hybridmatte.io.pictures import (
    check_output,
    read_alpha,
    read_image,
    read_plane,
    read_profile,
    read_trimap,
    write_alpha,
    write_image,
)

PIXELS = np.random.default_rng(3).integers(0, 256, (5, 7, 3), dtype=np.uint8)
DEEP = np.random.default_rng(4).integers(0, 65536, (5, 7, 4), dtype=np.uint16)


def turned(pixels, orientation):
    """Return what a camera with this EXIF orientation stores: the tag says where row 0 and column 0 lie."""
    store = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(store[orientation](pixels))


def png(width, height, *, bits=8, kind=2, data=b""):
    """Return a PNG with any header and any data."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(data)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.tiff", "a.webp", "a.PNG"])
def test_lossless_formats_return_what_was_written(tmp_path, name):
    write_image(tmp_path / name, PIXELS)
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / name) * 255), PIXELS)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_jpeg_is_close(tmp_path):
    y, x = np.mgrid[:32, :40] / 40
    smooth = np.stack([y, x, 1 - x], axis=2)
    write_image(tmp_path / "a.jpg", smooth)
    assert np.abs(read_image(tmp_path / "a.jpg") - smooth).max() < 0.03


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_returns_what_was_written(tmp_path, name, channels):
    write_image(tmp_path / name, DEEP[:, :, :channels], bits=16)
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / name) * 65535), DEEP[:, :, :3])
    if channels == 4:
        np.testing.assert_array_equal(np.rint(read_alpha(tmp_path / name) * 65535), DEEP[:, :, 3])


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_grey_returns_what_was_written(tmp_path, name):
    write_alpha(tmp_path / name, DEEP[:, :, 0], bits=16)
    np.testing.assert_array_equal(np.rint(read_alpha(tmp_path / name) * 65535), DEEP[:, :, 0])


def test_our_sixteen_bit_tiff_is_read_by_others(tmp_path):
    write_image(tmp_path / "a.tif", DEEP, bits=16)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.tif"), cv2.IMREAD_UNCHANGED)[:, :, [2, 1, 0, 3]], DEEP)
    with Image.open(tmp_path / "a.tif") as other:
        assert other.mode == "RGBA"
        assert other.tag_v2[338] == (2,)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(tmp_path, kind, orientation):
    blocks = np.kron(PIXELS[:2, :3, :1] // 64 * 64, np.ones((16, 16, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(turned(blocks, orientation)).save(tmp_path / "a", kind, exif=exif, quality=100)
    tolerance = 0.1 if kind in ("JPEG", "WEBP") else 1e-6
    for read in (read_image, read_plane):
        came = read(tmp_path / "a")
        assert came.shape[:2] == blocks.shape[:2]
        expected = blocks if read is read_image else blocks[:, :, 0]
        assert np.abs(came - expected / 255.0).max() < tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_to_sixteen_bits(tmp_path, orientation):
    write_image(tmp_path / "a.png", turned(DEEP[:, :, :3], orientation), bits=16)
    data = (tmp_path / "a.png").read_bytes()
    exif = Image.Exif()
    exif[274] = orientation
    body = b"eXIf" + exif.tobytes()[6:]
    data = data[:33] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]
    (tmp_path / "b").write_bytes(data)
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / "b") * 65535), DEEP[:, :, :3])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_several_frames_are_said(kind):
    file = io.BytesIO()
    frames = [Image.new("L", (3, 2), value) for value in (10, 100, 200)]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], lossless=True)
    with pytest.warns(UserWarning, match="image <stream> has 3 pages or frames, of which only the first is read"):
        assert np.rint(read_image(file).max() * 255) == 10


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param("L", [[102, 102, 102]], id="grey"),
        pytest.param("LA", [[102, 102, 102]], id="grey and alpha"),
        pytest.param("P", [[200, 100, 50]], id="palette"),
        pytest.param("RGBA", [[200, 100, 50]], id="RGBA"),
        pytest.param("CMYK", [[200, 100, 50]], id="CMYK"),
        pytest.param("1", [[255, 255, 255]], id="bilevel"),
    ],
)
def test_modes_become_rgb(tmp_path, mode, expected):
    source = {
        "L": lambda: Image.new("L", (3, 2), 102),
        "LA": lambda: Image.new("LA", (3, 2), (102, 10)),
        "P": lambda: Image.new("RGB", (3, 2), (200, 100, 50)).quantize(4),
        "RGBA": lambda: Image.new("RGBA", (3, 2), (200, 100, 50, 7)),
        "CMYK": lambda: Image.new("CMYK", (3, 2), (55, 155, 205, 0)),
        "1": lambda: Image.new("1", (3, 2), 1),
    }[mode]()
    assert source.mode == mode
    source.save(tmp_path / "a", "TIFF" if mode == "CMYK" else "PNG")
    came = read_image(tmp_path / "a")
    assert came.shape == (2, 3, 3)
    assert came.dtype == np.float32
    np.testing.assert_allclose(came * 255, np.broadcast_to(expected, (2, 3, 3)), atol=0.01)


def test_plane_accepts_colour_files_without_colour(tmp_path, rng):
    grey = rng.integers(0, 256, (4, 6), dtype=np.uint8)
    write_image(tmp_path / "a.png", np.repeat(grey[:, :, None], 3, axis=2))
    np.testing.assert_array_equal(np.rint(read_trimap(tmp_path / "a.png") * 255), grey)


@pytest.mark.parametrize("read", [read_plane, read_trimap, read_alpha])
def test_planes_refuse_colour(tmp_path, read):
    write_image(tmp_path / "a.png", PIXELS)
    with pytest.raises(ValueError, match=r"a\.png has colour .* expected grey"):
        read(tmp_path / "a.png")


def test_trimap_refuses_transparency_but_alpha_is_it(tmp_path):
    write_image(tmp_path / "a.png", np.dstack([np.ones((2, 3, 3)), np.full((2, 3), 0.2)]))
    with pytest.raises(ValueError, match="trimap .*transparent"):
        read_trimap(tmp_path / "a.png")
    np.testing.assert_allclose(read_alpha(tmp_path / "a.png"), 0.2, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        pytest.param(None, FileNotFoundError, "does not exist", id="missing"),
        pytest.param(b"", ValueError, "is empty", id="empty"),
        pytest.param(b"hello, I am no picture\n", ValueError, "of another kind", id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n", ValueError, "damaged or truncated", id="signature only"),
        pytest.param(png(3, 2, data=b"\0" * 5), ValueError, "damaged or truncated", id="too little data"),
        pytest.param(
            png(50_000, 50_000), ValueError, r"50000 x 50000 = 2500000000 pixels, expected at most", id="bomb"
        ),
    ],
)
@pytest.mark.parametrize("read", [read_image, read_trimap, read_alpha])
def test_bad_files_are_named(tmp_path, read, data, error, match):
    path = tmp_path / "photo.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(error, match=match) as caught:
        read(path)
    assert "photo.png" in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "deep.png", "deep.tif", "deflated.tif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(tmp_path, kind, share, rng):
    noise = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    if kind.startswith("deep"):
        write_image(tmp_path / kind, noise, bits=16)
        data = (tmp_path / kind).read_bytes()
    elif kind == "deflated.tif":
        write_image(tmp_path / kind, noise)
        data = (tmp_path / kind).read_bytes()
    else:
        file = io.BytesIO()
        Image.fromarray(noise).save(file, kind)
        data = file.getvalue()
    (tmp_path / "cut").write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match="cut is damaged or truncated"):
        read_image(tmp_path / "cut")


def test_pixels_are_counted_before_decoding(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", PIXELS)
    assert read_image(tmp_path / "a.png", max_pixels=35).shape == (5, 7, 3)
    monkeypatch.setattr(image_module, "decode", None)
    with pytest.raises(ValueError, match=r"7 x 5 = 35 pixels, expected at most 34 \(max_pixels\)"):
        read_image(tmp_path / "a.png", max_pixels=34)


def test_pillows_own_limit_plays_no_part(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for name in ("a.png", "a.jpg", "a.tif", "a.webp"):
        write_image(tmp_path / name, PIXELS)
        assert read_image(tmp_path / name).shape == (5, 7, 3)


def test_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_image(tmp_path)


def test_streams():
    stream = io.BytesIO()
    write_image(stream, PIXELS)
    np.testing.assert_array_equal(np.rint(read_image(stream) * 255), PIXELS)
    with pytest.raises(ValueError, match="<stream> is of another kind"):
        read_image(io.BytesIO(b"text"))


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        pytest.param("a.gif", {}, "ends in '.gif', expected one of .png", id="unknown extension"),
        pytest.param("a", {}, "ends in ''", id="no extension"),
        pytest.param("a.jpg", {"bits": 16}, "expected .png or .tif", id="16-bit JPEG"),
        pytest.param("a.webp", {"bits": 16}, "expected .png or .tif", id="16-bit WebP"),
        pytest.param("a.png", {"bits": 12}, "bits is 12, expected 8 or 16", id="12 bits"),
    ],
)
def test_formats_refuse_what_they_cannot_hold(tmp_path, name, options, match):
    with pytest.raises(ValueError, match=match):
        write_alpha(tmp_path / name, np.zeros((2, 3)), **options)
    with pytest.raises(ValueError, match=match):
        check_output(tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


def test_jpeg_refuses_transparency(tmp_path):
    with pytest.raises(ValueError, match="transparency"):
        write_image(tmp_path / "a.jpg", np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="transparency"):
        check_output(tmp_path / "a.jpg", transparent=True)
    assert not list(tmp_path.iterdir())


def test_failed_writes_leave_nothing_and_keep_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_alpha(path, np.zeros((2, 3)))
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files_module.os, "replace", full)
    with pytest.raises(OSError, match=r"a\.png cannot be written \(No space left"):
        write_alpha(path, np.ones((2, 3)))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("folder", ["missing", "file.txt"])
def test_output_folder_must_exist(tmp_path, folder):
    (tmp_path / "file.txt").write_text("not a folder")
    with pytest.raises(OSError, match="folder that does not exist"):
        check_output(tmp_path / folder / "a.png")


def test_output_folder_must_be_writable(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files_module.Path, "write_bytes", refuse)
    with pytest.raises(PermissionError, match=r"a\.png cannot be written \(Permission denied\)"):
        check_output(tmp_path / "a.png")


def test_output_may_not_be_an_input(tmp_path):
    write_image(tmp_path / "a.png", PIXELS)
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    for output in ("a.png", "link.png"):
        with pytest.raises(ValueError, match="is also an input"):
            check_output(tmp_path / output, inputs=[tmp_path / "a.png"])
    check_output(tmp_path / "b.png", inputs=[tmp_path / "a.png"])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "link.png"]


def test_profile_survives(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, bits in [("a.png", 8), ("a.jpg", 8), ("a.tif", 8), ("a.webp", 8), ("b.png", 16), ("b.tif", 16)]:
        write_image(tmp_path / name, PIXELS, bits=bits, profile=profile)
        assert read_profile(tmp_path / name) == profile
        read_image(tmp_path / name)
    write_image(tmp_path / "c.png", PIXELS)
    assert read_profile(tmp_path / "c.png") is None


def test_rounding_is_to_the_nearest_step(tmp_path):
    write_alpha(tmp_path / "a.png", np.array([[0.0, 0.4999 / 255, 0.5001 / 255, 1.0]]))
    np.testing.assert_array_equal(np.rint(read_alpha(tmp_path / "a.png") * 255), [[0, 0, 1, 255]])
