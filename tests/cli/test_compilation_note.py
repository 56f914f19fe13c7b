"""The note about compilation, and the command ``compile``."""

import numba
import pytest

from hybridmatte import foreground
from hybridmatte.cli.compilation_note import COMPILING, note_compilation


def compile_something(*_, **__):
    numba.njit(lambda x: x + 1)(1)


def test_one_note_for_many_kernels():
    said = []
    with note_compilation(said.append) as seen:
        assert not seen.is_seen
        compile_something()
        compile_something()
    compile_something()
    assert seen.is_seen
    assert said == [COMPILING]


def test_no_note_for_compiled_code():
    function, said = numba.njit(lambda x: x + 1), []
    function(1)
    with note_compilation(said.append) as seen:
        function(1)
    assert not seen.is_seen
    assert said == []


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (compile_something, [COMPILING, "compiled in 0 s"]),
        (lambda *_, **__: None, ["was compiled already"]),
    ],
    ids=["compiles", "compiled"],
)
def test_compile_says_whether_there_was_anything_to_do(run, monkeypatch, work, words):
    monkeypatch.setattr(foreground, "cutout", work)
    done = run("compile")
    assert done.code == 0
    assert done.err.splitlines() == words


def test_compile_says_what_an_interrupt_leaves(run, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(foreground, "cutout", interrupt)
    done = run("compile")
    assert done.code == 130
    assert "what is compiled stays" in done.err


def test_a_command_notes_compilation(run, fake_alpha, monkeypatch):
    def solve(_image, trimap, _name):
        compile_something()
        return trimap

    monkeypatch.setattr(fake_alpha, "solve", solve)
    assert run("matte @image.png @trimap.png -o @out.png").err.splitlines() == [COMPILING]
