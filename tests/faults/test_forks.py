"""Processes that fork, spawn or come from a server, before and after a first solve; many threads at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hybridmatte

ROOT = Path(hybridmatte.__file__).parents[1]
SCRIPT = """
import multiprocessing, sys, threading, time
import numpy as np
import hybridmatte as hm
from hybridmatte.linalg import threads
from tests.synthetic import soft_disk

kind, when, *tasks = sys.argv[1:]
IMAGE, TRIMAP, _ = soft_disk()

def solve(task):
    threads._settings.limit = 2
    if task == "matte":
        return hm.matte(IMAGE, TRIMAP)
    return hm.solve(IMAGE, TRIMAP, task)

def loss():
    import torch
    from hybridmatte import losses
    if is_parent:
        torch.set_num_threads(2)
    random = torch.Generator().manual_seed(0)
    image, alpha = (torch.rand(1, n, 200, 240, generator=random) for n in (3, 1))
    alpha.requires_grad_()
    total = losses.matting_laplacian_loss(alpha, image) + losses.ddc_loss(alpha, image)
    total.backward()
    return alpha.grad.numpy()

is_parent = False

def work(task):
    return loss() if task == "loss" else solve(task)

if __name__ == "__main__":
    is_parent = True
    expected = [work(task) for task in tasks] if when == "after" else None
    is_parent = False
    with multiprocessing.get_context(kind).Pool(2) as pool:
        results = pool.map_async(work, 3 * tasks, chunksize=1).get(timeout=200)
    if expected is None:
        expected = [work(task) for task in tasks]
    for result, own in zip(results, 3 * expected):
        assert np.abs(result - own).max() < 1e-5
"""
EIGHT = """
import threading
import numpy as np
import hybridmatte as hm
from hybridmatte.linalg import threads
from tests.synthetic import soft_disk

IMAGE, TRIMAP, _ = soft_disk()
results = []

def user():
    threads._settings.limit = 4
    results.append([hm.solve(IMAGE, TRIMAP, method) for method in ("random_walk", "cf")])

users = [threading.Thread(target=user) for _ in range(8)]
for one in users:
    one.start()
for one in users:
    one.join()
assert len(results) == 8
assert all(np.array_equal(alpha, first) for result in results for alpha, first in zip(result, results[0]))
"""
FORK_WHILE_COMPILING = """
import os, threading, time
import numba
from numba.core.compiler_lock import global_compiler_lock
from hybridmatte.correction.tiles import BLAS_LOCK
from hybridmatte.linalg.threads import kernel, run_pieces

@kernel
def fill(first, last, out):
    for i in range(first, last):
        out[i] = 7.0

begun = threading.Event()

def hold():
    with BLAS_LOCK, global_compiler_lock:
        begun.set()
        time.sleep(0.3)

threading.Thread(target=hold).start()
begun.wait()
child = os.fork()
if child == 0:
    import numpy as np
    out = np.zeros(10)
    with BLAS_LOCK:
        run_pieces(fill, 10, out)
    os._exit(0 if (out == 7).all() else 3)
for _ in range(200):
    time.sleep(0.1)
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        break
else:
    os.kill(child, 9)
    raise SystemExit("the forked process hangs")
raise SystemExit(os.waitstatus_to_exitcode(status))
"""


def run(folder, script, *arguments, **environment):
    """Run a script; its output must be empty."""
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "script.py", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr[-2000:]) == (0, "")


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
def test_a_pool_that_forks(tmp_path):
    """User: multiprocessing.Pool hung after a solve in the parent."""
    run(tmp_path, SCRIPT, "fork", "after", "cf")


@needs_fork
def test_a_fork_while_another_thread_compiles(tmp_path):
    """User: a server forked while a thread was in its first solve, and the forked process hung."""
    run(tmp_path, FORK_WHILE_COMPILING)


@pytest.mark.parametrize(
    "layer", ["workqueue", *(pytest.param(name, marks=pytest.mark.slow) for name in ("omp", "tbb"))]
)
def test_eight_threads_at_once(tmp_path, layer):
    """User: eight threads aborted the process under Numba's workqueue layer, exit code 134."""
    run(tmp_path, EIGHT, NUMBA_THREADING_LAYER=layer)


TASKS = ("matte", "knn", "large_kernel", "information_flow", "loss")
POOLS = [
    *(("fork", when, layer) for when in ("after", "before") for layer in ("omp", "tbb", "workqueue")),
    ("forkserver", "after", "omp"),
    ("spawn", "after", "tbb"),
]


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "when", "layer"), POOLS)
def test_pools_under_every_threading_layer(tmp_path, kind, when, layer):
    """User: losses and solves hung in a forked process, as torch or Numba waited for threads that it does not have."""
    pytest.importorskip("torch")
    run(tmp_path, SCRIPT, kind, when, *TASKS, NUMBA_THREADING_LAYER=layer)
