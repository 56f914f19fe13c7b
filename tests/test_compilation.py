import json
import os
import subprocess
import sys

import pytest

from hybridmatte import compilation

SIGNATURES = """
import json, sys
from numba.core.dispatcher import Dispatcher
from hybridmatte import compilation, cutout
compilation.compile_parts([name]) if (name := sys.argv[1]) else cutout(*compilation._example())
modules = [module for name, module in list(sys.modules.items()) if name.startswith(("hybridmatte.", "pymatting."))]
print(json.dumps([f"{module.__name__}.{name} {signature}" for module in modules
                  for name, value in vars(module).items() if isinstance(value, Dispatcher)
                  for signature in value.signatures]))
"""


def signatures_of(part):
    """Return what a part, or all of `cutout` for an empty name, has compiled or read from disk in a new process."""
    done = subprocess.run([sys.executable, "-c", SIGNATURES, part], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def wanted():
    return signatures_of("")


@pytest.mark.parametrize("part", compilation.PARTS)
def test_parts_compile_what_cutout_needs_and_nothing_else(part, wanted):
    """A part that compiled for other types would be of no use, and say nothing of it."""
    found = signatures_of(part)
    assert len(found) >= 3
    assert found <= wanted


def test_helpers_share_the_parts_from_the_end(monkeypatch):
    monkeypatch.setattr(compilation, "_cores", lambda: 3)
    with compilation.compiling_ahead(["conjugate_gradients", "sampling", "network"]) as helpers:
        assert [helper.name for helper in helpers] == ["network conjugate_gradients", "sampling"]


def test_helpers_end_with_the_block(monkeypatch):
    monkeypatch.setattr(compilation, "_cores", lambda: 2)
    helpers = []

    def fail():
        with compilation.compiling_ahead() as started:
            helpers.extend(started)
            assert helpers[0].is_alive()
            raise KeyError

    pytest.raises(KeyError, fail)
    assert not helpers[0].is_alive()


@pytest.mark.parametrize(("cores", "parts"), [(1, None), (4, ())])
def test_nobody_helps_on_one_core_or_without_work(monkeypatch, cores, parts):
    monkeypatch.setattr(compilation, "_cores", lambda: cores)
    with compilation.compiling_ahead(parts) as helpers:
        assert helpers == []


def test_what_helpers_compile_is_read_from_disk(tmp_path, monkeypatch):
    """With an empty cache, a helper fills it; the process that asked then compiles nothing of that part."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    code = ("from hybridmatte import compilation; compilation.compile_parts(['network']); "
            "print(compilation.has_compiled())")
    monkeypatch.setattr(compilation, "_cores", lambda: 2)
    with compilation.compiling_ahead(["network"]) as (helper,):
        helper.join(120)
        assert helper.exitcode == 0
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    for file in tmp_path.rglob("*.nbi"):
        os.remove(file)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_nothing_has_compiled_before_numba_is_there():
    code = ("import sys; from hybridmatte.compilation import has_compiled; "
            "print(has_compiled(), 'numba' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_helpers_leave_interrupts_to_others():
    """Ctrl-C goes to all processes of a terminal."""
    code = ("import os, signal; from hybridmatte import compilation; compilation.PARTS = {'a': "
            "lambda: os.kill(os.getpid(), signal.SIGINT)}; compilation.compile_parts(['a']); print('on')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "on\n"
