"""What a clip says of its colours, pixels and turn survives, in every container."""

import io
import struct
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageOps

from hybridmatte import read_exr, read_metadata, write_exr, write_image
from hybridmatte.video import read_clip, write_clip
from hybridmatte.video.colours import ColourTags, tags_for
from hybridmatte.video.planes import arrays_of
from tests.faults.test_metadata import P3, SRGB, shown
from tests.video.made import N, av, full, make_video, scene

GREYS = [30, 240, 8]
COLUMNS = [5, 30, 60]
ALPHA, OPAQUE = True, False
OUTPUTS = [
    ("a.mov", None, ALPHA),
    ("a.webm", None, ALPHA),
    ("a.mkv", None, ALPHA),
    ("b.mov", "png", ALPHA),
    ("c.mkv", "prores", ALPHA),
    ("a.mp4", None, OPAQUE),
    ("b.mp4", "av1", OPAQUE),
    ("b.webm", None, OPAQUE),
]


def grey_bars(path, *, form="yuv420p", tags=(1, 1, 1), full_range=False, pixel_aspect=1):
    """Write two frames with three greys."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=24, options={"crf": "1"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, form
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = tags
        context.color_range = 2 if full_range else 1
        context.sample_aspect_ratio = Fraction(pixel_aspect)
        greys = np.repeat(np.uint8(GREYS), [16, 32, 16])
        for k in range(2):
            rgb = np.repeat(np.tile(greys, (48, 1))[:, :, None], 3, axis=2)
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=form, dst_color_range=context.color_range)
            frame.color_range, frame.pts, frame.time_base = context.color_range, k, Fraction(1, 24)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def written(source, target, codec, has_alpha):
    """Return a clip that was written again, and the clip itself."""
    clip = read_clip(source)
    images = [frame.image for frame in clip]
    alphas = [np.ones(clip.shape)] * len(images) if has_alpha else None
    write_clip(target, images, clip, alphas=alphas, codec=codec)
    return read_clip(target), clip


def greys_of(clip):
    return 255 * full(next(iter(clip)).image)[20, COLUMNS, 0]


@pytest.mark.parametrize("full_range", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(("name", "codec", "has_alpha"), OUTPUTS)
def test_greys_stay_in_either_range(tmp_path, name, codec, has_alpha, full_range):
    """ProRes has no full range: what was written as such had other greys in every player."""
    grey_bars(tmp_path / "s.mp4", full_range=full_range)
    result, clip = written(tmp_path / "s.mp4", tmp_path / name, codec, has_alpha)
    assert clip.tags.is_full is full_range
    np.testing.assert_allclose(greys_of(clip), GREYS, atol=3)
    np.testing.assert_allclose(greys_of(result), greys_of(clip), atol=1.2)


@pytest.mark.parametrize("tags", [(9, 9, 16), (9, 9, 18), (6, 6, 6)], ids=["PQ", "HLG", "BT.601"])
@pytest.mark.parametrize(("name", "codec", "has_alpha"), OUTPUTS)
def test_colour_tags_stay(tmp_path, name, codec, has_alpha, tags):
    """RGB has no matrix; 8 bits are too few for light up to 10,000 candela."""
    is_hdr = tags[2] in (16, 18)
    grey_bars(tmp_path / "s.mkv", form="yuv420p10le" if is_hdr else "yuv420p", tags=tags)
    result, clip = written(tmp_path / "s.mkv", tmp_path / name, codec, has_alpha)
    assert clip.tags[:3] == tags
    is_rgb = name == "a.mkv" or codec == "png"
    assert result.tags[:3] == ((0, *tags[1:]) if is_rgb else tags)
    if is_hdr and "vp9" not in result_codec(tmp_path / name):
        assert result.bits > 8
    np.testing.assert_allclose(greys_of(result), greys_of(clip), atol=1.2)


def result_codec(path):
    with av.open(str(path)) as file:
        return file.streams.video[0].codec_context.name


def test_a_matrix_is_found_for_rgb_clips():
    """A lossless copy of a BT.2020 clip keeps its primaries when it is written as luma and chroma."""
    rgb = ColourTags(0, 9, 16, True)
    assert tags_for("yuva444p10le", rgb, is_limited=True) == ColourTags(9, 9, 16, False)
    assert tags_for("yuv420p", ColourTags(0, 2, 2, True), is_limited=False) == ColourTags(1, 1, 13, False)
    assert tags_for("gbrap16le", ColourTags(1, 1, 1, False), is_limited=False) == ColourTags(0, 1, 1, True)


@pytest.mark.parametrize(("name", "codec", "has_alpha"), OUTPUTS)
def test_pixels_that_are_not_square_stay_so(tmp_path, name, codec, has_alpha):
    """Matroska would show them as square, so it is refused."""
    grey_bars(tmp_path / "s.mp4", pixel_aspect=Fraction(4, 3))
    if name.endswith((".mkv", ".webm")):
        with pytest.raises(ValueError, match="cannot say that pixels are 4/3 as wide as high, expected .mov or .mp4"):
            written(tmp_path / "s.mp4", tmp_path / name, codec, has_alpha)
        return
    result, clip = written(tmp_path / "s.mp4", tmp_path / name, codec, has_alpha)
    assert clip.pixel_aspect == result.pixel_aspect == Fraction(4, 3)


@pytest.mark.parametrize("target", ["b.mov", "b.%04d.exr", "b.%04d.png", "b.%04d.tif"])
@pytest.mark.parametrize("source", ["s.mp4", "s.%04d.exr"])
def test_pictures_tell_that_pixels_are_not_square(tmp_path, source, target):
    """Pictures of anamorphic frames did not tell it, and that of OpenEXR frames was lost."""
    grey_bars(tmp_path / "s.mp4", pixel_aspect=Fraction(4, 3))
    for k in range(2):
        write_exr(tmp_path / f"s.{k:04d}.exr", np.ones((48, 64, 3)), pixel_aspect=4 / 3)
    _, clip = written(tmp_path / source, tmp_path / target, None, ALPHA)
    assert clip.pixel_aspect == Fraction(4, 3)
    path = tmp_path / target.replace("%04d", "0001")
    if path.suffix == ".mov":
        assert read_clip(path).pixel_aspect == Fraction(4, 3)
    elif path.suffix == ".exr":
        assert read_exr(path).pixel_aspect == pytest.approx(4 / 3)
    else:
        across, down = read_metadata(path).resolution
        assert down / across == pytest.approx(4 / 3, rel=1e-3)


@pytest.mark.parametrize(
    ("primaries", "chromaticities"),
    [
        (1, None),
        (9, (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.3290)),
        (1, (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)),
        (2, (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)),
    ],
    ids=["none", "BT.2020", "BT.709", "ACES"],
)
def test_primaries_of_light_are_told_by_a_video(tmp_path, primaries, chromaticities):
    """Colours of BT.2020 in OpenEXR became numbers in a file that said BT.709."""
    write_exr(tmp_path / "s.0001.exr", np.ones((48, 64, 3)), chromaticities=chromaticities)
    result, _ = written(tmp_path / "s.%04d.exr", tmp_path / "a.mov", None, OPAQUE)
    assert result.tags.primaries == primaries


TURNS = {
    (1, 0, 0, 1): lambda plain: plain,
    (-1, 0, 0, 1): lambda plain: plain[:, ::-1],
    (1, 0, 0, -1): lambda plain: plain[::-1],
    (-1, 0, 0, -1): lambda plain: plain[::-1, ::-1],
    (0, 1, -1, 0): lambda plain: np.rot90(plain, -1),
    (0, -1, 1, 0): lambda plain: np.rot90(plain),
    (0, 1, 1, 0): lambda plain: plain.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda plain: np.rot90(plain, 2).transpose(1, 0, 2),
}  # what a display matrix (a, b, c, d) does: x' = a x + c y, y' = b x + d y


@pytest.mark.parametrize("matrix", list(TURNS), ids=str)
def test_turned_and_mirrored_clips_are_upright(tmp_path, matrix):
    """A telephone's front camera mirrors; the matrix is that of the track's header."""
    make_video(tmp_path / "plain.mp4")
    content = bytearray((tmp_path / "plain.mp4").read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(content)
    plain = next(iter(read_clip(tmp_path / "plain.mp4"))).image
    clip = read_clip(tmp_path / "turned.mp4")
    frame = next(iter(clip))
    np.testing.assert_array_equal(frame.image, TURNS[matrix](plain))
    assert clip.shape == frame.image.shape[:2]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_frames_with_data_of_an_unknown_kind(tmp_path, orientation):
    """Motion JPEG with EXIF, and clips with two views: the error was "31 is not a valid Type"."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:16, :24] = 200
    picture, exif, file = Image.fromarray(pixels), Image.Exif(), io.BytesIO()
    exif[0x112] = orientation
    picture.save(file, "JPEG", exif=exif, quality=95, subsampling=0)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=24)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj444p"
        for k in range(2):
            packet = av.Packet(file.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, k, k, Fraction(1, 24)
            container.mux(packet)
    image = next(iter(read_clip(tmp_path / "a.mkv"))).image
    wanted = ImageOps.exif_transpose(Image.open(file))
    np.testing.assert_allclose(np.float32(image), np.float32(wanted), atol=3)


@pytest.mark.parametrize("width", [64, 9, 5])
@pytest.mark.parametrize(("form", "step"), [("yuv411p", 4), ("yuv410p", 4), ("yuv422p", 2), ("yuv420p", 2)])
def test_chroma_keeps_its_place_at_odd_widths(form, step, width):
    """A quarter of 9 columns is 3 of chroma: they were taken for a third."""
    frame, x = av.VideoFrame(width, 8, form), np.arange(width)
    for plane, values in zip(frame.planes, (128 + 0 * x, 100 + x[::step], 128 + 0 * x[::step]), strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : len(values)] = values
        plane.update(rows.tobytes())
    rgb, _ = arrays_of(frame, ColourTags(1, 1, 1, False), "clip")
    chroma = 100 + np.minimum(x, x[::step][-1]) - 128
    np.testing.assert_allclose(rgb[4, :, 2], (255 * (112 / 219 + 1.8556 * chroma / 224)).clip(0, 255), atol=0.51)


def test_the_pixels_of_a_turned_clip_are_turned_too(tmp_path):
    grey_bars(tmp_path / "s.mp4", pixel_aspect=Fraction(4, 3))
    content = bytearray((tmp_path / "s.mp4").read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    content[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    (tmp_path / "s.mp4").write_bytes(content)
    assert read_clip(tmp_path / "s.mp4").pixel_aspect == Fraction(3, 4)


def test_encoders_say_nothing(tmp_path):
    """The encoder of AV1 told its settings on standard error."""
    grey_bars(tmp_path / "s.mp4")
    script = (
        "from hybridmatte.video import read_clip, write_clip; import sys; clip = read_clip(sys.argv[1]); "
        "write_clip(sys.argv[2], [frame.image for frame in clip], clip, codec='av1')"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "s.mp4"), str(tmp_path / "a.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("target", ["a.%04d.png", "a.%04d.tif", "a.%04d.exr", "a.mkv"])
@pytest.mark.parametrize("behind", ["", "-b #20a040", "-b @back.png"])
def test_pictures_of_a_wide_gamut_show_their_colours(command, folder, target, behind):
    """Frames of a telephone came out without their profile, in other colours."""
    images = [np.uint8(np.rint(255 * (0.15 + 0.6 * scene(k)[0]))) for k in range(N)]
    for k, pixels in enumerate(images):
        write_image(folder / f"p.{k}.png", pixels, profile=P3)
    write_image(folder / "back.png", np.broadcast_to(np.uint8([32, 160, 64]), (45, 67, 3)))
    done = command(f"@p.%d.png --trimaps @t.%04d.png -q fast -o @{target} {behind}")
    assert done.code == 0, done.err
    clip = read_clip(folder / target)
    assert clip.profile == (P3 if target in ("a.%04d.png", "a.%04d.tif") else None)
    clip.profile = None
    frame = list(clip)[1]
    found = 255 * (frame.image if frame.image.dtype.kind == "f" else full(frame.image))
    _, alpha, _ = scene(1)
    assert np.abs(found - shown(images[1], P3))[alpha == 1].max() <= 1
    if behind:
        assert np.abs(found[alpha == 0] - [32, 160, 64]).max() <= 1


def test_profiles_of_the_same_colours_leave_the_type_of_frames(tmp_path):
    pixels = np.zeros((9, 13, 4), np.uint8)
    write_image(tmp_path / "s.0.png", pixels, profile=SRGB)
    write_image(tmp_path / "s.1.png", pixels)
    for frame in read_clip(tmp_path / "s.%d.png"):
        assert frame.image.dtype == frame.alpha.dtype == np.uint8


def test_write_clip_keeps_or_converts_the_colours_of_a_profile(tmp_path):
    """A frame of another profile has the first one's when it is read."""
    pixels = np.random.default_rng(3).integers(100, 150, (9, 13, 3), dtype=np.uint8)
    write_image(tmp_path / "s.0.png", pixels, profile=P3)
    write_image(tmp_path / "s.1.png", shown(pixels, P3).astype(np.uint8))
    clip = read_clip(tmp_path / "s.%d.png")
    images = [frame.image for frame in clip]
    np.testing.assert_array_equal(images[0], pixels)
    np.testing.assert_allclose(255 * images[1], pixels, atol=1)
    write_clip(tmp_path / "a.%d.png", images, clip)
    write_clip(tmp_path / "a.mkv", images, clip)
    kept, converted = (next(iter(read_clip(tmp_path / name))).image for name in ("a.%d.png", "a.mkv"))
    np.testing.assert_array_equal(kept, pixels)
    np.testing.assert_allclose(255 * full(converted), shown(pixels, P3), atol=1)
