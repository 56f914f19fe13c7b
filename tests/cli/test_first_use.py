"""Notes during long work, and the command ``compile``."""

import threading
from contextlib import contextmanager

import pytest

from hybridmatte import compilation
from hybridmatte.cli import first_use


def test_compile_says_whether_there_was_anything_to_do(run, monkeypatch):
    monkeypatch.setattr(compilation, "compile_default", lambda: None)
    for has_compiled, word in ((True, "compiled in 0 s"), (False, "was compiled already")):
        monkeypatch.setattr(compilation, "has_compiled", lambda found=has_compiled: found)
        done = run("compile")
        assert done.code == 0
        assert done.err.splitlines() == ["compiling matte and cutout, a minute or two unless it is done", word]


def test_compile_says_what_an_interrupt_leaves(run, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(compilation, "compile_default", interrupt)
    done = run("compile")
    assert done.code == 130
    assert "what is compiled stays" in done.err


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize(("command", "parts"), [
    ("cutout", "flow_from_known conjugate_gradients sampling network colours"),
    ("matte", "flow_from_known conjugate_gradients sampling network"),
    ("cutout --quality fast", "flow_from_known conjugate_gradients colours"),
    ("matte --method warns", "")])
def test_other_processes_help_to_compile(run, monkeypatch, command, parts):
    asked = let_work_take_long(monkeypatch, [True])
    word, *options = command.split()
    done = run(f"{word} @image.png @trimap.png -o @out.png {' '.join(options)}")
    assert done.code == 0
    assert done.err.startswith("compiling, once for all runs to come")
    assert asked == [tuple(parts.split())]


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize(("compiling", "words"), [
    ([False, False, False], ["still working"]), ([False, False, True], ["still working", first_use.COMPILING])])
def test_long_work_is_noted_once(run, monkeypatch, compiling, words):
    asked = let_work_take_long(monkeypatch, compiling)
    assert run("matte @image.png @trimap.png -o @out.png").err.splitlines() == words
    assert len(asked) == any(compiling)


@pytest.mark.usefixtures("fake_alpha", "folders")
def test_other_processes_help_with_a_folder_too(run, monkeypatch):
    asked = let_work_take_long(monkeypatch, [False, True])
    done = run("matte @images @trimaps -o @out")
    assert done.err.splitlines()[0] == first_use.COMPILING
    assert len(asked) == 1


def let_work_take_long(monkeypatch, compiling):
    """Let the watcher look at once, and see compilation or not; return the list of the parts that helpers compile."""
    asked, looks = [], list(compiling)

    @contextmanager
    def ahead(parts):
        asked.append(parts)
        yield

    class Looks(threading.Event):
        def wait(self, timeout):
            del timeout
            return not looks

    monkeypatch.setattr(first_use, "Event", Looks)
    monkeypatch.setattr(compilation, "is_compiling", lambda: looks.pop(0))
    monkeypatch.setattr(compilation, "compiling_ahead", ahead)
    return asked
