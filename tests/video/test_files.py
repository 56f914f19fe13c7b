"""Clips: alpha, times, tags, sound and rotation survive, and an interrupted run continues to the same file."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from hybridmatte import read_exr, read_image, write_alpha, write_exr, write_image
from hybridmatte.video import read_clip, write_clip
from hybridmatte.video.codecs import CODECS, chosen_codec
from hybridmatte.video.colours import light_of, numbers_of
from hybridmatte.video.image_sequences import find_files
from hybridmatte.video.points import parse_point
from tests.video.made import COLUMNS, ROWS, N, av, full, make_video, run, scene, write_frames


@pytest.mark.parametrize("premultiplied", [False, True])
@pytest.mark.parametrize(
    ("name", "codec", "tolerance"),
    [("a.mov", None, 0.002), ("a.webm", None, 0.05), ("a.mkv", None, 1e-4), ("b.mov", "png", 1e-4)],
)
def test_alpha_is_read_back_from_every_container(folder, name, codec, tolerance, premultiplied):
    """A container that dropped alpha would give a clip without one."""
    clip = read_clip(folder / "s.%04d.png")
    scenes = [scene(k) for k in range(N)]
    alphas = [alpha for _, alpha, _ in scenes]
    options = {"codec": codec, "premultiplied": premultiplied}
    write_clip(folder / name, [image for image, *_ in scenes], clip, alphas=alphas, **options)
    frames = list(read_clip(folder / name))
    assert len(frames) == N
    assert max(np.abs(full(frame.alpha) - alpha).max() for frame, alpha in zip(frames, alphas, strict=True)) < tolerance
    inside = np.hypot(ROWS - 22, COLUMNS - 24) < 7  # chroma at half the size has mixed colours at the outline
    assert np.abs(full(frames[0].image) - scenes[0][0])[inside].max() < max(tolerance, 0.02)
    assert [float(frame.time) for frame in frames] == pytest.approx([k / 24 for k in range(N)], abs=6e-4)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", None), ("a.mov", "h264"), ("a.mp4", "av1"), ("a.webm", "av1"), ("a.mp4", "vp9")]
)
def test_outputs_without_alpha_are_refused(folder, name, codec):
    with pytest.raises(ValueError, match="keeps no alpha"):
        chosen_codec(folder / name, codec, has_alpha=True)
    assert chosen_codec(folder / name, codec, has_alpha=False)


@pytest.mark.parametrize("name", list(CODECS))
def test_every_codec_goes_into_the_containers_of_its_list(tmp_path, name):
    """VP9 lost its alpha in .mp4; Matroska takes no PNG."""
    make_video(tmp_path / "s.mp4", n=1)
    clip = read_clip(tmp_path / "s.mp4")
    images, alphas = [frame.image for frame in clip], [np.full(clip.shape, 0.5, np.float32)]
    for extension in CODECS[name].containers:
        path = tmp_path / f"a{extension}"
        write_clip(path, images, clip, codec=name)
        assert len(list(read_clip(path))) == 1
        try:
            write_clip(path, images, clip, alphas=alphas, codec=name)
        except ValueError as error:
            assert "keeps no alpha" in str(error)  # noqa: PT017
            continue
        np.testing.assert_allclose(full(next(iter(read_clip(path))).alpha), 0.5, atol=0.003)


def test_variable_rate_tags_and_sound_are_kept(tmp_path):
    times = [0, 20, 45, 60, 100, 130]
    make_video(tmp_path / "a.mp4", times=times, sound=True)
    clip = read_clip(tmp_path / "a.mp4")
    frames = list(clip)
    assert [frame.time * 600 for frame in frames] == times
    assert clip.tags[:3] == (1, 1, 1)
    write_clip(tmp_path / "b.mov", [frame.image for frame in frames], clip, alphas=[np.ones(clip.shape)] * N)
    result = read_clip(tmp_path / "b.mov")
    assert [frame.time * 600 for frame in result] == times
    assert result.tags[:3] == (1, 1, 1)
    packets = []
    for name in ("a.mp4", "b.mov"):
        with av.open(str(tmp_path / name)) as file:
            packets.append([bytes(packet) for packet in file.demux(audio=0) if packet.size])
    assert packets[0] == packets[1]


@pytest.mark.parametrize(
    ("n_frames", "n_alphas", "said"),
    [
        (2, 3, "frames ends after 2, expected one for each frame of clip"),
        (4, 3, "frames goes on after 3, expected one for each frame of clip"),
        (3, 2, "alphas ends after 2, expected one for each frame of clip"),
        (3, 4, "frames ends after 3, expected one for each frame of clip|alphas goes on after 3, expected"),
    ],
)
@pytest.mark.parametrize("name", ["a.mov", "a.%04d.png"])
def test_another_number_of_frames_or_alphas_is_refused(tmp_path, name, n_frames, n_alphas, said):
    """Of frames that were too few a shorter clip was written; alphas that were too few were a StopIteration."""
    make_video(tmp_path / "s.mp4", n=3)
    clip = read_clip(tmp_path / "s.mp4")
    images, alphas = [np.zeros((*clip.shape, 3))] * n_frames, [np.zeros(clip.shape)] * n_alphas
    with pytest.raises(ValueError, match=said):
        write_clip(tmp_path / name, images, clip, alphas=alphas)
    assert not (tmp_path / "a.mov").exists()
    with pytest.raises(ValueError, match=r"frame has shape \(8, 10, 3\) but clip has shape \(48, 64\)"):
        write_clip(tmp_path / "b.mov", [np.zeros((8, 10, 3))] * 3, clip)


@pytest.mark.parametrize("form", ["yuv420p10le", "yuv444p10le", "yuv422p10le"])
def test_ten_bits(tmp_path, form):
    make_video(tmp_path / "a.mkv", form=form)
    frame = next(iter(read_clip(tmp_path / "a.mkv")))
    assert frame.image.dtype == np.uint16
    assert np.abs(full(frame.image)[30, 2] - np.float32([200, 90, 30]) / 255).max() < 0.03


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotation_is_applied(tmp_path, rotation):
    make_video(tmp_path / "plain.mp4")
    make_video(tmp_path / "turned.mp4", rotation=rotation)
    plain, turned = (next(iter(read_clip(tmp_path / name))).image for name in ("plain.mp4", "turned.mp4"))
    np.testing.assert_array_equal(turned, np.rot90(plain, rotation // 90))


def test_in_and_out_points(tmp_path):
    make_video(tmp_path / "a.mp4", n=12)
    assert [frame.number for frame in read_clip(tmp_path / "a.mp4", start=3, end=6)] == [3, 4, 5]
    assert read_clip(tmp_path / "a.mp4", start=0.25, end=Fraction(3, 8)).numbers == range(6, 9)
    assert [parse_point(text, "x") for text in ("12", "1.5", "1.5s", "0:01.5", None)] == [
        12,
        *[Fraction(3, 2)] * 3,
        None,
    ]
    with pytest.raises(ValueError, match="start is 12, expected a place in"):
        read_clip(tmp_path / "a.mp4", start=12)
    with pytest.raises(ValueError, match="--end is 'x', expected a frame"):
        parse_point("x", "--end")


@pytest.mark.parametrize(
    ("point", "error", "said"),
    [
        (float("nan"), ValueError, "start is nan, expected a finite number"),
        (-0.5, ValueError, "start is -0.5, expected a finite number at least 0"),
        ("3", TypeError, "start is of type str, expected a frame, or a time in seconds"),
        (True, TypeError, "start is of type bool, expected a frame"),
        (-1, ValueError, "start is -1, expected a place in"),
    ],
)
def test_points_that_are_none(folder, point, error, said):
    """nan was "cannot convert NaN to integer ratio", and True the second frame."""
    with pytest.raises(error, match=said):
        read_clip(folder / "s.%04d.png", start=point)


@pytest.mark.parametrize("premultiplied", [False, True])
def test_quicktime_files_of_other_programs_tell_of_their_alpha(tmp_path, premultiplied):
    """Without our metadata, the graphics mode counts; it was written, and not read."""
    make_video(tmp_path / "s.mp4", n=1)
    clip = read_clip(tmp_path / "s.mp4")
    image = next(iter(clip)).image
    write_clip(tmp_path / "a.mov", [image], clip, alphas=[np.full(clip.shape, 0.5)], premultiplied=premultiplied)
    content = (tmp_path / "a.mov").read_bytes()
    assert content.count(b"alpha_type") == 1
    (tmp_path / "a.mov").write_bytes(content.replace(b"alpha_type", b"other_word"))
    result = read_clip(tmp_path / "a.mov")
    assert result.is_premultiplied is premultiplied
    np.testing.assert_allclose(full(next(iter(result)).image), full(image), atol=0.02)


def test_a_truncated_file_gives_the_frames_that_decode(tmp_path):
    make_video(tmp_path / "a.mkv", n=40, codec="ffv1", form="yuv444p")
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(content[: len(content) // 2])
    clip = read_clip(tmp_path / "b.mkv")
    with pytest.warns(UserWarning, match=r"b\.mkv is damaged or truncated: \d+ frames could be decoded, and are used"):
        frames = list(clip)
    assert 5 < len(frames) < 40
    whole = list(read_clip(tmp_path / "a.mkv"))
    assert all(np.array_equal(one.image, other.image) for one, other in zip(frames, whole, strict=False))
    (tmp_path / "c.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + bytes(50))
    with pytest.raises(ValueError, match=r"c\.mp4 is damaged, truncated or no video"):
        read_clip(tmp_path / "c.mp4")


@pytest.mark.parametrize("fields", ["", "tff=1", "bff=1"])
def test_interlaced_frames_are_named_before_any_work(command, folder, fields):
    """Nothing was said."""
    images = [np.uint8(np.rint(255 * np.pad(scene(k)[0], ((0, 3), (0, 1), (0, 0)), "edge"))) for k in range(N)]
    write_frames(folder / "a.mp4", images, options={"x264-params": fields})
    clip = read_clip(folder / "a.mp4", start=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(list(clip)) == N - 1
        assert len(list(clip)) == N - 1
    said = [str(one.message) for one in caught]
    assert len(said) == bool(fields)
    assert all("has interlaced frames, such as frame 1: if even and odd rows" in one for one in said)
    done = command("@a.mp4 -o @b.mov --trimaps @t.%04d.png")
    assert done.code == 2
    assert "t.0005.png is 67 x 45, expected 68 x 48" in done.err
    assert ("has interlaced frames, such as frame 0" in done.err) == bool(fields)


@pytest.mark.parametrize(
    ("times", "used"), [((0, 42, 42, 83), (0, 1, 3)), ((0, 0, 42, 42), (0, 2)), ((0, 1, 2), (0, 1, 2))]
)
def test_frames_at_one_time(tmp_path, times, used):
    """Matroska rounds to milliseconds: all later frames came a frame early, and the last was lost; nothing was said."""
    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        stream = file.add_stream("ffv1", rate=24)
        stream.height, stream.width, stream.pix_fmt = 9, 13, "bgr0"
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((9, 13, 3), 40 * k, np.uint8), "rgb24").reformat(format="bgr0")
            for packet in stream.encode(frame):
                packet.pts, packet.dts, packet.time_base = time, time, Fraction(1, 1000)
                file.mux(packet)
    clip = read_clip(tmp_path / "a.mkv")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frames = list(clip)
    assert [frame.image[0, 0, 0] for frame in frames] == [40 * k for k in used]
    assert [frame.time * 1000 for frame in frames] == [times[k] for k in used]
    assert len(clip) == len(used)
    said = [str(one.message) for one in caught]
    assert len(said) == (len(used) < len(times))
    assert all("a.mkv has several frames at one time, such as frame" in one for one in said)


def test_frames_of_a_file_without_times_are_all_read(tmp_path):
    """AVI tells when packets are decoded, not when frames are shown: with B-frames the last two were lost."""
    make_video(tmp_path / "a.mp4", n=20)
    make_video(tmp_path / "a.avi", n=20, times=range(20), unit=24)
    one, other = list(read_clip(tmp_path / "a.mp4")), list(read_clip(tmp_path / "a.avi"))
    assert [frame.number for frame in other] == list(range(20))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(one, other, strict=True))


def test_a_clip_of_one_frame(tmp_path):
    make_video(tmp_path / "a.mp4", n=1)
    assert len(list(read_clip(tmp_path / "a.mp4"))) == 1


def test_every_run_of_h264_gives_the_same_bytes(tmp_path):
    """One file in four differed: the encoder's code for AVX-512 is not exact."""
    columns, noise = np.arange(320)[:, None], np.random.default_rng(0).integers(0, 30, (24, 200, 320, 3))
    images = [np.uint8((0.8 * ((columns - 3 * k) % 320) + noise[k]).clip(0, 255)) for k in range(24)]
    write_frames(tmp_path / "s.mp4", images)
    clip, written = read_clip(tmp_path / "s.mp4"), set()
    for _ in range(8):
        write_clip(tmp_path / "a.mp4", images, clip)
        written.add((tmp_path / "a.mp4").read_bytes())
    assert len(written) == 1


def test_one_picture_is_read_as_pictures_are(command, tmp_path):
    """FFmpeg read it: light above 1 was cut, light was taken for numbers of a screen, and EXIF was an error."""
    light = np.linspace(0, 4, 45 * 67 * 3, dtype=np.float32).reshape(45, 67, 3)
    write_exr(tmp_path / "shot.exr", light)
    (frame,) = read_clip(tmp_path / "shot.exr")
    assert frame.number == 0
    np.testing.assert_allclose(frame.light, light, rtol=1e-3)
    np.testing.assert_array_equal(frame.image, read_image(tmp_path / "shot.exr"))
    done = command("@shot.exr --trimaps @t.0005.png -q fast -o @c.%04d.exr")
    assert done.code == 0, done.err
    assert read_exr(tmp_path / "c.0000.exr").colour.max() > 3
    animation = [Image.fromarray(np.full((9, 13, 3), 40 * k, np.uint8)) for k in range(3)]
    for name in ("a.png", "a.gif"):
        animation[0].save(tmp_path / name, save_all=True, append_images=animation[1:], duration=100)
        assert [frame.image[0, 0, 0] for frame in read_clip(tmp_path / name)] == [0, 40, 80]


@pytest.mark.parametrize("bits", [8, 16])
def test_pictures_whose_colours_are_multiplied(tmp_path, bits):
    """premultiplied=True changed nothing for PNG; alpha was of another type than the image."""
    image, alpha, _ = scene(0)
    write_image(tmp_path / "a.0001.png", np.dstack([image * alpha[:, :, None], alpha]), bits=bits)
    (stored,), (divided,) = (read_clip(tmp_path / "a.%04d.png", premultiplied=given) for given in (None, True))
    assert stored.image.dtype == stored.alpha.dtype == divided.image.dtype == f"uint{bits}"
    np.testing.assert_allclose(full(stored.image), image * alpha[:, :, None], atol=0.51 / (2**bits - 1))
    opaque = alpha > 0.5
    np.testing.assert_allclose(full(divided.image)[opaque], image[opaque], atol=3 / (2**bits - 1))


def test_light_with_an_alpha_above_one_is_read(tmp_path):
    """Filters of renders leave it at 1.0004: the clip was refused, though its own alpha is of no use here."""
    alpha = np.full((9, 13), 1.0004, np.float32)
    channels = dict.fromkeys("RGBA", alpha)
    OpenEXR = pytest.importorskip("OpenEXR")
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(tmp_path / "a.0001.exr"))
    (frame,) = read_clip(tmp_path / "a.%04d.exr")
    assert (frame.alpha == 1).all()
    np.testing.assert_allclose(frame.light, 1)


def test_names_of_sequences(folder):
    for text in ("s.%04d.png", "s.####.png", "s.*.png", "s.5-10#.png"):
        assert find_files(str(folder / text), "clip").first == 5
        assert len(read_clip(folder / text)) == N
    (folder / "s.0007.png").unlink()
    with pytest.raises(FileNotFoundError, match="lacks 1 of the numbers 5 to 10: 7, expected"):
        read_clip(folder / "s.%04d.png")
    with pytest.raises(FileNotFoundError, match="has no pictures"):
        read_clip(folder / "other.%04d.png")


def test_several_sequences_in_a_folder_are_refused(folder):
    """Frames and their trimaps in one folder became one clip of both."""
    for text in (str(folder), str(folder / "*.png")):
        with pytest.raises(
            ValueError, match=r"has several sequences, with s\.0005\.png and t\.0005\.png, expected one, or"
        ):
            read_clip(text)
    for k in range(5, 11):
        (folder / f"t.{k:04d}.png").rename(folder / f"{'abcdef'[k - 5]}.png")
        (folder / f"s.{k:04d}.png").unlink()
    assert find_files(str(folder), "clip").first == 0


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        (29.97, "30000/1001"),
        (23.976, "24000/1001"),
        (23.98, "24000/1001"),
        (59.94, "60000/1001"),
        (25, "25"),
        (12.5, "25/2"),
    ],
)
def test_rates_of_television_are_exact(folder, given, rate):
    assert read_clip(folder / "s.%04d.png", rate=given).rate == Fraction(rate)


def test_a_name_with_brackets_is_a_file(folder):
    """It was taken for a pattern of pictures."""
    clip = read_clip(folder / "s.%04d.png")
    write_clip(folder / "take[2].mkv", [frame.image for frame in clip], clip)
    assert len(read_clip(folder / "take[2].mkv")) == N
    with pytest.raises(ValueError, match="ends in '.png', expected .mov"):
        write_clip(folder / "take*.png", [frame.image for frame in clip], clip)


@pytest.mark.parametrize("transfer", [1, 2, 4, 5, 8, 13, 16, 18])
def test_transfer_functions_have_their_inverse(transfer):
    numbers = np.linspace(0, 1, 501, dtype=np.float32)
    np.testing.assert_allclose(numbers_of(light_of(numbers, transfer), transfer), numbers, atol=2e-4)


def test_a_light_sequence_keeps_light_above_one(tmp_path):
    for k in range(2):
        image, _, trimap = scene(k)
        write_exr(tmp_path / f"s.{k:04d}.exr", image * 6, rate=25)
        write_alpha(tmp_path / f"t.{k:04d}.png", trimap)
    options = ("--trimaps", tmp_path / "t.%04d.png", "-q", "fast")
    done = run(tmp_path / "s.%04d.exr", "-o", tmp_path / "c.%04d.exr", *options)
    assert done.returncode == 0, done.stderr
    cut = read_exr(tmp_path / "c.0001.exr")
    inside = cut.alpha == 1
    np.testing.assert_allclose(cut.colour[inside], scene(1)[0][inside] * 6, rtol=2e-3)
    assert cut.rate == 25


def test_a_composite_and_alpha_alone(folder):
    base = (folder / "s.%04d.png", "--trimaps", folder / "t.%04d.png", "-q", "fast")
    done = run(*base, "-o", folder / "over.mkv", "--background", "#0000ff", "--linear")
    assert done.returncode == 0, done.stderr
    frame = next(iter(read_clip(folder / "over.mkv")))
    assert frame.alpha is None
    np.testing.assert_allclose(full(frame.image)[0, 0], [0, 0, 1], atol=1e-4)
    done = run(*base, "-o", folder / "alpha.mkv", "--matte")
    assert done.returncode == 0, done.stderr
    assert np.abs(full(next(iter(read_clip(folder / "alpha.mkv"))).image)[:, :, 0] - scene(0)[1]).max() < 0.2
    refused = run(*base, "-o", folder / "a.mp4")
    assert refused.returncode == 2
    assert "keeps no alpha" in refused.stderr
