"""A run that ends in the middle leaves its parts, and continues to the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hybridmatte import write_alpha, write_image
from hybridmatte.automatic import identity
from hybridmatte.video import read_clip, write_clip
from hybridmatte.video.jobs import Look, Settings, Source, run_clip
from hybridmatte.video.resuming import parts_folder
from tests.video.made import N, run, scene

LONG = 48  # frames, enough that a run under load does not end before it is killed


@pytest.fixture
def long_clip(tmp_path):
    """Write frames and trimaps of a clip that takes a second or two."""
    for k in range(LONG):
        image, _, trimap = scene(k / 4)
        write_image(tmp_path / f"s.{k:04d}.png", image)
        write_alpha(tmp_path / f"t.{k:04d}.png", trimap)
    return tmp_path


@pytest.mark.parametrize(
    ("number", "code", "target"),
    [
        (signal.SIGINT, 130, "cut.mov"),
        (signal.SIGTERM, -signal.SIGTERM, "cut.mov"),
        (signal.SIGKILL, -signal.SIGKILL, "cut.mov"),
        (signal.SIGKILL, -signal.SIGKILL, "cut.%04d.exr"),
    ],
    ids=["Ctrl-C", "terminate", "kill", "kill a sequence"],
)
def test_a_run_that_is_ended_continues_to_the_same_bytes(long_clip, number, code, target):
    options = (long_clip / "s.%04d.png", "--trimaps", long_clip / "t.%04d.png", "-q", "fast")
    (long_clip / "whole").mkdir()
    whole = run(*options, "-o", long_clip / "whole" / target)
    assert whole.returncode == 0, whole.stderr
    output = long_clip / target
    command = [sys.executable, "-m", "hybridmatte", "video", *map(str, options), "-o", str(output)]
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored, as behind a shell's &
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, handler)
    parts = long_clip / f"{target}.parts"
    deadline = time.monotonic() + 120
    while not (parts / "alpha_000002.exr").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == code, said
    assert not output.exists()
    assert parts.is_dir()
    if number == signal.SIGINT:
        assert "interrupted; " in said
        assert f"frames finished, in {parts}; --resume continues from there" in said
    again = run(*options, "-o", output)
    assert again.returncode == 2
    assert "expected --resume to continue" in again.stderr or "pictures already" in again.stderr
    other = run(*options[:-1], "best", "-o", output, "--resume")
    assert "was begun with quality 'fast', expected 'best'" in other.stderr
    resumed = run(*options, "-o", output, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert f"of {LONG} frames finished already" in resumed.stderr
    written = {path.name: path.read_bytes() for path in (long_clip / "whole").iterdir()}
    assert {name: (long_clip / name).read_bytes() for name in written} == written
    assert not parts.exists()
    assert not list(long_clip.glob(".*.tmp"))


class Stopped(Exception):
    """What ends a run in these tests."""


def run_until(folder, n_frames, output="a.mov", **options):
    """Run the clip in this process until some frames are written; return how many were finished when it began."""
    state = SimpleNamespace(n_done=None, count=0)

    def on_frame():
        state.count += 1
        if state.count == n_frames:
            raise Stopped

    def on_begin(begun):
        state.n_done = begun.n_done

    source = Source(str(folder / "s.%04d.png"), trimaps=str(folder / "t.%04d.png"))
    settings = Settings("fast", smoothing=options.pop("smoothing", 0))
    try:
        run_clip(source, str(folder / output), Look(), settings, on_begin=on_begin, on_frame=on_frame, **options)
    except Stopped:
        pass
    return state.n_done


@pytest.mark.parametrize(("changed", "n_kept"), [(5, 4), (2, 2), (0, 0)])
def test_frames_before_a_trimap_that_was_mended_are_kept(folder, changed, n_kept):
    """A trimap that is wrong in the middle of a long clip does not cost the frames before it."""
    run_until(folder, 4)
    _, _, trimap = scene(changed)
    write_alpha(folder / f"t.{changed + 5:04d}.png", np.where(np.arange(67) < 26, trimap, 0.5))
    assert run_until(folder, 99, resume=True) == n_kept
    run_until(folder, 99, output="b.mov")
    assert (folder / "a.mov").read_bytes() == (folder / "b.mov").read_bytes()


KEYED = "@s.%04d.png -q fast --smoothing 0 --window 2 --key 5=@t.0005.png"


@pytest.mark.parametrize(("options", "n_kept"), [("", 2), ("--key 7=@t.0007.png", 1)])
def test_frames_that_an_added_key_frame_cannot_reach_are_kept(command, folder, options, n_kept):
    """Frame 8 begins a scene without a key frame: the run with one more key frame was refused."""
    write_image(folder / "s.0008.png", 1 - scene(3)[0])
    write_image(folder / "s.0009.png", 1 - scene(4)[0])
    write_image(folder / "s.0010.png", 1 - scene(5)[0])
    failed = command(f"{KEYED} -o @a.mov")
    assert failed.code == 2
    assert "3 frames finished, in" in failed.err
    assert "keys has no key frame in the scene that begins here, expected one in each scene (frame 8)" in failed.err
    added = f"{options} --key 8=@t.0008.png"
    resumed = command(f"{KEYED} {added} -o @a.mov --resume")
    assert resumed.code == 0, resumed.err
    assert f"{n_kept} of 6 frames finished already" in resumed.err
    assert command(f"{KEYED} {added} -o @b.mov").code == 0
    assert (folder / "a.mov").read_bytes() == (folder / "b.mov").read_bytes()


def test_a_run_that_ends_before_its_first_frame_leaves_no_parts(folder):
    """The next run complained of 0 frames of an interrupted run."""
    write_alpha(folder / "t.0005.png", np.full((45, 67), 0.5))
    failed = run(folder / "s.%04d.png", "--trimaps", folder / "t.%04d.png", "-o", folder / "a.mov", "-q", "fast")
    assert failed.returncode == 2
    assert "(frame 5)" in failed.stderr
    assert not (folder / "a.mov.parts").exists()


def test_an_error_in_the_middle_says_what_is_finished(command, folder):
    """The trimap of the last frame is damaged; the message names its number, and how to continue."""
    content = (folder / "t.0009.png").read_bytes()
    (folder / "t.0009.png").write_bytes(content[:-40])
    failed = command("@s.%04d.png --trimaps @t.%04d.png -q fast -o @a.mov")
    assert failed.code == 2
    assert "4 frames finished, in" in failed.err
    assert "t.0009.png" in failed.err.split("error: ")[1]
    (folder / "t.0009.png").write_bytes(content)
    resumed = command("@s.%04d.png --trimaps @t.%04d.png -q fast -o @a.mov --resume")
    assert resumed.code == 0
    assert "4 of 6 frames finished already" in resumed.err
    done = command("@s.%04d.png --trimaps @t.%04d.png -q fast -o @b.mov")
    assert done.code == 0
    assert (folder / "a.mov").read_bytes() == (folder / "b.mov").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files cannot be limited")
def test_a_full_disk_is_named_and_loses_nothing(folder):
    """The message named a temporary file."""
    import resource

    options = (folder / "s.%04d.png", "--trimaps", folder / "t.%04d.png", "-q", "fast", "-o", folder / "a.mov")
    command = [sys.executable, "-m", "hybridmatte", "video", *map(str, options)]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 2
    assert "frames finished, in" in done.stderr
    assert "a.mov cannot be written (File too large), expected a writable folder with free space" in done.stderr
    assert not list(folder.glob(".*"))
    assert run(*options, "--resume").returncode == 0


@pytest.mark.parametrize("output", [".", "out", "out/", "a.mov", "out/../out", ".."])
def test_parts_lie_beside_their_output(tmp_path, monkeypatch, output):
    """Those of the folder . were in the folder ..parts."""
    (tmp_path / "in" / "out").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "in")
    expected = {".": tmp_path / "in.parts", "..": tmp_path.with_name(f"{tmp_path.name}.parts")}
    name = "a.mov.parts" if output == "a.mov" else "out.parts"
    assert Path(os.path.abspath(parts_folder(output))) == expected.get(output, tmp_path / "in" / name)


def test_a_folder_that_is_none_of_ours_is_not_removed(command, folder):
    (folder / "a.mov.parts").mkdir()
    (folder / "a.mov.parts" / "mine.txt").write_text("mine")
    refused = command("@s.%04d.png --trimaps @t.%04d.png -q fast -o @a.mov --force")
    assert refused.code == 2
    assert "a.mov.parts has no job.json, expected the parts of an interrupted run, or no such folder" in refused.err
    assert (folder / "a.mov.parts" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("version", r"begun with version of hybridmatte '.*', expected '9\.9' as now, or --force without --resume"),
        ("network", "begun with weights of fusion '.*', expected 'another' as now"),
        ("network that corrects masks", "begun with weights of refiner '.*', expected 'another' as now"),
        ("clip", r"begun with size and date of clip \[\[.*\]\], expected \[\[.*\]\] as now"),
    ],
)
def test_parts_of_another_version_or_network_are_refused(folder, monkeypatch, changed, said):
    """Frames of two versions stood side by side in one output, and nothing was said."""
    write_clip(folder / "s.mkv", [scene(k)[0] for k in range(N)], read_clip(folder / "s.%04d.png"))
    masks = None if changed == "network" else str(folder / "t.%04d.png")
    source = Source(str(folder / "s.mkv"), masks=masks, trimaps=None if masks else str(folder / "t.%04d.png"))
    settings = Settings("best" if changed == "network" else "fast", smoothing=0)
    with pytest.raises(Stopped):
        run_clip(source, str(folder / "a.mov"), Look(), settings, on_frame=stop)
    if changed == "version":
        monkeypatch.setattr(identity, "__version__", "9.9")
    elif changed == "clip":
        os.utime(folder / "s.mkv", (1, 1))
    else:
        checksum = identity._checksum
        name = said.split()[4]
        monkeypatch.setattr(identity, "_checksum", lambda path: "another" if path.name == name else checksum(path))
    with pytest.raises(ValueError, match=said):
        run_clip(source, str(folder / "a.mov"), Look(), settings, resume=True)
    monkeypatch.undo()
    assert run_clip(source, str(folder / "a.mov"), Look(), settings, force=True) == N


def stop():
    raise Stopped


def test_what_a_segmenter_depends_on(tmp_path):
    """A network in a file may be replaced; a package may be another version."""
    file = tmp_path / "net.onnx"
    file.write_bytes(b"one")
    options = {"has_correction": False, "has_masks": True}
    one = identity.identity_of(f"onnx:{file}", "free", **options)
    assert one == identity.identity_of(f"onnx:{file}", "free", **options)
    (tmp_path / "net.onnx.toml").write_text("size = 3")
    two = identity.identity_of(f"onnx:{file}", "free", **options)
    file.write_bytes(b"another")
    three = identity.identity_of(f"onnx:{file}", "free", **options)
    folder = identity.identity_of(f"transformers:{tmp_path}", "free", **options)
    assert len({str(each) for each in (one, two, three, folder)}) == 4
    assert "weights of finder" not in one
    assert identity.identity_of("people", "research", **options) == identity.identity_of(
        "bundled", "research", **options
    )


def test_two_runs_do_not_share_their_parts(folder):
    """Both wrote the same files, and the first that ended removed those of the other."""
    run_until(folder, 2)
    held = []

    def begin_again(_):
        with pytest.raises(FileExistsError, match=r"a\.mov\.parts is in use by another run, expected another output"):
            run_until(folder, 99, resume=True)
        held.append(1)

    source = Source(str(folder / "s.%04d.png"), trimaps=str(folder / "t.%04d.png"))
    options = {"resume": True, "on_begin": begin_again}
    assert run_clip(source, str(folder / "a.mov"), Look(), Settings("fast", smoothing=0), **options) == N
    assert held
    assert not (folder / "a.mov.parts").exists()
