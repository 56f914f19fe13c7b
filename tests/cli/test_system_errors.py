"""Errors of the operating system name the file that cannot be used; they said "standard output" for every file."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hybridmatte.cli import app
from hybridmatte.io.streams import naming, write_all

UNREADABLE = Path("/proc/self/mem")  # a regular file that cannot be read from its start
FULL = Path("/dev/full")
needs_unreadable = pytest.mark.skipif(not UNREADABLE.exists(), reason="needs /proc/self/mem")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@needs_unreadable
@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("matte @bad.png @trimap.png -o @out.png", "bad.png"),
        ("matte @image.png @bad.png -o @out.png", "bad.png"),
        ("cutout @image.png @bad.png -o @out.png", "bad.png"),
        ("composite @image.png @alpha.png -o @out.png --background @bad.png", "bad.png"),
        ("evaluate @bad.png @alpha.png --region whole", "bad.png"),
        ("train @bad.toml --data @ --output @run", "bad.toml"),
        ("predict @network @image.png -o @out.png", "config.json"),
        ("predict @weights @image.png -o @out.png", "model.safetensors"),
    ],
)
def test_a_file_that_breaks_off_is_named(files, run, command, name):
    if name == "bad.toml" or "predict" in command:
        pytest.importorskip("torch")
    for folder in ("network", "weights"):
        (files / folder).mkdir()
    (files / "weights" / "config.json").write_text('{"encoder": "resnet10t", "width": 0.25}')
    for path in ("bad.png", "bad.toml", "network/config.json", "weights/model.safetensors"):
        (files / path).symlink_to(UNREADABLE)
    result = run(command)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) == 1
    assert name in result.err
    assert "standard output" not in result.err


@needs_full
@pytest.mark.parametrize("is_standard", [True, False])
def test_a_full_output_is_named(monkeypatch, is_standard):
    with open(FULL, "wb", buffering=0) as file:
        if is_standard:
            monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=file))
        with pytest.raises(OSError, match="No space left") as caught:
            write_all(file, b"picture")
    monkeypatch.undo()
    assert caught.value.filename == ("standard output" if is_standard else str(FULL))


@needs_full
def test_a_table_that_cannot_be_printed_names_standard_output():
    with open(FULL, "wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "hybridmatte", "methods"],
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "error: standard output cannot be used: No space left on device\n"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EPIPE, errno.ETIMEDOUT])
def test_an_error_without_a_file_says_nothing_false(run, monkeypatch, number):
    def fail(**_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(app, "app", fail)
    assert run("methods").err == f"error: a file cannot be used: {os.strerror(number)}\n"


def test_a_name_is_given_only_to_errors_without_one():
    for given, expected in ((None, "outer"), ("inner", "inner")):
        with pytest.raises(OSError, match="no space") as caught, naming("outer"):
            raise OSError(errno.ENOSPC, "no space", given)
        assert caught.value.filename == expected
