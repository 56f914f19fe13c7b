"""Compiled kernels on disk: damaged files, full disks, no folder, and builds or processors that share a folder."""

import importlib.util
import linecache
import os
import resource
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.codegen import JITCPUCodegen

import hybridmatte
from hybridmatte import foreground
from hybridmatte.cli import main
from hybridmatte.cli.compilation_note import note_compilation
from hybridmatte.io.pictures import read_alpha, write_alpha, write_image
from hybridmatte.linalg import _cache_numba
from hybridmatte.linalg._cache_numba import CheckedFiles

SOURCE = """
import numpy as np
from hybridmatte.linalg.threads import kernel

@kernel
def fill(first, last, out):
    for i in range(first, last):
        out[i] = 7.0

@kernel
def count(first, last, out):
    for i in range(first, last):
        out[i] += 1.0
"""
CALLEE = """
from hybridmatte.linalg.threads import inlined
FACTOR = 2.0

@inlined
def scaled(x):
    return FACTOR * x
"""
CALLER = """
from hybridmatte.linalg.threads import kernel
from hybridmatte.{module} import {name}

@kernel
def fill(first, last, out):
    for i in range(first, last):
        out[i] = {expression}
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keep compiled kernels in an empty folder; return the folder."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that imports a source as a new process would: with no kernel compiled and nothing said."""

    def load(source=SOURCE, name="kernels_of_a_test"):
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        _cache_numba._said.clear()
        _cache_numba._build.cache_clear()
        linecache.clearcache()
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(source, path, "exec"), vars(module))
        return module

    return load


def call(function, dtype=np.float64):
    """Return the value that a kernel writes, whether it was compiled, and the warnings."""
    out = np.zeros(5, dtype)
    with warnings.catch_warnings(record=True) as caught, note_compilation(lambda _: None) as compilation:
        warnings.simplefilter("always")
        function(0, 5, out)
    assert (out == out[0]).all()
    return out[0], compilation.is_seen, [str(warning.message) for warning in caught]


DAMAGES = {
    "short": lambda content: content[: len(content) // 3],
    "four bytes": lambda content: content[:4],
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "one bit": lambda content: content[:-20] + bytes([content[-20] ^ 4]) + content[-19:],
}


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_again_and_said_once(cache, load, damage, suffix):
    """User: after a power loss, every run died with 95 lines or "Aborted."."""
    module = load()
    assert call(module.fill) == (7.0, True, [])
    call(module.count)
    for path in cache.rglob(f"*.{suffix}"):
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    module = load()
    value, is_compiled, said = call(module.fill)
    assert (value, is_compiled) == (7.0, True)
    assert len(said) == 1
    assert "damaged, and is compiled again" in said[0]
    assert call(module.count) == (1.0, True, [])  # said once for both
    module = load()
    assert call(module.fill) == (7.0, False, [])
    assert call(module.count) == (1.0, False, [])


def test_compile_mends_the_whole_cache(cache, load, monkeypatch, capsys):
    """User: `compile` did not mend a damaged cache."""
    module = load()
    call(module.fill)
    call(module.count)
    whole = {path: path.read_bytes() for path in cache.rglob("*.nb?")}
    for path, content in whole.items():
        if "count" in path.name:
            path.write_bytes(content[:30])
    monkeypatch.setattr(_cache_numba, "_folders", {module.fill._cache.cache_path})
    monkeypatch.setattr(foreground, "cutout", lambda *_, **__: None)
    with pytest.raises(SystemExit, match="0"):
        main(["compile"])
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "was compiled already",
        "2 damaged files of other kernels removed; these compile at their next use",
    ]
    assert set(cache.rglob("*.nb?")) == {path for path in whole if "fill" in path.name}
    module = load()
    assert call(module.fill) == (7.0, False, [])
    assert call(module.count) == (1.0, True, [])


def test_a_missing_file_is_compiled_again(cache, load):
    call(load().fill)
    for path in cache.rglob("*.nbc"):
        path.unlink()
    assert call(load().fill) == (7.0, True, [])
    assert call(load().fill) == (7.0, False, [])


def test_a_full_disk_costs_a_compilation_and_one_warning(cache, load):
    """User: on a full disk, the command died after the work of compiling."""
    module, limits = load(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        value, is_compiled, said = call(module.fill)
        assert call(module.count) == (1.0, True, [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (value, is_compiled) == (7.0, True)
    assert len(said) == 1
    assert f"cannot be kept in {cache}" in said[0]
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_without_any_folder_kernels_work_and_it_is_said_once(cache, load, tmp_path, monkeypatch):
    """User: in a container with a read-only home, the import failed: "no locator available"."""
    cache.write_text("a file, so that no folder can be made")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__pycache__").write_text("the same")
    module = load(name="package/kernels_of_a_test")
    value, is_compiled, said = call(module.fill)
    assert (value, is_compiled) == (7.0, True)
    assert len(said) == 1
    assert "no writable folder" in said[0]
    assert "NUMBA_CACHE_DIR" in said[0]
    assert call(module.count) == (1.0, True, [])


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(("name", "expression"), [("scaled", "scaled(3.0)"), ("FACTOR", "3.0 * FACTOR")])
def test_a_changed_source_elsewhere_compiles_its_callers_again(load, name, expression):
    """User: two builds shared a cache, and one ran the other's code, for a callee's source was not looked at."""
    caller = CALLER.format(module="callee_of_a_test", name=name, expression=expression)
    other = CALLEE.replace("2.0", "5.0")
    for callee, value, is_compiled in [(CALLEE, 6.0, True), (other, 15.0, True), (CALLEE, 6.0, False)]:
        load(callee, "hybridmatte.callee_of_a_test")
        assert call(load(caller).fill) == (value, is_compiled, [])


@pytest.mark.usefixtures("cache")
def test_builds_of_different_sources_do_not_compile_in_turns(load):
    """User: two environments with one cache compiled in every run, as each one replaced the other's files."""
    other = SOURCE.replace("7.0", "8.0")
    for source, value, is_compiled in [
        (SOURCE, 7.0, True),
        (other, 8.0, True),
        (SOURCE, 7.0, False),
        (other, 8.0, False),
    ]:
        assert call(load(source).fill) == (value, is_compiled, [])


@pytest.mark.parametrize(
    "changed", [("7.0", "8.0"), ("import numpy", "\n\nimport numpy"), ("def fill", "def fill_all")], ids=str
)
def test_old_files_of_other_builds_are_removed(cache, load, changed):
    """Files of kernels that stood on another line, or that the new build no longer has, stayed for ever."""
    call(load().fill)
    before = list(cache.rglob("*.nb?"))
    assert len(before) == 2
    folder = before[0].parent
    others = [folder / "kernels_of_a_test.fill-3.py311.1.nbc", folder / f"{before[0].name}.tmp.{'0' * 16}"]
    kept = [folder / f"kernels_of_another.fill-3.py311-{'0' * 16}.nbi", folder / "kernels_of_a_test.cpython-311.pyc"]
    for path in [*others, *kept]:
        path.touch()
    for path in [*before, *others, *kept]:
        os.utime(path, (0, 0))
    module = load(SOURCE.replace(*changed))
    call(getattr(module, "fill_all", None) or module.fill)
    after = set(cache.rglob("*.nb*"))
    assert len(after) == 3
    assert not {*before, *others} & after
    assert all(path.exists() for path in kept)


def test_files_that_another_build_uses_stay(cache, load):
    """Written long ago and read today: the other build must not compile again."""
    call(load().fill)
    for path in cache.rglob("*.nb?"):
        os.utime(path, (0, 0))
    assert call(load().fill) == (7.0, False, [])
    assert call(load(SOURCE.replace("7.0", "8.0")).fill) == (8.0, True, [])
    assert call(load().fill) == (7.0, False, [])


@pytest.mark.usefixtures("cache")
def test_processors_do_not_run_each_others_code(load, monkeypatch):
    """User: two kinds of machines share a home folder."""
    own = JITCPUCodegen.magic_tuple
    for processor, is_compiled in [("one", True), ("other", True), ("one", False), ("other", False)]:
        monkeypatch.setattr(JITCPUCodegen, "magic_tuple", lambda self, name=processor: (*own(self), name))
        assert call(load().fill) == (7.0, is_compiled, [])


def test_two_processes_that_save_at_once_do_not_mix_their_code(tmp_path):
    """User: both took the same file name, so an index led to code of another signature or processor."""
    one, other = (CheckedFiles(str(tmp_path), "kernel-1.py311-0", "0") for _ in range(2))
    save_data = one._save_data

    def save_data_late(name, data):
        other.save("other signature", "other code")
        save_data(name, data)

    one._save_data = save_data_late
    one.save("signature", "code")
    assert one.load("signature") in ("code", None)
    assert one.load("other signature") in ("other code", None)
    one._save_data = save_data
    one.save("other signature", "other code")
    assert (other.load("signature"), other.load("other signature")) == ("code", "other code")


def test_without_the_compiler_one_sentence_is_said_at_once(tmp_path, scene):
    """User: NUMBA_DISABLE_JIT=1 ended in a traceback about an intrinsic."""
    write_image(tmp_path / "a.png", scene.image)
    write_alpha(tmp_path / "t.png", scene.trimap)
    done = subprocess.run(
        [sys.executable, "-m", "hybridmatte", "matte", "a.png", "t.png", "-o", "o.png", "-m", "cf"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(Path(hybridmatte.__file__).parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "error: NUMBA_DISABLE_JIT is set, expected 0 or unset: the kernels need Numba's compiler\n"


@pytest.mark.slow
def test_a_command_works_without_any_cache(tmp_path, scene):
    """User: read-only home and read-only package."""
    package = Path(hybridmatte.__file__).parent
    shutil.copytree(package, tmp_path / "hybridmatte", ignore=shutil.ignore_patterns("__pycache__", "weights"))
    for folder in [path for path in (tmp_path / "hybridmatte").rglob("*") if path.is_dir()]:
        (folder / "__pycache__").touch()
    (tmp_path / "hybridmatte" / "__pycache__").touch()
    write_image(tmp_path / "a.png", scene.image)
    write_alpha(tmp_path / "t.png", scene.trimap)
    done = subprocess.run(
        [sys.executable, "-m", "hybridmatte", "matte", "a.png", "t.png", "-o", "o.png", "-m", "random_walk"],
        env={**os.environ, "XDG_CACHE_HOME": "/dev/null", "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("no writable folder") == 1
    assert len(done.stderr.splitlines()) == 2
    assert read_alpha(tmp_path / "o.png").shape == scene.trimap.shape
