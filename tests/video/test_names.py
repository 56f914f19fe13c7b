"""Odd names, two runs at once, and files that may not be read by others."""

import stat
import sys

import numpy as np
import pytest

from hybridmatte import write_image
from hybridmatte.video import read_clip, write_clip
from hybridmatte.video.image_sequences import find_files, named_by
from hybridmatte.video.writing import open_writer
from tests.video.made import av, make_video

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="names and permissions of Unix")


@pytest.fixture
def clip(tmp_path):
    make_video(tmp_path / "s.mp4", n=2)
    return read_clip(tmp_path / "s.mp4")


def write(path, clip):
    write_clip(path, [frame.image for frame in clip], clip)


@POSIX
def test_a_second_run_leaves_the_file_of_the_first(tmp_path, clip):
    """It removed the file that the first was writing, which then failed after its last frame."""
    with open_writer(tmp_path / "a.mov", clip, has_alpha=False) as first:
        with pytest.raises(RuntimeError, match="ends"), open_writer(tmp_path / "a.mov", clip, has_alpha=False):
            raise RuntimeError("ends")
        for frame in clip:
            first.write(np.float32(frame.image) / 255, None, frame.number, frame.time, frame.duration)
    assert len(list(read_clip(tmp_path / "a.mov"))) == 2
    assert not list(tmp_path.glob(".*"))


@POSIX
@pytest.mark.parametrize("name", ["12:30 take.mov", "50% done.mkv", "ä [1] #2.mp4", "-a.mov", f"{'n' * 251}.mov"])
def test_odd_names_are_read_and_written(tmp_path, clip, name, monkeypatch):
    """FFmpeg took the first for an address; the last was too long with what was added to it."""
    monkeypatch.chdir(tmp_path)
    write(name, clip)
    assert len(list(read_clip(name))) == 2


@pytest.mark.parametrize(
    ("pattern", "number", "name"),
    [
        ("take#2.%04d.png", 7, "take#2.0007.png"),
        ("take#2.####.png", 7, "take#2.0007.png"),
        ("50%_####_#1.png", 7, "50%_0007_#1.png"),
        ("a#1_5-9#.png", 7, "a#1_7.png"),
        ("a.%d.png", 12345, "a.12345.png"),
    ],
)
def test_a_name_may_have_a_number_sign(tmp_path, pattern, number, name):
    """The first # was taken for the place of the number: take#2.%04d.png became take72.%04d.png."""
    assert named_by(str(tmp_path / pattern), number) == tmp_path / name
    write_image(tmp_path / name, np.zeros((9, 13, 3)))
    if "-" in pattern:
        pattern = pattern.replace("5-9", "7-7")
    assert find_files(str(tmp_path / pattern), "clip") == ([tmp_path / name], number)


@POSIX
def test_a_video_that_is_written_again_keeps_its_permissions(tmp_path, clip):
    write(tmp_path / "a.mov", clip)
    (tmp_path / "a.mov").chmod(0o600)
    write(tmp_path / "a.mov", clip)
    assert stat.S_IMODE((tmp_path / "a.mov").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (av.error.OSError(28, "No space left on device"), r"cannot be written \(No space left on device\), expected"),
        (av.error.ArgumentError(22, "Invalid argument"), r"cannot be encoded \(Invalid argument\), expected another"),
    ],
)
def test_what_cannot_be_encoded_is_not_told_as_a_full_disk(tmp_path, clip, error, said, monkeypatch):
    writer = open_writer(tmp_path / "a.mov", clip, has_alpha=False)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(writer, "_encode", fail)
    with writer:
        with pytest.raises((OSError, ValueError), match=said):
            writer.write(np.zeros((*clip.shape, 3), np.float32), None, 0, 0, 1)
        monkeypatch.undo()
