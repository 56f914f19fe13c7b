"""Ctrl-C ends every command with a note and exit code 130."""

import ctypes
import signal
import subprocess
import sys
import threading

import pytest

from hybridmatte import errors, foreground


@pytest.fixture(autouse=True)
def _python_handles_interrupts():
    """Handle Ctrl-C as Python does by default, also if the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c():
    raise KeyboardInterrupt


def ctrl_c_in_compiled_code():
    raise SystemError("search returned a result with an exception set") from KeyboardInterrupt()


def ctrl_c_in_the_compiler():
    ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()
    raise RuntimeError("object compilation was not done")


INTERRUPTS = [ctrl_c, ctrl_c_in_compiled_code, ctrl_c_in_the_compiler]


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_interruption_says_how_to_go_on(run, fake_alpha, monkeypatch, interrupt):
    monkeypatch.setattr(fake_alpha, "solve", lambda *_, **__: interrupt())
    result = run("matte @image.png @trimap.png -o @out.png")
    assert result.code == 130
    assert result.err.splitlines() == ["interrupted; finished files are complete, and --resume continues from there"]


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_interruption_ends_a_folder(run, fake_alpha, files, monkeypatch, interrupt):
    asked = []
    for folder, name in (("images", "image.png"), ("trimaps", "trimap.png")):
        (files / folder).mkdir()
        for stem in "ab":
            (files / folder / f"{stem}.png").write_bytes((files / name).read_bytes())
    monkeypatch.setattr(fake_alpha, "solve", lambda *_, **__: asked.append(0) or interrupt())
    result = run("matte @images @trimaps -o @out")
    assert (result.code, asked) == (130, [0])
    assert result.err.splitlines() == ["interrupted; finished files are complete, and --resume continues from there"]


def test_interruption_in_the_compiler_ends_every_command(run, monkeypatch):
    monkeypatch.setattr(foreground, "cutout", lambda *_, **__: ctrl_c_in_the_compiler())
    result = run("compile")
    assert result.code == 130
    assert result.err.splitlines() == ["interrupted; what is compiled stays, and compile continues from there"]
    with pytest.raises(KeyboardInterrupt):  # the handler is Python's own again
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_comes_while_it_is_repeated_is_not_dropped(run, monkeypatch):
    """On a busy machine, starting the timer took longer than the timer's time: a traceback stood before the note."""

    class SlowTimer(threading.Timer):
        n_started = 0

        def start(self):
            super().start()
            SlowTimer.n_started += 1
            if SlowTimer.n_started == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(errors, "Timer", SlowTimer)
    monkeypatch.setattr(foreground, "cutout", lambda *_, **__: ctrl_c_in_the_compiler())
    result = run("compile")
    assert result.code == 130
    assert result.err.splitlines() == ["interrupted; what is compiled stays, and compile continues from there"]
    assert SlowTimer.n_started == 2


def test_little_runs_before_interrupts_are_handled():
    """Until the command line runs its first line, Ctrl-C gives Python's own traceback."""
    code = "import sys; before = set(sys.modules); import hybridmatte.cli; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__future__", "hybridmatte", "hybridmatte._lazy", "hybridmatte.cli"}


def test_ignored_interrupts_stay_ignored(run, fake_alpha, monkeypatch):
    def solve(_image, trimap, _name):
        signal.raise_signal(signal.SIGINT)
        return trimap

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(fake_alpha, "solve", solve)
    try:
        assert run("matte @image.png @trimap.png -o @out.png").code == 0
    finally:
        signal.signal(signal.SIGINT, before)
