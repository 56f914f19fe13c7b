"""The sound of a part begins and ends with it, in time with its frames: heard by decoding."""

from fractions import Fraction

import numpy as np
import pytest

from hybridmatte.video import read_clip, write_clip
from tests.video.made import av, make_video

RATE = 48000
CLICKS = np.arange(0.05, 2, 0.1)  # seconds
PACKET = 1024 / RATE


def make_clicks(path, codec, languages=("und",)):
    """Write two seconds of 24 frames a second, with a click every tenth of a second, in a track for each language."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=24)
        tracks = [file.add_stream(codec, rate=RATE, layout="mono") for _ in languages]
        for track, language in zip(tracks, languages, strict=True):
            track.metadata["language"] = language
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for k in range(48):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * k, np.uint8), "rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 24)
            file.mux(stream.encode(frame.reformat(format="yuv420p")))
        file.mux(stream.encode(None))
        time = np.arange(2 * RATE) / RATE
        wave = sum(np.exp(-np.square((time - at) / 0.002)) * np.cos(4000 * np.pi * (time - at)) for at in CLICKS)
        for audio in tracks:
            form, size = audio.codec_context.format.name, audio.codec_context.frame_size or 1024
            for k in range(0, len(wave), size):
                part = wave[None, k : k + size]
                part = np.int16(20000 * part) if form.startswith("s16") else np.float32(part)
                frame = av.AudioFrame.from_ndarray(part, form, "mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE, k, Fraction(1, RATE)
                file.mux(audio.encode(frame))
            file.mux(audio.encode(None))


def heard(path):
    """Return the times of all clicks, and of the end of the sound, and of the first frame."""
    with av.open(str(path)) as file:
        parts = [(float(frame.time), frame.to_ndarray()[0].astype(float)) for frame in file.decode(audio=0)]
    with av.open(str(path)) as file:
        first = float(next(file.decode(video=0)).time)
    times = np.concatenate([time + np.arange(len(wave)) / RATE for time, wave in parts])
    wave = np.abs(np.concatenate([wave for _, wave in parts]))
    loud = np.convolve(wave / wave.max(), np.ones(96) / 96, "same") > 0.2
    begins = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
    ends = np.flatnonzero(~loud[1:] & loud[:-1]) + 1
    return (times[begins] + times[ends[-len(begins) :]]) / 2, times[-1], first


@pytest.mark.parametrize(("start", "end"), [(None, None), (0.5, 1.25), (13, 30)])
@pytest.mark.parametrize(
    ("source", "codec", "target"),
    [
        ("s.mp4", "aac", "a.mov"),
        ("s.mp4", "aac", "a.mp4"),
        ("s.mp4", "aac", "a.mkv"),
        ("s.mov", "pcm_s16le", "a.mov"),
        ("s.mkv", "libopus", "a.webm"),
        ("s.mkv", "libopus", "a.mkv"),
    ],
)
def test_the_sound_of_a_part(tmp_path, source, codec, target, start, end):
    """Frames begin at 0; the sound is in time to a millisecond, and begins and ends with the part within a packet."""
    make_clicks(tmp_path / source, codec)
    clip = read_clip(tmp_path / source, start=start, end=end)
    images = [frame.image for frame in clip]
    write_clip(tmp_path / target, images, clip, alphas=None if target == "a.mp4" else [np.ones(clip.shape)] * len(clip))
    clicks, last, first = heard(tmp_path / target)
    begin, stop = float(clip.span[0]), 2.0 if clip.span[1] is None else float(clip.span[1])
    assert first == 0
    wanted = CLICKS[(CLICKS > begin + PACKET + 0.005) & (CLICKS < stop - 0.005)] - begin
    found = [clicks[np.abs(clicks - time).argmin()] for time in wanted]
    np.testing.assert_allclose(found, wanted, atol=0.0015)
    assert abs(last - (stop - begin)) < 3 * PACKET
    assert clicks.min() > -0.002


@pytest.mark.parametrize("target", ["a.mov", "a.mp4", "a.mkv"])
def test_the_languages_of_tracks_are_kept(tmp_path, target):
    """Which of two tracks is the translation could not be told."""
    make_clicks(tmp_path / "s.mkv", "aac", languages=("eng", "ita"))
    clip = read_clip(tmp_path / "s.mkv")
    write_clip(tmp_path / target, [frame.image for frame in clip], clip)
    with av.open(str(tmp_path / target)) as file:
        assert [track.metadata["language"] for track in file.streams.audio] == ["eng", "ita"]


def test_sound_that_a_container_cannot_hold_is_refused_before_any_work(tmp_path):
    """Opus in QuickTime was refused by FFmpeg at the first frame, with the name of a temporary file."""
    make_clicks(tmp_path / "s.mkv", "libopus")
    make_clicks(tmp_path / "s.mp4", "aac")
    frames = iter(())
    clip = read_clip(tmp_path / "s.mkv")
    with pytest.raises(ValueError, match=r"output .*a\.mov cannot hold prores.* and opus of this clip .*--no-sound"):
        write_clip(tmp_path / "a.mov", frames, clip, alphas=frames)
    with pytest.raises(ValueError, match=r"a\.webm cannot hold the sound, which is aac, expected .*--no-sound"):
        write_clip(tmp_path / "a.webm", frames, read_clip(tmp_path / "s.mp4"), alphas=frames)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.mkv", "s.mp4"]
    write_clip(tmp_path / "a.mov", [frame.image for frame in clip], clip, sound=False)
    assert not read_clip(tmp_path / "a.mov").has_sound


def test_sound_whose_times_go_back(tmp_path):
    """The output failed after its last frame, with advice on free space, and so did each --resume."""
    make_clicks(tmp_path / "a.ts", "aac")
    with av.open(str(tmp_path / "b.ts"), "w") as file:
        audio = file.add_stream("aac", rate=RATE, layout="mono")
        for k in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 1024 * k, Fraction(1, RATE)
            file.mux(audio.encode(frame))
        file.mux(audio.encode(None))
    content = (tmp_path / "b.ts").read_bytes()
    packets = [bytearray(content[k : k + 188]) for k in range(0, len(content), 188)]
    packets = [packet for packet in packets if (packet[1] & 0x1F) << 8 | packet[2] >= 0x100]
    for packet in packets:  # the second of the programme's tracks
        packet[2] = 1
    (tmp_path / "s.ts").write_bytes((tmp_path / "a.ts").read_bytes() + b"".join(packets))
    clip = read_clip(tmp_path / "s.ts")
    with pytest.warns(UserWarning, match=r"s\.ts has sound whose times go back to .* s, in track 1: what does"):
        write_clip(tmp_path / "a.mov", [frame.image for frame in clip], clip)
    clicks, last, first = heard(tmp_path / "a.mov")
    assert first == 0
    assert abs(last - 2) < 3 * PACKET
    assert len(clicks) == len(CLICKS)


def test_sound_of_an_unknown_kind_is_left_out(tmp_path):
    """New telephones write a second track of sound that few programs know."""
    make_video(tmp_path / "s.mp4", sound=True)
    content = (tmp_path / "s.mp4").read_bytes()
    assert content.count(b"mp4a") == 1
    (tmp_path / "s.mp4").write_bytes(content.replace(b"mp4a", b"zzzz").replace(b"esds", b"free"))
    clip = read_clip(tmp_path / "s.mp4")
    images = [frame.image for frame in clip]
    with pytest.warns(UserWarning, match="has sound of a kind that this build of FFmpeg does not know, in track 1"):
        write_clip(tmp_path / "a.mov", images, clip)
    assert not read_clip(tmp_path / "a.mov").has_sound
    assert len(list(read_clip(tmp_path / "a.mov"))) == len(images)
