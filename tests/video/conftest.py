"""Fixtures of the tests of clips."""

from types import SimpleNamespace

import pytest

from hybridmatte import write_alpha, write_image
from hybridmatte.cli import main


@pytest.fixture
def folder(tmp_path):
    """Write the frames and trimaps of a clip as numbered pictures."""
    from tests.video.made import N, scene  # needs the extra video

    for k in range(N):
        image, _, trimap = scene(k)
        write_image(tmp_path / f"s.{k + 5:04d}.png", image, bits=16)
        write_alpha(tmp_path / f"t.{k + 5:04d}.png", trimap)
    return tmp_path


@pytest.fixture
def command(folder, capsys):
    """Return a function that runs ``hybridmatte video`` in the folder of the clip, and returns code, out and err."""

    def video(text):
        words = text.replace("@", f"{folder}/").split()
        try:
            code = main(["video", *words]) or 0
        except SystemExit as leave:
            code = leave.code or 0
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=" ".join(err.split()))

    return video
