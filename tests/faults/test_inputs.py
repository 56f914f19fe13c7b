"""Pictures as people have them: other formats, Pillow images, arrays of other byte orders, labels, mixed folders."""

import io
import os
import struct
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image, features

import hybridmatte
from hybridmatte.batch.pairing import pair_by_stem, sentences, without_partner, without_picture
from hybridmatte.cli.folder_run import Request, run
from hybridmatte.io import _codec
from hybridmatte.io.pictures import read_alpha, read_image, read_plane, read_trimap, write_image
from hybridmatte.trimap import trimap_from_mask

PIXELS = np.kron(np.random.default_rng(3).integers(0, 256, (3, 4, 3), dtype=np.uint8), np.ones((16, 16, 1), np.uint8))
GREY = PIXELS[:, :, 0]
NEEDS_AVIF = pytest.mark.skipif(
    "avif" not in features.modules or not features.check("avif"), reason="Pillow without AVIF"
)
NEEDS_HEIC = pytest.mark.skipif(find_spec("pillow_heif") is None, reason="extra heic not installed")


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("BMP", {}, 0),
        ("GIF", {}, 0.5 / 255),
        ("JPEG", {"quality": 100, "subsampling": 0}, 0.02),
        pytest.param("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 0.03, marks=NEEDS_AVIF),
        pytest.param("HEIF", {"quality": 100, "chroma": 444}, 0.03, marks=NEEDS_HEIC),
    ],
)
def test_formats_of_cameras_and_telephones_are_read(kind, options, tolerance):
    """BMP, GIF, AVIF and HEIC were "of another kind"."""
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    picture = Image.fromarray(PIXELS)
    picture = picture.quantize(64, dither=Image.Dither.NONE) if kind == "GIF" else picture
    file = saved(picture, kind, **options)
    assert np.abs(read_image(file) - PIXELS / 255).max() <= tolerance + 1e-6


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bitmaps_of_every_depth(mode):
    """1, 8, 24 and 32 bits."""
    picture = Image.fromarray(PIXELS).convert(mode)
    np.testing.assert_array_equal(
        np.rint(read_image(saved(picture, "BMP")) * 255), np.asarray(picture.convert("RGB"), float)
    )


def test_a_rare_bitmap_is_unsupported_not_damaged():
    """A JPEG inside a BMP is a whole file of a kind that Pillow does not read."""
    data = bytearray(saved(Image.fromarray(PIXELS), "BMP").getvalue())
    struct.pack_into("<I", data, 30, 4)
    with pytest.raises(ValueError, match="has a layout that is not supported .*, expected") as caught:
        read_image(io.BytesIO(data))
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("kind", ["GIF", "AVIF"])
def test_the_first_frame_of_an_animation_is_said(kind):
    """An animation gives its first frame, with a warning; a still gives none."""
    if kind == "AVIF" and not ("avif" in features.modules and features.check("avif")):
        pytest.skip("Pillow without AVIF")
    frames = [Image.new("RGB", (64, 48), (value, 0, 0)) for value in (250, 100, 20)]
    file = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="image <stream> has 3 pages or frames, of which only the first is read"):
        assert np.abs(read_image(file)[0, 0] - (250 / 255, 0, 0)).max() < 0.02
    read_image(saved(frames[0], kind))


@pytest.mark.parametrize("name", ["photo.jfif", "photo.JFIF"])
def test_jfif_is_a_jpeg(tmp_path, name):
    """Browsers save JPEG files as .jfif."""
    write_image(tmp_path / name, PIXELS)
    assert (tmp_path / name).read_bytes().startswith(b"\xff\xd8\xff")
    jobs, problems = pair_by_stem(tmp_path, None, tmp_path / "out")
    assert ([job.image.name for job in jobs], problems) == ([name], [])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"8BPS\0\1", "a Photoshop document"),
        (b"gimp xcf v011", "a GIMP document"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\0\0\x0cjP  \r\n", "a JPEG 2000 file"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL file"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", r"a camera's raw file \(CR3\)"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isommp41", "a video"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'>", "an SVG drawing"),
        (b"\n<!DOCTYPE html><html><body>Not found</body></html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a Git LFS pointer"),
        (b"\0" * 128 + b"DICM", "a DICOM file"),
    ],
)
def test_other_kinds_are_refused_by_name(tmp_path, data, name):
    """A PSD was "of another kind"."""
    (tmp_path / "photo.png").write_bytes(data)
    for read in (read_image, read_trimap, read_alpha):
        with pytest.raises(ValueError, match=rf"photo\.png is {name}.*, expected a PNG, JPEG, TIFF, WebP"):
            read(tmp_path / "photo.png")


def test_heic_without_its_package_says_what_to_install(monkeypatch):
    """A photograph of a telephone needs the extra heic."""
    monkeypatch.setattr(_codec, "find_spec", lambda _: None)
    file = io.BytesIO(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 50)
    with pytest.raises(hybridmatte.MissingExtraError, match=r"is a HEIC file .*pip install 'hybridmatte\[heic\]'"):
        read_image(file)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I;16"])
def test_pillow_images_mean_what_they_show(mode):
    """A palette's indices were taken for grey, CMYK for RGBA, HSV and YCbCr for RGB."""
    picture = Image.fromarray(PIXELS)
    if mode == "I;16":
        picture = Image.fromarray(GREY.astype(np.uint16) * 257)
        expected = np.repeat(GREY[:, :, None], 3, axis=2)
    else:
        picture = picture.convert("RGB" if mode == "PA" else mode)
        picture = picture.convert("P").convert("PA") if mode == "PA" else picture
        expected = np.asarray(picture.convert("RGB"))
    found = hybridmatte.composite(picture, np.ones(GREY.shape), np.zeros(3))
    np.testing.assert_allclose(found * 255, expected, atol=0.01)
    file = io.BytesIO()
    write_image(file, picture)
    np.testing.assert_allclose(read_image(file) * 255, expected, atol=0.51)


@pytest.mark.parametrize("mode", ["LAB", "I"])
def test_pillow_images_without_a_meaning_are_refused(mode):
    """Lab numbers are no RGB, and 32-bit integers have no full scale."""
    with pytest.raises(ValueError, match=f"foreground is a Pillow image of mode {mode}, .*expected mode L, RGB"):
        hybridmatte.composite(Image.new(mode, (4, 3)), np.ones((3, 4)), np.zeros(3))


def test_a_palette_as_plane_is_grey_or_refused():
    """The indices of a label image in colours were taken for a trimap."""
    labels = Image.fromarray(np.uint8([[0, 1, 15, 255]]), "L").copy()
    labels.putpalette([*range(256)] * 3)
    grey = Image.fromarray(np.uint8([[0, 1, 2]])).convert("P")
    grey.putpalette([0, 0, 0, 128, 128, 128, 255, 255, 255])
    np.testing.assert_array_equal(hybridmatte.split_trimap(grey).is_unknown, [[False, True, False]])
    with pytest.raises(ValueError, match=r"mask is a Pillow image of mode P, .*numpy\.asarray\(mask\) == label"):
        trimap_from_mask(labels)


@pytest.mark.parametrize("dtype", [">u2", "<u2", ">f4", ">f8", "<f2"])
def test_arrays_of_either_byte_order(dtype):
    """Arrays of big-endian files were refused for their dtype."""
    values = np.linspace(0, 1, 12).reshape(3, 4)
    array = (np.rint(values * 65535) if dtype.endswith("u2") else values).astype(dtype)
    np.testing.assert_allclose(hybridmatte.composite(array, array, np.zeros(3))[:, :, 0], values**2, atol=1e-3)
    file = io.BytesIO()
    hybridmatte.write_alpha(file, array, bits=16)
    np.testing.assert_allclose(read_plane(file), values, atol=1e-3)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint32", ">i2"])
def test_label_arrays_are_refused_with_the_remedy(dtype):
    """Segmenters return labels as integers."""
    with pytest.raises(TypeError, match=r"mask has dtype .*take one label: labels == label"):
        trimap_from_mask(np.eye(5, dtype=dtype))


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (np.full((4, 5, 3), 200), r" \(image.astype\(numpy.uint8\) keeps its values, which reach 200\)$"),
        (np.full((4, 5), 255, np.int32), r" \(image.astype\(numpy.uint8\) keeps its values, which reach 255\)$"),
        (np.full((4, 5, 3), 60000), r" \(image.astype\(numpy.uint16\) keeps its values, which reach 60000\)$"),
        (np.full((4, 5, 3), 70000), "floating point$"),
        (np.full((4, 5, 3), -200), "floating point$"),
        (np.full((4, 5, 3), 1), "floating point$"),
        (np.full((4, 5), 7), r" \(of a label array, take one label: labels == label\)$"),
    ],
)
def test_pictures_of_wide_integers_are_refused_with_the_remedy(array, remedy):
    """NumPy makes int64 of a picture that is computed with; labels were the only remedy that was named."""
    with pytest.raises(TypeError, match="image has dtype int.*" + remedy):
        hybridmatte.matte(array, np.full((4, 5), 0.5))


@pytest.mark.parametrize("labels", [(0, 1), (0, 1, 2), (0, 7, 19), (0, 38), (0, 33, 90, 120)])
def test_label_masks_are_refused(labels):
    """Labels of a data set's classes, such as 38, gave a trimap that is all background."""
    mask = np.random.default_rng(0).choice(np.uint8(labels), (20, 30))
    with pytest.raises(ValueError, match=r"mask has .*expected white near 1"):
        trimap_from_mask(mask)


def test_masked_arrays_are_refused():
    """The mask of a masked array was dropped without a word."""
    array = np.ma.masked_greater(np.linspace(0, 1, 12).reshape(3, 4), 0.5)
    with pytest.raises(ValueError, match="alpha is a masked array with masked values"):
        hybridmatte.composite(np.zeros((3, 4, 3)), array, np.zeros(3))


def test_every_file_of_a_folder_that_is_not_taken_is_counted_and_named(tmp_path):
    """Files with other extensions, hidden files, folders, dangling links, loops and partnerless trimaps went unsaid."""
    images, trimaps = tmp_path / "images", tmp_path / "trimaps"
    for folder in (images, trimaps, images / "older"):
        folder.mkdir()
    for name in ("a.png", "b.HEIC", "notes.txt", "c.psd", ".DS_Store", "Thumbs.db"):
        (images / name).touch()
    os.symlink(images / "gone.png", images / "dangling.png")
    os.symlink(images / "loop.png", images / "loop.png")
    for name in ("a.png", "b.png", "z.png", "readme"):
        (trimaps / name).touch()
    jobs, problems = pair_by_stem(images, trimaps, tmp_path / "out")
    assert [job.image.name for job in jobs] == ["a.png", "b.HEIC"]
    assert [problem.split(", which is")[1] for problem in problems] == [" no file, expected a picture"] * 2  # the links
    lines = sentences(without_picture(images), images, "image")
    assert lines == [
        f"image {images}: 1 not taken, hidden: .DS_Store",
        f"image {images}: 3 not taken, not named like a picture: Thumbs.db, c.psd, notes.txt",
        f"image {images}: 1 not taken, a folder: older",
    ]
    assert without_picture(trimaps) | without_partner(images, trimaps) == {
        "readme": "not named like a picture",
        "z.png": "no image of that stem",
    }


def test_a_folder_run_names_what_it_does_not_take(tmp_path, capsys):
    """The summary counted written and failed files alone."""
    for folder in ("images", "trimaps"):
        (tmp_path / folder).mkdir()
        write_image(tmp_path / folder / "a.png", PIXELS)
        (tmp_path / folder / "list.txt").touch()
    write_image(tmp_path / "trimaps" / "z.png", PIXELS)
    done = []
    request = Request(*(str(tmp_path / name) for name in ("images", "trimaps", "out")))
    run(request, lambda job, budget: done.append((job, budget)))
    lines = capsys.readouterr().err.splitlines()
    assert len(done) == 1
    assert sum("1 not taken, not named like a picture: list.txt" in line for line in lines) == 2
    assert f"trimap {tmp_path / 'trimaps'}: 1 not taken, no image of that stem: z.png" in lines
    assert lines[-1] == "1 written, 0 already there, 0 failed"
