"""Colour profiles, EXIF, resolution and orientation: results show and say what their photograph does."""

import io
import struct
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from hybridmatte import read_alpha, read_image, read_metadata, read_profile, write_alpha, write_image
from hybridmatte.automatic.from_mask import AutomaticResult
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.work import FileOptions, automatic_file
from hybridmatte.cli import main as run_command
from hybridmatte.io import profiles
from hybridmatte.io.profiles import convert_colours

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3_PRIMARIES = {
    b"rXYZ": (0.51512, 0.2412, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.1571, 0.06657, 0.78407),
}  # of Display P3, adapted to D50
EXIF, GPS = 34665, 34853
H, W = 30, 44
PIXELS = np.kron(
    np.random.default_rng(5).integers(0, 256, (H // 2, W // 2, 3), dtype=np.uint8), np.ones((2, 2, 1), np.uint8)
)
PLACE = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}


def display_p3():
    """The profile of a telephone's photographs: sRGB's curves, Display P3's primaries."""
    profile = bytearray(SRGB)
    for place in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12):
        name, start = struct.unpack_from(">4sI", profile, place)
        if name in P3_PRIMARIES:
            struct.pack_into(">3i", profile, start + 8, *(round(65536 * value) for value in P3_PRIMARIES[name]))
    return bytes(profile)


P3 = display_p3()


def shown(pixels, profile):
    """The sRGB numbers that a viewer shows, by LittleCMS."""
    transformed = ImageCms.profileToProfile(
        Image.fromarray(pixels), *(ImageCms.ImageCmsProfile(io.BytesIO(data)) for data in (profile, SRGB)), 1
    )
    return np.asarray(transformed).astype(int)


def main(arguments):
    """Run a command that must succeed."""
    with pytest.raises(SystemExit) as caught:
        run_command(arguments)
    assert caught.value.code == 0


def stored(pixels, orientation):
    """What a camera with this EXIF orientation stores."""
    turn = {2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: np.swapaxes(a, 0, 1)}
    turn |= {6: np.rot90, 7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1), 8: lambda a: np.rot90(a, -1)}
    return np.ascontiguousarray(turn.get(orientation, np.asarray)(pixels))


def camera_exif(orientation=1):
    exif = Image.Exif()
    exif[271], exif[315], exif[274] = "Maker", "Jos\xe9".encode("latin-1"), orientation
    exif[282], exif[283], exif[296] = 300.0, 150.0, 2
    height, width = stored(PIXELS, orientation).shape[:2]
    exif[EXIF] = {36867: "2024:05:06 07:08:09", 33434: 0.004, 40962: width, 40963: height, 37510: b"ASCII\0\0\0note"}
    exif[GPS] = PLACE
    return exif


def photograph(kind, orientation=1, profile=P3):
    """A file as a camera writes it: colour profile, EXIF with a place, 300 x 150 dots per inch as stored."""
    file = io.BytesIO()
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    options |= {} if kind == "WEBP" else {"dpi": (300, 150)}
    picture = Image.fromarray(stored(PIXELS, orientation))
    picture.save(file, kind, exif=camera_exif(orientation).tobytes(), icc_profile=profile, **options)
    return file


@pytest.mark.parametrize("command", ["-b #20a040", "-b @back.png", "-b @tagged.png"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_background_shows_its_colours_in_the_photographs_profile(tmp_path, command, bits):
    """On a Display P3 photograph, #20a040 showed as (0, 163, 47)."""
    colour = np.broadcast_to(np.uint8([32, 160, 64]), (H, W, 3))
    write_image(tmp_path / "cut.png", np.dstack([PIXELS, np.zeros((H, W), np.uint8)]), profile=P3)
    write_image(tmp_path / "back.png", colour)
    write_image(tmp_path / "tagged.png", colour, profile=SRGB)
    out = tmp_path / "out.png"
    main(f"composite {tmp_path}/cut.png -o {out} --bits {bits} {command.replace('@', str(tmp_path) + '/')}".split())
    assert read_profile(out) == P3
    assert np.abs(shown(np.uint8(np.rint(read_image(out) * 255)), P3) - colour).max() <= 1


def test_a_background_of_a_wide_gamut_on_a_photograph_without_profile(tmp_path):
    """No profile means sRGB, on either side; equal profiles change nothing."""
    back = np.uint8(np.random.default_rng(1).integers(60, 200, (H, W, 3)))
    for profile, expected in ((None, shown(back, P3)), (P3, back)):
        write_image(tmp_path / "cut.png", np.dstack([PIXELS, np.zeros((H, W), np.uint8)]), profile=profile)
        write_image(tmp_path / "back.png", back, profile=P3)
        main(f"composite {tmp_path}/cut.png -o {tmp_path}/out.png -b {tmp_path}/back.png --force".split())
        assert np.abs(np.rint(read_image(tmp_path / "out.png") * 255) - expected).max() <= (0 if profile else 1)


@pytest.mark.parametrize(("source", "target"), [(P3, SRGB), (SRGB, P3)], ids=["to sRGB", "to P3"])
def test_conversion_agrees_with_littlecms(monkeypatch, source, target):
    """In floating point, to half a step; profiles with tables go through LittleCMS itself."""
    pixels = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    opened = [ImageCms.ImageCmsProfile(io.BytesIO(profile)) for profile in (source, target)]
    expected = np.asarray(ImageCms.profileToProfile(Image.fromarray(pixels), *opened, 1)) / 255
    colours = np.float32(pixels / 255)
    assert np.abs(convert_colours(colours, source, target, "a") - expected).max() <= 1 / 255
    monkeypatch.setattr(profiles, "_screen_profile", lambda _: None)
    np.testing.assert_allclose(convert_colours(colours, source, target, "a"), expected, atol=1e-6)
    np.testing.assert_allclose(convert_colours(colours[0, 0], source, target, "a"), expected[0, 0], atol=1e-6)


def test_a_transparent_colour_is_no_background(tmp_path, capsys):
    """Its alpha was dropped without a word."""
    write_image(tmp_path / "cut.png", np.dstack([PIXELS, np.zeros((H, W), np.uint8)]))
    with pytest.raises(SystemExit) as caught:
        run_command(f"composite {tmp_path}/cut.png -o {tmp_path}/out.png -b #20a04080".split())
    assert caught.value.code == 2
    assert "background #20a04080 is a transparent colour, expected an opaque one" in capsys.readouterr().err


def test_a_broken_profile_is_one_sentence():
    """A background cannot be matched to a profile that cannot be read."""
    broken = P3[:16] + b"RGB " + P3[20:140]
    with pytest.raises(
        ValueError, match=r"background a has a colour profile that cannot be used .*, expected one of RGB"
    ):
        convert_colours(np.zeros((2, 3), np.float32), None, broken, "background a")


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("name", "bits"), [("a.png", 8), ("a.png", 16), ("a.tif", 8), ("a.tif", 16), ("a.jpg", 8), ("a.webp", 8)]
)
def test_results_keep_profile_exif_and_resolution(tmp_path, kind, orientation, name, bits):
    """Results had neither EXIF nor resolution; an orientation must not be applied twice."""
    file = photograph(kind, orientation)
    image, metadata = read_image(file), read_metadata(file)
    assert image.shape == (H, W, 3)
    assert metadata.orientation == orientation
    write_image(
        tmp_path / name, image, bits=bits, profile=metadata.profile, exif=metadata.exif, resolution=metadata.resolution
    )
    again = read_metadata(tmp_path / name)
    assert (again.profile, again.orientation) == (P3, 1)
    np.testing.assert_allclose(again.resolution, (150, 300) if orientation == 6 else (300, 150), atol=0.02)
    assert np.abs(read_image(tmp_path / name) - image).max() < (0.25 if name.endswith("jpg") else 1e-6)
    with Image.open(tmp_path / name) as result:
        exif = result.getexif()
        assert exif[271] == "Maker"
        with Image.open(file) as picture:  # Pillow writes a TIFF's text as ASCII
            assert exif[315] == picture.getexif()[315] == ("Jos?" if kind == "TIFF" else "Jos\xe9")
        details = exif.get_ifd(EXIF)
        assert (details[36867], details[37510]) == ("2024:05:06 07:08:09", b"ASCII\0\0\0note")
        assert (details[40962], details[40963]) == (W, H)
        assert {tag: value for tag, value in exif.get_ifd(GPS).items() if tag in PLACE} == PLACE
    write_alpha(
        tmp_path / f"alpha{name}", image[:, :, 0], bits=bits, exif=metadata.exif, resolution=metadata.resolution
    )
    assert read_metadata(tmp_path / f"alpha{name}")[1:] == again[1:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_place_is_dropped_on_request_only(kind):
    """--drop-gps leaves the place out, and nothing else."""
    for gps in (True, False):
        exif = Image.Exif()
        exif.load(read_metadata(photograph(kind), gps=gps).exif)
        assert bool(exif.get_ifd(GPS)) == gps
        assert exif.get_ifd(EXIF)[36867] == "2024:05:06 07:08:09"


def test_pictures_without_metadata_give_files_without():
    """No empty blocks are added, and the bytes stay as they were."""
    file = io.BytesIO()
    write_image(file, PIXELS)
    assert read_metadata(file) == (None, None, None, 1)


def test_the_thumbnail_is_not_kept():
    """An embedded thumbnail shows the old background."""
    head = camera_exif().tobytes()
    thumbnail = b"\xff\xd8thumbnail of the old picture\xff\xd9"
    start = len(head) - 6
    body = bytearray(head)
    (first,) = struct.unpack_from(">I", body, 10)
    (count,) = struct.unpack_from(">H", body, 6 + first)
    struct.pack_into(">I", body, 6 + first + 2 + 12 * count, start)
    body += struct.pack(">HHHIIHHIII", 2, 513, 4, 1, start + 30, 514, 4, 1, len(thumbnail), 0) + thumbnail
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", exif=bytes(body))
    assert b"thumbnail of the old" in file.getvalue()
    assert b"thumbnail of the old" not in read_metadata(file).exif


def test_a_stacks_description_is_not_kept():
    """The description of an ImageJ stack would make one picture look like five."""
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((5, H, W), np.uint16), imagej=True, resolution=(300, 150))
    exif = read_metadata(file).exif
    assert exif is None or b"ImageJ=" not in exif


def test_a_block_too_long_for_a_jpeg_is_left_out_with_a_warning(tmp_path):
    """The work of a long solve was lost if its EXIF did not fit the format."""
    exif = camera_exif()
    exif[EXIF] = {37510: b"x" * 70_000}
    with pytest.warns(UserWarning, match="EXIF block has .* is left out, because a JPEG holds 65533"):
        write_image(tmp_path / "a.jpg", PIXELS, exif=exif.tobytes())
    assert read_metadata(tmp_path / "a.jpg").exif is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["deep TIFF", "deep PNG"])
def test_orientation_with_profile_and_sixteen_bits(tmp_path, kind, orientation):
    """The three together: upright once, all 16 bits, and the profile."""
    deep = np.random.default_rng(4).integers(0, 65536, (H, W, 3), dtype=np.uint16)
    if kind == "deep TIFF":
        tifffile.imwrite(
            tmp_path / "a",
            stored(deep, orientation),
            photometric="rgb",
            extratags=[(274, "H", 1, orientation, True)],
            iccprofile=P3,
            metadata=None,
        )
    else:
        exif = camera_exif(orientation).tobytes()
        write_image(tmp_path / "a.png", stored(deep, orientation), bits=16, profile=P3, exif=exif)
        (tmp_path / "a.png").rename(tmp_path / "a")
    metadata = read_metadata(tmp_path / "a")
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / "a") * 65535), deep)
    assert (metadata.profile, metadata.orientation) == (P3, orientation)


class TestTrimapsOfTurnedPhotographs:
    """A trimap that was made before or after turning: used rightly, refused, or, where no shape can tell, said."""

    @pytest.fixture
    def work(self, tmp_path):
        def of(orientation, alpha, alpha_orientation=1):
            (tmp_path / "photo.jpg").write_bytes(photograph("JPEG", orientation).getvalue())
            exif = None
            if alpha_orientation != 1:
                exif = Image.Exif()
                exif[274] = alpha_orientation
            Image.fromarray(alpha).save(tmp_path / "mask.png", **({} if exif is None else {"exif": exif}))
            job = Job(tmp_path / "photo.jpg", tmp_path / "mask.png", tmp_path / "out.png")
            automatic_file(job, estimate=estimate, alpha_only=True, files=FileOptions())
            return np.rint(read_alpha(tmp_path / "out.png") * 255)

        def estimate(image, mask):
            assert image.shape[:2] == mask.shape
            return AutomaticResult(mask, None, "the mask")

        return of

    ALPHA = np.uint8(np.add.outer(np.arange(H), np.arange(W)) * 3)

    @pytest.mark.parametrize("orientation", [5, 6, 7, 8])
    def test_a_quarter_turn(self, work, orientation):
        np.testing.assert_array_equal(work(orientation, self.ALPHA), self.ALPHA)
        before = stored(self.ALPHA, orientation)
        np.testing.assert_array_equal(work(orientation, before, orientation), self.ALPHA)
        with pytest.raises(
            ValueError, match=r"mask\.png is 30 x 44 but the upright image is 44 x 30 .*orientation of .*"
        ):
            work(orientation, before)

    @pytest.mark.parametrize("orientation", [2, 3, 4])
    def test_a_turn_that_keeps_the_shape(self, work, orientation):
        with pytest.warns(UserWarning, match=rf"orientation of image .* is {orientation} and that of mask .* is 1"):
            np.testing.assert_array_equal(work(orientation, self.ALPHA), self.ALPHA)
        before = stored(self.ALPHA, orientation)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(work(orientation, before, orientation), self.ALPHA)

    def test_a_trimap_with_an_orientation_of_its_own(self, work):
        with pytest.warns(UserWarning, match="that of mask .* is 3; both are applied"):
            work(1, self.ALPHA, 3)
        with pytest.raises(ValueError, match="expected a mask of the upright image"):
            work(1, self.ALPHA, 6)


def test_commands_keep_metadata(tmp_path):
    """Through the command line: profile, EXIF and resolution in the output, the place out with --drop-gps."""
    (tmp_path / "photo.jpg").write_bytes(photograph("JPEG", 6).getvalue())
    write_alpha(tmp_path / "alpha.png", np.uint8(np.indices((H, W))[1] > W // 2) * 255)
    for command in ("composite", "decontaminate"):
        for option in ("", " --drop-gps"):
            out = tmp_path / "out.tif"
            main(f"{command} {tmp_path}/photo.jpg {tmp_path}/alpha.png -o {out} --bits 16 --force{option}".split())
            metadata = read_metadata(out)
            exif = Image.Exif()
            exif.load(metadata.exif)
            assert (metadata.profile, metadata.orientation, exif[271]) == (P3, 1, "Maker")
            assert metadata.resolution == (150, 300)
            assert bool(exif.get_ifd(GPS)) == (option == "")


def test_blended_labels_keep_metadata_and_may_drop_the_place(tmp_path, monkeypatch):
    """`blend` had no --drop-gps."""
    network_work = pytest.importorskip("hybridmatte.batch.network_work")
    monkeypatch.setattr(network_work, "load_teacher", lambda _: None)
    monkeypatch.setattr(network_work, "predict_labels", lambda _, __, mask: mask)
    (tmp_path / "photo.jpg").write_bytes(photograph("JPEG", 1).getvalue())
    write_alpha(tmp_path / "mask.png", np.uint8(np.indices(PIXELS.shape[:2])[1] > 9) * 255)
    for option in ("", " --drop-gps"):
        out = tmp_path / f"out{len(option)}.tif"
        main(f"blend teacher {tmp_path}/photo.jpg {tmp_path}/mask.png -o {out}{option}".split())
        exif = Image.Exif()
        exif.load(read_metadata(out).exif)
        assert exif[271] == "Maker"
        assert bool(exif.get_ifd(GPS)) == (option == "")


def test_metadata_of_a_png_of_too_many_pixels_are_refused():
    """The EXIF block may lie behind the pixels, which were decoded to find it: gigabytes for a file of kilobytes."""
    file = io.BytesIO()
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "here")
    Image.new("1", (20_000, 20_000)).save(file, "PNG", pnginfo=text)
    with pytest.raises(ValueError, match="= 400000000 pixels, expected at most"):
        read_metadata(file)
