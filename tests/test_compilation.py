import json
import os
import signal
import subprocess
import sys
import time

import pytest

from hybridmatte import compilation

SIGNATURES = """
import json, sys
import numpy as np
from numba.core.dispatcher import Dispatcher
from hybridmatte import compilation, cutout
if name := sys.argv[1]:
    compilation.help_out([name])
else:
    trimap = np.full((240, 300), 0.5)
    trimap[:, :60], trimap[100:150, 200:] = 0, 1
    cutout(np.random.default_rng(1).random((240, 300, 3)), trimap)
modules = [module for name, module in list(sys.modules.items()) if name.startswith(("hybridmatte.", "pymatting."))]
print(json.dumps([f"{module.__name__}.{name} {signature}" for module in modules
                  for name, value in vars(module).items() if isinstance(value, Dispatcher)
                  for signature in value.signatures]))
"""


def printed_by(code, *arguments):
    """Return what a new process, whose standard input stays open, prints."""
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        text = process.stdout.read()
    assert process.returncode == 0
    return text


@pytest.fixture(scope="module")
def found():
    """What each part, and all of `cutout` for an empty name, compiles or reads from disk.

    After a first `cutout` whose list is dropped: what it compiles names its callees too, what it reads does not.
    """
    printed_by(SIGNATURES, "")
    return {part: set(json.loads(printed_by(SIGNATURES, part))) for part in ("", *compilation.PARTS)}


@pytest.mark.parametrize("part", compilation.PARTS)
def test_parts_compile_what_cutout_needs_and_nothing_else(part, found):
    """A part that compiled for other types would be of no use, and say nothing of it."""
    assert len(found[part]) >= 3
    assert found[part] <= found[""]


def test_parts_leave_the_first_steps_to_the_process_that_asks(found):
    """Those of a matrix, which come first and are of one piece; and of no other step, whatever the picture's size."""
    left = found[""] - set().union(*(found[part] for part in compilation.PARTS))
    modules = {name.split()[0].rpartition(".")[0].removeprefix("hybridmatte.") for name in left}
    assert {module for module in modules if not module.startswith("laplacian.")} == {
        "similarity._known_expansion_numba"}


def test_helpers_share_the_parts_from_the_end(monkeypatch):
    monkeypatch.setattr(compilation, "_other_cores", lambda: 2)
    with compilation.compiling_ahead(["conjugate_gradients", "sampling", "network"]) as helpers:
        assert ["['network', 'conjugate_gradients']" in helper.args[-1] for helper in helpers] == [True, False]
        assert "['sampling']" in helpers[1].args[-1]


def test_helpers_end_with_the_block(monkeypatch):
    monkeypatch.setattr(compilation, "_other_cores", lambda: 1)
    monkeypatch.setattr(compilation, "HELP", "import time; time.sleep(600)")
    helpers = []

    def fail():
        with compilation.compiling_ahead() as started:
            helpers.extend(started)
            assert helpers[0].poll() is None
            raise KeyError

    pytest.raises(KeyError, fail)
    assert helpers[0].returncode == -signal.SIGKILL


LONG_WORK = """
import time
from hybridmatte import compilation
compilation.PARTS["network"] = lambda: time.sleep(600)
compilation.help_out({names!r})
"""
KILLED = f"""
import os, time
from hybridmatte import compilation
compilation._other_cores = lambda: 1
compilation.HELP = {LONG_WORK!r}
with compilation.compiling_ahead(["network"]) as helpers:
    time.sleep(3)
    print(helpers[0].pid, helpers[0].poll(), flush=True)
    os._exit(0)
"""


def test_helpers_end_with_the_process_that_asked():
    """However it ends; and they do not hold its standard output open, or this would wait for ten minutes."""
    helper, state = printed_by(KILLED).split()
    assert state == "None"
    deadline = time.monotonic() + 60
    while is_running(int(helper)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("cores", "parts"), [(0, None), (4, ())])
def test_nobody_helps_on_one_core_or_without_work(monkeypatch, cores, parts):
    monkeypatch.setattr(compilation, "_other_cores", lambda: cores)
    with compilation.compiling_ahead(parts) as helpers:
        assert helpers == []


@pytest.mark.parametrize("executable", ["", "/nowhere/python"])
def test_nobody_helps_where_nothing_can_be_started(monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    with compilation.compiling_ahead() as helpers:
        assert helpers == []


@pytest.mark.slow
def test_what_helpers_compile_is_read_from_disk(tmp_path, monkeypatch):
    """With an empty cache, a helper fills it; the process that asked then compiles nothing of that part."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compilation, "_other_cores", lambda: 1)
    code = ("from hybridmatte import compilation; compilation.help_out(['network']); "
            "print(compilation.has_compiled(), compilation.is_compiling())")
    with compilation.compiling_ahead(["network"]) as (helper,):
        assert helper.wait() == 0
    assert printed_by(code) == "False False\n"
    for file in tmp_path.rglob("*.nbi"):
        os.remove(file)
    assert printed_by(code) == "True False\n"


@pytest.mark.slow
def test_it_is_seen_when_code_is_being_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    code = ("import threading; from hybridmatte import compilation; "
            "work = threading.Thread(target=compilation.help_out, args=(['network'],)); work.start(); seen = False\n"
            "while work.is_alive():\n    seen |= compilation.is_compiling()\n    work.join(0.05)\nprint(seen)")
    assert [printed_by(code), printed_by(code)] == ["True\n", "False\n"]


def test_nothing_has_compiled_before_numba_is_there():
    code = ("import sys; from hybridmatte.compilation import has_compiled; "
            "print(has_compiled(), 'numba' in sys.modules)")
    assert printed_by(code) == "False False\n"
