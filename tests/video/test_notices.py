"""Warnings and errors of a frame name its number in the clip."""

import json
import warnings

import pytest

from hybridmatte import matte_sequence, read_alpha, write_alpha
from hybridmatte.errors import warn_caller
from hybridmatte.video import read_clip, write_clip
from hybridmatte.video.clips import VideoClip
from hybridmatte.video.notices import FrameNotices
from tests.synthetic import soft_disk
from tests.video.made import N, scene


def said_by(warned, number_of=int):
    """Return the messages of frames, each of which has a list of warnings."""
    notices = FrameNotices(number_of)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for index, messages in warned:
            with notices.at(index):
                for message in messages:
                    warn_caller(message, UserWarning)
        notices.finish()
    return [str(one.message) for one in caught]


def test_a_warning_has_the_number_of_its_frame():
    assert said_by([(0, []), (1, ["a"]), (2, []), (3, ["a", "b"])], lambda index: index + 10) == [
        "a (frame 11)",
        "a (frame 13)",
        "b (frame 13)",
    ]


def test_warnings_of_frames_in_a_row_are_two():
    said = said_by([(0, ["a 1.5%"]), (1, ["a 2%", "b"]), (2, ["a 30%"]), (3, ["b"]), (4, [])])
    assert said == ["a 1.5% (frame 0)", "b (frame 1)", "a 30% (frame 2, and all from 0 on)", "b (frame 3)"]
    assert said_by([(0, ["a"]), (1, ["a"])]) == ["a (frame 0)", "a (frame 1, and all from 0 on)"]


def test_a_key_frame_that_comes_twice_is_named_once():
    assert said_by([(0, []), (3, ["a"]), (1, []), (2, []), (3, ["a"])]) == ["a (frame 3)"]


def test_an_error_comes_with_the_warnings_before_it():
    def fail():
        with FrameNotices(int).at(7):
            warn_caller("a", UserWarning)
            raise TypeError("b")

    with pytest.warns(UserWarning, match=r"a \(frame 7\)"), pytest.raises(TypeError, match=r"b \(frame 7\)"):
        fail()


def test_the_warnings_of_a_clip_name_its_frames():
    """They named none."""
    image, _, alpha = soft_disk((45, 61), noise=0.0)
    mask = alpha > 0.5
    with pytest.warns(UserWarning, match="of the image's border") as caught:
        list(matte_sequence([image, 0.9 * image, image], masks=[mask, ~mask, mask], weights="free", smoothing=0))
    assert [(str(one.message)[-9:], one.filename) for one in caught] == [("(frame 1)", __file__)]


def test_the_command_names_frames_by_their_numbers_in_the_clip(command, folder):
    for k in range(5, 11):
        mask = read_alpha(folder / f"t.{k:04d}.png") > 0.5
        write_alpha(folder / f"m.{k:04d}.png", ~mask if k == 8 else mask)
    done = command("@s.%04d.png --masks @m.%04d.png -q fast --weights free -o @a.%04d.png --start 7")
    assert done.code == 0, done.err
    assert "leave out --invert" not in done.err
    assert "of the image's border" in done.err
    assert done.err.count("(frame 8)") == 1


def test_frames_behind_one_that_cannot_be_decoded_keep_their_numbers(command, folder, monkeypatch):
    """An error of frame 4 named frame 3."""
    write_clip(folder / "s.mkv", [scene(k)[0] for k in range(N)], read_clip(folder / "s.%04d.png"))
    decoded = VideoClip._decoded
    monkeypatch.setattr(
        VideoClip, "_decoded", lambda self, **options: (one for k, one in enumerate(decoded(self, **options)) if k != 2)
    )
    done = command("@s.mkv --trimaps @t.%04d.png -q fast -o @a.mov --matte")
    assert done.code == 0, done.err
    assert "5 of 6 frames could be decoded, and are used; left out: 2" in done.err
    content = (folder / "t.0009.png").read_bytes()
    (folder / "t.0009.png").write_bytes(content[:-40])
    failed = command("@s.mkv --trimaps @t.%04d.png -q fast -o @b.mov --matte")
    assert failed.code == 2
    assert "(frame 4)" in failed.err


def test_the_last_warning_of_a_clip_is_said_without_smoothing(command, folder):
    """Warnings that lasted until the last frame named their first frame alone."""
    for k in range(5, 11):
        write_alpha(folder / f"m.{k:04d}.png", ~(read_alpha(folder / f"t.{k:04d}.png") > 0.5))
    done = command("@s.%04d.png --masks @m.%04d.png -q fast --weights free -o @a.%04d.png --smoothing 0")
    assert done.code == 0, done.err
    assert "and all from 5 on" in done.err


def test_an_error_of_a_class_with_other_arguments_names_its_frame():
    """It became a TypeError about missing arguments."""
    with pytest.raises(ValueError, match=r"Expecting value.*\(frame 7\)"), FrameNotices(int).at(7):
        json.loads("no")
