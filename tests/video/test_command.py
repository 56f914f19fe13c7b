"""``hybridmatte video``: parts, masks and backgrounds that are clips, reports, and inputs that are refused."""

import json
import os
from fractions import Fraction

import numpy as np
import pytest

from hybridmatte import matte, read_exr, read_image, write_alpha, write_exr, write_image
from hybridmatte.cli import video_progress
from hybridmatte.video import ColourTags, read_clip, write_clip
from tests.video.made import N, av, full, make_video, scene

CUT = "@s.%04d.png --trimaps @t.%04d.png -q fast"


def planes_as_video(path, planes, like):
    write_clip(path, [np.repeat(np.float32(plane)[:, :, None], 3, axis=2) for plane in planes], like)


def test_a_part_of_a_clip_has_the_frames_and_trimaps_of_that_part(command, folder):
    """Trimaps are for each frame of the clip, or for each frame of the part."""
    assert command(f"{CUT} -o @a.%04d.png --matte --start 7 --end 9 --smoothing 0").code == 0
    assert sorted(path.name for path in folder.glob("a.*")) == ["a.0007.png", "a.0008.png"]
    for k in (7, 8):
        os.link(folder / f"t.{k:04d}.png", folder / f"part{k}.png")
    assert (
        command("@s.%04d.png --trimaps @part#.png -q fast -o @b.%04d.png --matte --start 7 --end 9 --smoothing 0").code
        == 0
    )
    expected = matte(read_image(folder / "s.0007.png"), scene(2)[2], quality="fast")
    for name in ("a.0007.png", "b.0007.png"):
        np.testing.assert_allclose(read_image(folder / name)[:, :, 0], expected, atol=0.003)
    refused = command("@s.%04d.png --trimaps @part#.png -q fast -o @c.%04d.png --start 7")
    assert refused.code == 2
    assert "has 2 pictures, expected 4, one for each frame that is used, or 6, one for each frame of" in refused.err


@pytest.mark.parametrize("point", ["--start 2 --end 4", "--start 0.08s --end 0:00.16"])
def test_masks_may_be_a_video(command, folder, point):
    clip = read_clip(folder / "s.%04d.png")
    write_clip(folder / "s.mp4", [scene(k)[0] for k in range(N)], clip)
    planes_as_video(folder / "m.mkv", [scene(k)[1] > 0.5 for k in range(N)], clip)
    done = command(f"@s.mp4 --masks @m.mkv -q fast -o @a.mov {point}")
    assert done.code == 0, done.err
    frames = list(read_clip(folder / "a.mov"))
    assert [float(frame.time) for frame in frames] == pytest.approx([0, 1 / 24])
    for frame, k in zip(frames, (2, 3), strict=True):
        assert np.abs(full(frame.alpha) - scene(k)[1]).mean() < 0.02


def test_masks_of_a_damaged_video_are_not_shifted(command, folder):
    """Behind a frame that could not be decoded, every frame got the mask of the next."""
    clip = read_clip(folder / "s.%04d.png")
    write_clip(folder / "s.mp4", [scene(k)[0] for k in range(N)], clip)
    planes_as_video(folder / "m.mov", [scene(k)[1] > 0.5 for k in range(N)], clip)
    with av.open(str(folder / "m.mov")) as file:
        packets = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    content = (folder / "m.mov").read_bytes()
    assert content.count(packets[2]) == 1
    (folder / "m.mov").write_bytes(content.replace(packets[2], bytes(len(packets[2]))))
    done = command("@s.mp4 --masks @m.mov -q fast --smoothing 0 -o @a.mov")
    assert done.code == 2
    assert "--masks lacks the frame for frame 2, expected one for each frame (frame 2)" in done.err


def test_a_part_with_sound_and_a_rate_that_varies(command, folder):
    """Frames of the part keep their distances, and the sound is that of the part."""
    times = [0, 20, 45, 60, 100, 130]
    make_video(folder / "s.mp4", times=times, sound=True, size=(46, 66))
    columns = np.arange(66)
    key = np.where(columns < 20, 0, np.where(columns < 40, 0.5, 1)) * np.ones((46, 1))
    write_alpha(folder / "key.png", key)
    done = command("@s.mp4 --key 1=@key.png -q fast -o @a.mov --start 1 --end 4")
    assert done.code == 0, done.err
    clip = read_clip(folder / "a.mov")
    assert [frame.time * 600 for frame in clip] == [0, 25, 40]
    with av.open(str(folder / "a.mov")) as file:
        heard = [float(part.time) for part in file.decode(audio=0)]
    assert heard[0] == 0
    assert abs(heard[-1] - 55 / 600) < 0.05


@pytest.mark.parametrize("target", ["a.mov", "a.webm", "a.mkv", "a.%04d.png", "a.%04d.exr"])
def test_a_clip_of_one_frame_without_sound(command, folder, target):
    make_video(folder / "s.mp4", n=1, size=(45, 67), form="yuv444p")
    done = command(f"@s.mp4 --trimaps @t.5-5#.png -q fast -o @{target}")
    assert done.code == 0, done.err
    assert done.err.endswith("1 frame written")
    (frame,) = read_clip(folder / target)
    assert frame.alpha is not None
    assert frame.image.shape == (45, 67, 3)


def test_light_above_one_stays_in_a_composite(command, folder):
    """A frame of light over a picture of light, both above 1."""
    for k in range(2):
        write_exr(folder / f"l.{k:04d}.exr", scene(k)[0] * 6, rate=25)
    write_exr(folder / "behind.exr", np.full((5, 7, 3), 3.0, np.float32))
    done = command("@l.%04d.exr --trimaps @t.5-6#.png -q fast -o @c.%04d.exr --background @behind.exr")
    assert done.code == 0, done.err
    result = read_exr(folder / "c.0001.exr")
    assert result.alpha is None
    np.testing.assert_allclose(result.colour[0, 0], 3, rtol=2e-3)
    inside = scene(1)[1] == 1
    np.testing.assert_allclose(result.colour[inside], 6 * scene(1)[0][inside], rtol=3e-3)


def test_heic_stills_are_a_clip(command, folder):
    heif = pytest.importorskip("pillow_heif", reason="the extra video is not installed")
    for k in range(2):
        pixels = np.uint8(np.rint(255 * scene(k)[0]))
        heif.from_bytes("RGB", pixels.shape[1::-1], pixels.tobytes()).save(folder / f"IMG_{k + 5:04d}.HEIC", quality=90)
    done = command("@IMG_%04d.HEIC --trimaps @t.5-6#.png -q fast -o @a.%04d.png")
    assert done.code == 0, done.err
    assert sorted(path.name for path in folder.glob("a.*")) == ["a.0005.png", "a.0006.png"]


def grey_clip(path, greys, rate):
    with av.open(str(path), "w") as file:
        stream = file.add_stream("png", rate=rate)
        stream.height, stream.width, stream.pix_fmt = 9, 13, "rgb24"
        for k, grey in enumerate(greys):
            frame = av.VideoFrame.from_ndarray(np.full((9, 13, 3), grey, np.uint8), "rgb24")
            frame.pts, frame.time_base = k, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.mark.parametrize("linear", ["", "--linear"])
def test_a_background_clip_runs_in_its_own_time_and_in_a_loop(command, folder, linear):
    """Frames at 24 a second over three at 12 a second, of another size: each is shown twice, then from the first."""
    grey_clip(folder / "b.mov", [20, 90, 160], 12)
    done = command(f"{CUT} -o @a.mkv --background @b.mov {linear} --fit stretch")
    assert done.code == 0, done.err
    corners = [255 * full(frame.image)[0, 0, 0] for frame in read_clip(folder / "a.mkv")]
    np.testing.assert_allclose(corners, [20, 20, 90, 90, 160, 160], atol=0.6)
    grey_clip(folder / "b.mov", [20, 90], 24)
    assert command(f"{CUT} -o @a.mkv --background @b.mov --force").code == 0
    corners = [255 * full(frame.image)[0, 0, 0] for frame in read_clip(folder / "a.mkv")]
    np.testing.assert_allclose(corners, [20, 90] * 3, atol=0.6)


def test_a_background_clip_of_any_extension(command, folder):
    """Those of a list were clips; others were read as pictures."""
    grey_clip(folder / "b.mov", [20, 90, 160], 24)
    (folder / "b.mov").rename(folder / "b.3gp")
    done = command(f"{CUT} -o @a.mkv --background @b.3gp")
    assert done.code == 0, done.err
    corners = [255 * full(frame.image)[0, 0, 0] for frame in read_clip(folder / "a.mkv")]
    np.testing.assert_allclose(corners, [20, 90, 160] * 2, atol=0.6)


@pytest.mark.parametrize("linear", ["", "--linear"])
@pytest.mark.parametrize(("transfer", "white"), [(16, 0.5807), (18, 0.75)], ids=["PQ", "HLG"])
def test_white_behind_a_clip_of_high_dynamic_range(command, folder, transfer, white, linear):
    """It was the brightest light: 10,000 candela a square metre in PQ, where white is 203 (ITU-R BT.2408)."""
    like = read_clip(folder / "s.%04d.png")
    like.tags = ColourTags(9, 9, transfer, False)
    write_clip(folder / "s.mov", [scene(k)[0] for k in range(N)], like)
    write_image(folder / "white.png", np.ones((5, 7, 3)))
    grey_clip(folder / "white.mov", [255], 24)
    for behind in ("white", "@white.png", "@white.mov"):
        done = command(f"@s.mov --trimaps @t.%04d.png -q fast -o @a.mkv --force --background {behind} {linear}")
        assert done.code == 0, done.err
        for frame in read_clip(folder / "a.mkv"):
            np.testing.assert_allclose(full(frame.image)[0, 0], white, atol=2e-3)


def test_background_pictures_without_a_rate_go_frame_by_frame(command, folder):
    for k in range(2):
        write_image(folder / f"b{k}.png", np.full((20, 20, 3), 0.2 + 0.4 * k))
    assert command(f"{CUT} --rate 50 -o @a.mkv --background @b#.png").code == 0
    corners = [full(frame.image)[0, 0, 0] for frame in read_clip(folder / "a.mkv")]
    np.testing.assert_allclose(corners, [0.2, 0.6] * 3, atol=0.003)


def test_the_report_of_a_clip(command):
    (report,) = map(json.loads, command(f"{CUT} -o @a.mov --json --quiet").out.splitlines())
    wanted = {"status": "written", "size": [67, 45], "frames": N, "method": "fast", "weights": None, "error": None}
    assert {name: report[name] for name in wanted} == wanted
    (report,) = map(json.loads, command(f"{CUT} -o @a.mov --json --resume").out.splitlines())
    assert (report["status"], "frames" in report) == ("skipped", False)
    (report,) = map(json.loads, command(f"{CUT} -o @a.xyz --json").out.splitlines())
    assert report["status"] == "failed"
    assert "ends in '.xyz', expected .mov" in report["error"]


def test_lines_tell_frames_a_second_and_the_time_left(command, monkeypatch):
    monkeypatch.setattr(video_progress, "LINE_SECONDS", 0)
    said = command(f"{CUT} -o @a.mov").err
    assert "4 of 6 frames," in said
    assert " frames/s, " in said
    assert " s left" in said
    assert said.endswith("6 frames written")
    assert command(f"{CUT} -o @b.mov --quiet").err == ""


def mpeg2(path, size, first):
    """Write four frames from a time on, in frames of 25 a second."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for k in range(4):
            frame = av.VideoFrame.from_ndarray(np.full((*size, 3), 40 * k, np.uint8), "rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = first + k, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path.read_bytes()


def test_advice_where_nothing_is_found_names_the_option_for_clips(command, folder):
    """It named --mask, which `video` has not."""
    for k in range(5, 11):
        write_image(folder / f"n.{k:04d}.png", np.full((45, 67, 3), 0.5))
    done = command("@n.%04d.png -o @a.mov -q fast --end 6")
    assert done.code == 0
    assert "nothing is found in the image" in done.err
    assert "--masks, or --segmenter" in done.err


REFUSED = {
    "no clip": ("@none.mp4 -o @a.mov", "none.mp4 does not exist, expected a video or an image sequence"),
    "no video": ("@text.mp4 -o @a.mov", r"text.mp4 is damaged, truncated or no video (Invalid data"),
    "no pictures": ("@void -o @a.mov", "void has no pictures, expected numbered ones"),
    "no extension": (f"{CUT} -o @a", "ends in '', expected .mov, .mp4, .m4v, .webm, .mkv, a sequence such as"),
    "no folder": (f"{CUT} -o @none/a.%04d.png", "a.0005.png lies in a folder that does not exist, expected"),
    "output is the clip": (f"{CUT} -o @s.%04d.png --force", "s.0005.png is also an input, expected another"),
    "output is a trimap": (f"{CUT} -o @t.%04d.png --force", "t.0005.png is also an input, expected another"),
    "output is a picture": (f"{CUT} -o @a.%04d.png", "has 1 of 6 pictures already, such as"),
    "jpg": (f"{CUT} -o @b.%04d.jpg", "b.0005.jpg cannot hold transparency, expected .png, .tif or .webp"),
    "bits of a video": (f"{CUT} -o @a.mov --bits 16", "bits is 16, expected none for a video"),
    "bits of png": (f"{CUT} -o @b.%04d.png --bits 32", "bits is 32, expected 8 or 16"),
    "multiplied matte": (f"{CUT} -o @a.mkv --premultiplied --matte", "expected it only for an output with alpha"),
    "linear matte": (f"{CUT} -o @a.mkv --linear --matte", "--linear is given, expected none with --matte"),
    "matte and background": (f"{CUT} -o @a.mp4 -b red --matte", "--background is red, expected none with --matte"),
    "codec of pictures": (f"{CUT} -o @b.%04d.png --codec vp9", "codec is 'vp9', expected none for an image sequence"),
    "unknown codec": (f"{CUT} -o @a.mov --codec foo", "codec is 'foo', expected one of prores, vp9"),
    "codec of another": (f"{CUT} -o @a.mov --codec vp9", "cannot hold VP9, expected .webm or .mkv or .mp4"),
    "two hints": (f"{CUT} -o @a.mov --masks @t.%04d.png", "several of --masks, --trimaps, --key and --segmenter"),
    "no masks": ("@s.%04d.png -o @a.mov --masks @none", "--masks .*none does not exist, expected a folder"),
    "few trimaps": ("@s.%04d.png -o @a.mov --trimaps @t.5-6#.png", "has 2 pictures, expected 6, one for each frame"),
    "small trimap": (
        "@s.%04d.png -o @a.mov --trimaps @u.%04d.png",
        "u.0008.png is 40 x 20, expected 67 x 45",
    ),
    "narrow mask": ("@s.%04d.png -o @a.mov --masks @u.%04d.png", "u.0008.png is 40 x 20 but image is 67 x 45"),
    "small frame": ("@v.%04d.png -o @a.mov", "v.0006.png is 40 x 20, expected 67 x 45, as the first frame"),
    "small key": ("@s.%04d.png -o @a.mov --key 6=@u.0008.png", "6=.*u.0008.png is 40 x 20"),
    "no number of a key": ("@s.%04d.png -o @a.mov --key @t.0005.png", "expected FRAME=FILE, such as 0=first.png"),
    "key twice": ("@s.%04d.png -o @a.mov --key 5=@t.0005.png --key 05=@t.0006.png", "--key 05 is given twice"),
    "key outside": ("@s.%04d.png -o @a.mov --key 0=@t.0005.png", "--key 0 is no frame that is used, expected one of 5"),
    "no key": ("@s.%04d.png -o @a.mov --key 5=@none.png", "--key 5=.*none.png is no file, expected a trimap or a"),
    "no mask in a folder": ("@s.%04d.png -o @a.mov --masks @void", "--masks .*void has no pictures, expected numbered"),
    "start outside": (f"{CUT} -o @a.mov --start 11", "start is 11, expected a place in"),
    "end before start": (f"{CUT} -o @a.mov --start 8 --end 6", "end is 6 and start is 8, expected an end behind"),
    "no place": (f"{CUT} -o @a.mov --start later", "--start is 'later', expected a frame such as 12, or a time"),
    "rate of nothing": (f"{CUT} -o @a.mov --rate nan", "rate is nan, expected a finite number above 0"),
    "background": (f"{CUT} -o @a.mp4 --background @none.jpg", "none.jpg is no colour and no file, expected a name"),
    "broken background": (f"{CUT} -o @a.mp4 --background @text.mp4", "text.mp4 is damaged, truncated or no video"),
    "fit": (f"{CUT} -o @a.mp4 --background @void --fit x", "--fit is 'x', expected 'cover'"),
    "fit of a colour": (f"{CUT} -o @a.mp4 -b red --fit cover", "--fit is cover, expected none without a picture as"),
    "segmenter": ("@s.%04d.png -o @a.mov --segmenter none", "segmenter is 'none', expected one of bundled"),
    "quality": ("@s.%04d.png -o @a.mov --trimaps @t.%04d.png -q good", "quality is 'good', expected 'best' or 'fast'"),
    "far key": ("@s.%04d.png -o @a.mov --key 9=@t.0009.png --window 2 -q fast", "or raise window (frame 5)"),
}


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=list(REFUSED))
def test_wrong_inputs_are_one_sentence_and_leave_nothing(command, folder, words, message):
    (folder / "text.mp4").write_text("text")
    (folder / "void").mkdir()
    write_image(folder / "a.0007.png", scene(0)[0])
    for k in range(5, 11):
        os.link(folder / f"t.{k:04d}.png", folder / f"u.{k:04d}.png")
        os.link(folder / f"s.{k:04d}.png", folder / f"v.{k:04d}.png")
    for name in ("u.0008.png", "v.0006.png"):
        (folder / name).unlink()
        write_alpha(folder / name, np.zeros((20, 40), np.float32))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = command(words)
    assert result.code == 2
    parts = message.split(".*")
    assert all(part in result.err for part in parts), result.err
    assert result.err.count("error: ") == 1
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("output", ["@frames", "@frames/a.%04d.png"])
def test_pictures_are_not_written_among_those_of_the_clip(command, folder, output):
    """The next run took them for frames of the clip."""
    (folder / "frames").mkdir()
    for k in range(5, 11):
        os.link(folder / f"s.{k:04d}.png", folder / "frames" / f"s.{k:04d}.png")
    refused = command(f"@frames --trimaps @t.%04d.png -q fast -o {output}")
    assert refused.code == 2
    assert f"lies among the pictures of clip {folder}/frames, expected another folder" in refused.err
    assert len(list((folder / "frames").iterdir())) == N


def test_frames_of_another_size_are_found_before_any_work(command, folder):
    """The size of a broadcast may change at a key frame."""
    parts = [mpeg2(folder / "a.ts", (44, 66), 0), mpeg2(folder / "b.ts", (64, 96), 5)]
    (folder / "c.ts").write_bytes(b"".join(parts))
    result = command("@c.ts -o @a.mov")
    assert result.code == 2
    assert "has frame 4 of 96 x 64, expected 66 x 44 in all, or an end before it" in result.err
    assert read_clip(folder / "c.ts", end=4).check_sizes() is None
    (folder / "d.ts").write_bytes(parts[0] * 2)
    with pytest.raises(ValueError, match="has times that begin again at .* s, expected times that grow"):
        read_clip(folder / "d.ts")
