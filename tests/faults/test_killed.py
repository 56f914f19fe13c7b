"""Processes that are killed or interrupted: workers end, temporary files are cleared, Ctrl-C gives one note."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hybridmatte
from hybridmatte.batch import work
from hybridmatte.cli import main
from hybridmatte.correction import matting
from hybridmatte.io import files
from hybridmatte.io.files import clear_temporaries, write_bytes
from hybridmatte.io.pictures import write_alpha, write_image

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(hybridmatte.__file__).parents[1])}
SLEEPERS = """
import sys, time
from pathlib import Path
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.pool import run_jobs

def work(job):
    job.output.touch()
    time.sleep(60)

if __name__ == "__main__":
    run_jobs([Job(Path(name), None, Path(name)) for name in ("a", "b", "c")], work, workers=2)
"""
COMMAND = "from hybridmatte.cli import main; main()"
LEFT = ".{}.0123456789abcdef0123456789abcdef.tmp"


def start(arguments, folder):
    """Start Python as a terminal would: in a process group of its own, with Python's handler of Ctrl-C."""

    def handle_interrupts():
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        [sys.executable, *arguments],
        env=ENVIRONMENT,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=handle_interrupts,
    )


def run(*arguments):
    """Run a command in this process; return its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def outputs_within(process, seconds):
    """Return standard error; fail unless all processes that hold it end in time."""
    try:
        return process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"a process is still there after {seconds} s")


def wait_for(*paths, seconds=60):
    deadline = time.monotonic() + seconds
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline, f"{paths} do not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_the_main_process(tmp_path, kind):
    """User: 37 of 40 times, workers of a killed run went on."""
    (tmp_path / "sleepers.py").write_text(SLEEPERS)
    process = start(["sleepers.py"], tmp_path)
    wait_for(tmp_path / "a", tmp_path / "b")
    process.send_signal(kind)
    errors = outputs_within(process, 15)
    assert "Traceback" not in errors  # Python says that semaphores of the killed process are cleaned up
    assert process.returncode == -kind
    assert not (tmp_path / "c").exists()


def test_ctrl_c_ends_workers_at_once_and_in_silence(tmp_path):
    """User: in 11 of 56 cases, the workers' tracebacks were printed."""
    (tmp_path / "sleepers.py").write_text(SLEEPERS)
    process = start(["sleepers.py"], tmp_path)
    wait_for(tmp_path / "a", tmp_path / "b")
    os.killpg(process.pid, signal.SIGINT)
    errors = outputs_within(process, 15)
    assert "SpawnProcess" not in errors
    assert errors.count("Traceback") == 1  # the script's own
    assert not (tmp_path / "c").exists()


def test_a_worker_that_is_starting_does_not_receive_ctrl_c(tmp_path):
    (tmp_path / "sleepers.py").write_text(SLEEPERS + "\n\nif __name__ != '__main__':\n    Path('begun').touch()\n")
    process = start(["sleepers.py"], tmp_path)
    wait_for(tmp_path / "begun")
    os.killpg(process.pid, signal.SIGINT)
    errors = outputs_within(process, 15)
    assert "SpawnProcess" not in errors
    assert errors.count("Traceback") == 1


@pytest.mark.parametrize("module", ["typer", "hybridmatte.errors", "hybridmatte.cli.app", "numpy", "rich.console"])
def test_ctrl_c_while_modules_are_imported(tmp_path, module):
    """User: Ctrl-C in the first 0.1 s gave a traceback."""
    code = f"""
import signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
{COMMAND}
"""
    process = start(["-c", code, "matte", "a.png", "t.png", "-o", "o.png"], tmp_path)
    assert outputs_within(process, 60) == "interrupted\n"
    assert process.returncode == 130


def test_ctrl_c_that_python_drops_is_raised_again(tmp_path):
    """User: Ctrl-C had no effect, because it came while Python ran a callback of its import system."""
    code = f"""
import signal, sys, time, weakref

class Slow:
    def find_spec(self, name, *_):
        if name == "numpy":
            class Thing: pass
            thing = Thing()
            watch = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
            del thing
            time.sleep(30)

sys.meta_path.insert(0, Slow())
{COMMAND}
"""
    process = start(["-c", code, "matte", "a.png", "t.png", "-o", "o.png"], tmp_path)
    assert outputs_within(process, 20) == "interrupted\n"
    assert process.returncode == 130


def test_the_end_of_a_file_is_an_error_with_a_sentence(monkeypatch, capsys):
    """User: the only word was "Aborted."."""

    def end_early(*_):
        raise EOFError("Ran out of input")

    monkeypatch.setattr(matting, "check_method_or_quality", end_early)
    assert run("matte", "a.png", "t.png", "-o", "o.png") == 2
    assert capsys.readouterr().err == "error: a file ended early (Ran out of input), expected a whole one\n"


def test_a_killed_write_leaves_a_file_that_is_cleared(tmp_path):
    """User: six of six kills at the write left `.tmp` files for ever."""
    code = f"""
import os, signal
from hybridmatte.io.files import write_bytes
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_bytes({str(tmp_path / "a.png")!r}, bytes(1000))
"""
    assert subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    assert clear_temporaries([tmp_path / "b.png"]) == 0
    assert clear_temporaries([tmp_path / "a.png", tmp_path / "b.png"]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(files.fcntl is None, reason="needs locks")
def test_files_that_another_run_is_writing_stay(tmp_path, monkeypatch):
    lock, counts = files._lock, []

    def lock_and_clear(file):
        lock(file)
        monkeypatch.setattr(files, "_lock", lock)
        counts.append(clear_temporaries([tmp_path / "a.png"]))

    monkeypatch.setattr(files, "_lock", lock_and_clear)
    write_bytes(tmp_path / "a.png", b"whole")
    assert counts == [0]
    assert (tmp_path / "a.png").read_bytes() == b"whole"


@pytest.mark.parametrize(
    "name", ["字" * 80 + ".png", "a" * 240 + ".png", "\udcff.png"], ids=["Chinese", "long", "not UTF-8"]
)
def test_long_and_foreign_names(tmp_path, name):
    """User: a name of 80 Chinese characters could not be written: the temporary name was too long."""
    write_bytes(tmp_path / name, b"whole")
    assert (tmp_path / name).read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def _fake_matte(monkeypatch):
    """Return the trimap as alpha, without a solver."""
    monkeypatch.setattr(work, "matte_by", lambda _, trimap, *__: trimap)


@pytest.mark.usefixtures("_fake_matte")
@pytest.mark.parametrize("resume", [True, False])
def test_resume_clears_its_own_temporary_files(tmp_path, scene, resume):
    images, trimaps, out = (tmp_path / name for name in ("images", "trimaps", "out"))
    for folder in (images, trimaps, out):
        folder.mkdir()
    for stem in "ab":
        write_image(images / f"{stem}.png", scene.image)
        write_alpha(trimaps / f"{stem}.png", scene.trimap)
    left = [out / LEFT.format(name) for name in ("a.png", "b.png", "another.png")]
    for path in left:
        path.touch()
    (out / "a.png").write_bytes(b"written before")
    assert run("matte", images, trimaps, "-o", out, "--resume" if resume else "--force") == 0
    assert [path.exists() for path in left] == ([False, False, True] if resume else [True] * 3)


@pytest.mark.usefixtures("_fake_matte")
def test_resume_of_one_picture_clears_its_own_temporary_file(tmp_path, scene):
    image, trimap, output = (tmp_path / name for name in ("image.png", "trimap.png", "out.png"))
    write_image(image, scene.image)
    write_alpha(trimap, scene.trimap)
    (tmp_path / LEFT.format("out.png")).touch()
    assert run("matte", image, trimap, "-o", output, "--resume") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.png", "out.png", "trimap.png"]
