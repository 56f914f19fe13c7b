"""OpenEXR: what is written comes back, light above 1 is kept, and damaged or odd files are refused in one sentence."""

import io
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest

import hybridmatte
from hybridmatte import read_alpha, read_exr, read_image, read_mask, read_trimap, write_alpha, write_exr, write_image
from hybridmatte.batch.light import write_light
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.work import FileOptions, composite_file, cutout_file
from hybridmatte.io import _codec
from hybridmatte.io.exr import is_exr
from hybridmatte.io.light import to_light, to_numbers
from tests.synthetic import soft_disk

OpenEXR = pytest.importorskip("OpenEXR", reason="the extra video is not installed")

LIGHT = np.random.default_rng(5).random((9, 13, 3)).astype(np.float32) * 20
ALPHA = np.random.default_rng(6).random((9, 13)).astype(np.float32).clip(0.1, 1)
HALF = 2**-11  # relative rounding of a half-float number


def save(path, channels, **header):
    """Write a file as another program does: channels as given, and attributes of the header."""
    whole = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(whole, {name: np.ascontiguousarray(plane) for name, plane in channels.items()}).write(str(path))


def test_eight_bits_come_back(tmp_path):
    """A picture of a screen is stored as linear light, and read as the same numbers."""
    pixels = np.random.default_rng(7).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    write_image(tmp_path / "a.exr", pixels)
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / "a.exr") * 255), pixels)
    write_image(tmp_path / "grey.exr", pixels[:, :, 0])
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / "grey.exr")[:, :, 1] * 255), pixels[:, :, 0])


@pytest.mark.parametrize(("bits", "tolerance"), [(16, HALF), (32, 1e-6)])
def test_light_above_one_is_kept(tmp_path, bits, tolerance):
    write_exr(tmp_path / "a.exr", LIGHT, ALPHA, bits=bits, rate=Fraction(24000, 1001), chromaticities=tuple(range(8)))
    picture = read_exr(tmp_path / "a.exr")
    np.testing.assert_allclose(picture.colour, LIGHT, rtol=2 * tolerance + 1e-6)
    np.testing.assert_allclose(picture.alpha, ALPHA, atol=tolerance)
    assert picture.rate == Fraction(24000, 1001)
    assert picture.chromaticities == tuple(range(8))


def test_pixels_that_are_not_square(tmp_path):
    """Frames of anamorphic cameras have pixels of 2 to 1; the file said 1."""
    write_exr(tmp_path / "a.exr", LIGHT, ALPHA, pixel_aspect=2)
    assert read_exr(tmp_path / "a.exr").pixel_aspect == 2
    assert OpenEXR.File(str(tmp_path / "a.exr")).header()["pixelAspectRatio"] == 2
    with pytest.raises(ValueError, match="pixel_aspect is 0.0, expected a finite number above 0"):
        write_exr(tmp_path / "a.exr", LIGHT, pixel_aspect=0)


def test_colours_are_stored_multiplied_by_alpha(tmp_path):
    """OpenEXR has associated alpha: other programs read the product."""
    write_exr(tmp_path / "a.exr", LIGHT, ALPHA, bits=32)
    stored = OpenEXR.File(str(tmp_path / "a.exr"), separate_channels=True).channels()
    np.testing.assert_allclose(stored["G"].pixels, LIGHT[:, :, 1] * ALPHA, rtol=1e-6)
    straight = read_exr(tmp_path / "a.exr", premultiplied=False).colour
    np.testing.assert_allclose(straight, LIGHT * ALPHA[:, :, None], rtol=1e-6)


def test_read_image_gives_the_numbers_of_a_screen(tmp_path):
    """Solvers take sRGB in [0, 1]: half of white in light is 0.735; brighter than white is white."""
    write_exr(tmp_path / "a.exr", np.float32([[[0.5, 1, 7], [-0.1, 0.001, 0]]]))
    expected = [[[0.7353569, 1, 1], [0, 0.01292, 0]]]
    np.testing.assert_allclose(read_image(tmp_path / "a.exr"), expected, atol=3e-4)
    light = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(to_light(to_numbers(light)), light, atol=1e-6)


def test_masks_and_alphas_are_numbers_and_no_light(tmp_path):
    """A mask of 0.5 in a render is half transparent, not 0.735."""
    write_alpha(tmp_path / "a.exr", ALPHA, bits=32)
    for read in (read_alpha, read_mask, read_trimap):
        np.testing.assert_array_equal(read(tmp_path / "a.exr"), ALPHA)
    save(tmp_path / "only.exr", {"A": ALPHA})
    np.testing.assert_array_equal(read_alpha(tmp_path / "only.exr"), ALPHA)
    save(tmp_path / "rgb.exr", dict.fromkeys("RGB", ALPHA))
    np.testing.assert_array_equal(read_mask(tmp_path / "rgb.exr"), ALPHA)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint32])
def test_types_of_numbers(tmp_path, dtype):
    channels = {name: LIGHT[:, :, c].astype(dtype) for c, name in enumerate("RGB")}
    save(tmp_path / "a.exr", channels)
    np.testing.assert_array_equal(read_exr(tmp_path / "a.exr").colour, LIGHT.astype(dtype).astype(np.float32))


def test_a_window_that_differs_from_the_picture(tmp_path):
    """Renders store a crop, or more than the picture; the result has the size of the picture."""
    planes = {name: LIGHT[:, :, c] for c, name in enumerate("RGB")}
    save(tmp_path / "a.exr", planes, dataWindow=((2, -3), (14, 5)), displayWindow=((0, 0), (9, 7)))
    colour = read_exr(tmp_path / "a.exr").colour
    assert colour.shape == (8, 10, 3)
    np.testing.assert_array_equal(colour[:6, 2:], LIGHT[3:, :8])
    assert not colour[6:].any()
    assert not colour[:, :2].any()


def test_the_only_layer_with_colours_is_read(tmp_path):
    save(tmp_path / "a.exr", {f"beauty.{name}": LIGHT[:, :, c] for c, name in enumerate("RGB")} | {"Z": ALPHA})
    np.testing.assert_array_equal(read_exr(tmp_path / "a.exr").colour, LIGHT)
    save(tmp_path / "b.exr", {f"{layer}.{name}": ALPHA for layer in ("one", "two") for name in "RGB"})
    with pytest.raises(ValueError, match=r"b\.exr has the channels one\.B, .*, expected R, G and B"):
        read_exr(tmp_path / "b.exr")


def test_several_parts(tmp_path):
    parts = [OpenEXR.Part({"name": name}, {c: ALPHA for c in "RGB"}) for name in ("first", "second", "third")]
    OpenEXR.File(parts).write(str(tmp_path / "a.exr"))
    with pytest.warns(UserWarning, match=r"a\.exr has 3 pages or frames, of which only the first is read"):
        np.testing.assert_array_equal(read_exr(tmp_path / "a.exr").colour[:, :, 0], ALPHA)


@pytest.mark.parametrize("kept", [7, 60, 400, 0.6, 0.99])
def test_truncated_files(tmp_path, kept):
    write_exr(tmp_path / "whole.exr", LIGHT, ALPHA)
    content = (tmp_path / "whole.exr").read_bytes()
    (tmp_path / "a.exr").write_bytes(content[: kept if kept > 1 else int(kept * len(content))])
    with pytest.raises(ValueError, match=r"a\.exr is damaged or truncated"):
        read_image(tmp_path / "a.exr")


def test_damage_is_one_sentence(tmp_path):
    """Whatever bytes are wrong, no other exception comes."""
    write_exr(tmp_path / "whole.exr", LIGHT, ALPHA)
    content, generator = (tmp_path / "whole.exr").read_bytes(), np.random.default_rng(8)
    for _ in range(200):
        changed = bytearray(content)
        for place in generator.integers(4, 700, 3):
            changed[place] = generator.integers(256)
        with suppress(ValueError):
            read_image(io.BytesIO(bytes(changed)))


def test_size_is_checked_before_decoding(tmp_path):
    write_exr(tmp_path / "a.exr", LIGHT)
    with pytest.raises(ValueError, match="has 13 x 9 = 117 pixels, expected at most 100"):
        read_image(tmp_path / "a.exr", max_pixels=100)
    planes = {name: LIGHT[:, :, 0] for name in "RGB"}
    save(tmp_path / "b.exr", planes, dataWindow=((0, 0), (12, 8)), displayWindow=((0, 0), (3, 3)))
    with pytest.raises(ValueError, match=r"117 stored pixels, more than 100"):
        read_image(tmp_path / "b.exr", max_pixels=100)


def test_what_is_refused(tmp_path):
    colours = LIGHT.copy()
    colours[0, 0] = np.nan
    with pytest.raises(ValueError, match="colour has 3 NaN values"):
        write_exr(tmp_path / "a.exr", colours)
    save(tmp_path / "nan.exr", {name: colours[:, :, 0] for name in "RGB"})
    for read in (read_image, read_exr):
        with pytest.raises(ValueError, match=r"nan\.exr has 3 NaN"):
            read(tmp_path / "nan.exr")
    save(tmp_path / "uv.exr", {"U": ALPHA, "V": ALPHA})
    with pytest.raises(ValueError, match=r"has the channels U, V, expected R, G and B"):
        read_image(tmp_path / "uv.exr")
    write_image(tmp_path / "a.png", LIGHT / 20)
    with pytest.raises(ValueError, match="is a PNG file, expected an OpenEXR file"):
        read_exr(tmp_path / "a.png")
    with pytest.raises(ValueError, match="bits is 8, expected 16 or 32"):
        write_exr(tmp_path / "a.exr", LIGHT, bits=8)
    with pytest.raises(ValueError, match="bits is 32, expected 8 or 16"):
        write_image(tmp_path / "a.png", LIGHT / 20, bits=32)


def test_without_the_extra(tmp_path, monkeypatch):
    write_exr(tmp_path / "a.exr", LIGHT)
    monkeypatch.setattr(_codec, "find_spec", lambda _: None)
    advice = r"is an OpenEXR file and OpenEXR is not installed.*pip install 'hybridmatte\[video\]'"
    with pytest.raises(hybridmatte.MissingExtraError, match=advice):
        read_image(tmp_path / "a.exr")
    for write in (write_image, write_exr):
        with pytest.raises(hybridmatte.MissingExtraError, match=advice):
            write(tmp_path / "b.exr", LIGHT / 20)


def test_the_bytes_tell_the_format(tmp_path):
    write_exr(tmp_path / "a.exr", LIGHT)
    (tmp_path / "a.exr").rename(tmp_path / "a.png")
    assert is_exr(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == LIGHT.shape


def bright_scene(folder):
    """Write a soft disk as light of up to 8 and its trimap; return both paths, the light and the alpha."""
    image, trimap, alpha = soft_disk()
    light = to_light(image) * np.float32(8)
    write_exr(folder / "photo.exr", light)
    write_alpha(folder / "trimap.png", trimap)
    return folder / "photo.exr", folder / "trimap.png", light, alpha


def test_a_cutout_from_file_to_file_keeps_light_above_one(tmp_path):
    """The colours of a bright object were cut at white."""
    image, trimap, light, _ = bright_scene(tmp_path)
    cutout_file(Job(image, trimap, tmp_path / "cut.exr"), quality="fast", files=FileOptions())
    cut = read_exr(tmp_path / "cut.exr")
    inside = cut.alpha == 1
    assert light[inside].max() > 1.5
    np.testing.assert_allclose(cut.colour[inside], light[inside], rtol=2 * HALF)


def test_a_composite_from_file_to_file_is_made_in_light(tmp_path):
    image, _, light, alpha = bright_scene(tmp_path)
    write_alpha(tmp_path / "alpha.exr", alpha, bits=32)
    job = Job(image, tmp_path / "alpha.exr", tmp_path / "over.exr", "black")
    composite_file(job, files=FileOptions())
    over = read_exr(tmp_path / "over.exr")
    assert over.alpha is None
    inside = alpha == 1
    np.testing.assert_allclose(over.colour[inside], light[inside], rtol=2 * HALF)
    assert not over.colour[alpha == 0].any()


def test_a_cutout_over_a_bright_background(tmp_path):
    """The stored colours of a cut-out are used as they are, and a background above 1 stays so."""
    write_exr(tmp_path / "cut.exr", LIGHT, ALPHA, bits=32)
    write_exr(tmp_path / "sky.exr", np.full((9, 13, 3), 5, np.float32))
    job = Job(tmp_path / "cut.exr", None, tmp_path / "over.exr", tmp_path / "sky.exr")
    write_light(job, ALPHA, bits=32, fit="cover", max_pixels=1000)
    weight = ALPHA[:, :, None]
    np.testing.assert_allclose(read_exr(tmp_path / "over.exr").colour, LIGHT * weight + 5 * (1 - weight), rtol=1e-5)
