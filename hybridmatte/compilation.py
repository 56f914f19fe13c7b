"""The first run of `matte` or `cutout` on all cores: one process goes through it, others compile ahead from its end."""

import os
import signal
import sys
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np

__all__ = ["PARTS", "compile_default", "compiling_ahead", "has_compiled"]

MOST_HELPERS = 5  # each takes a quarter of a gigabyte
SIDE = 24  # pixels of the example; code does not depend on it


@contextmanager
def compiling_ahead(parts=None):
    """Compile parts of what runs meanwhile in other processes, the last parts first, one process a core at most.

    Numba keeps compiled code on disk, and looks there before it compiles: what the others have done is not done again.
    They end with the block; nothing depends on how far they came.

    Parameters
    ----------
    parts : collection of str, optional
        Names in `PARTS`; all by default.
    """
    names = [name for name in reversed(PARTS) if parts is None or name in parts]
    count = min(_cores() - 1, MOST_HELPERS, len(names))
    helpers = [get_context("spawn").Process(target=compile_parts, args=(some,), name=" ".join(some), daemon=True)
               for some in (names[k::count] for k in range(count))]
    for helper in helpers:
        helper.start()
    try:
        yield helpers
    finally:
        for helper in helpers:
            helper.terminate()
            helper.join()


def compile_default():
    """Compile all that `matte` and `cutout` need, unless it is on disk already, on all cores."""
    from hybridmatte.foreground import cutout

    with compiling_ahead():
        cutout(*_example())


def has_compiled():
    """Return whether a function of this package has been compiled in this process, instead of read from disk."""
    if "numba" not in sys.modules:
        return False
    from numba.core.dispatcher import Dispatcher

    modules = [module for name, module in list(sys.modules.items()) if name.startswith(f"{__package__}.")]
    return any(value.stats.cache_misses for module in modules for value in list(vars(module).values())
               if isinstance(value, Dispatcher))


def compile_parts(names):
    """Compile some of `PARTS`; what a helper does, which leaves Ctrl-C to the process that asked for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from numba import set_num_threads

    set_num_threads(1)  # the others' cores are busy
    for name in names:
        PARTS[name]()


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _example():
    """Return an image (SIDE, SIDE, 3) uint8 and a trimap (SIDE, SIDE) of which two thirds are unknown."""
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    trimap = np.full((SIDE, SIDE), 0.5, np.float32)
    trimap[:, : SIDE // 6], trimap[:, -SIDE // 6 :] = 0, 1
    return image, trimap


def _problem():
    from hybridmatte.solver.system import check_problem

    return check_problem(*_example())


def _flow_from_known():
    from hybridmatte.laplacian.information_flow import known_to_unknown_flow

    known_to_unknown_flow(*_example())


def _conjugate_gradients():
    """Solve a system of one unknown a pixel, its matrix twice the identity, with a preconditioner of two levels."""
    from hybridmatte.similarity.features import pixel_features
    from hybridmatte.solver.conjugate_gradient import conjugate_gradient
    from hybridmatte.solver.two_level import affine_basis, run_ends, two_level

    image, n = _problem().image, SIDE**2
    ends = run_ends(n, 2)
    basis = affine_basis(pixel_features(image), ends)
    between = np.eye(len(ends) * len(basis))
    precondition = two_level(np.ones(n, np.float32), ends, basis, between)
    conjugate_gradient(lambda x: 2 * x, np.ones(n, np.float32), precondition, x0=np.zeros(n))


def _sampling():
    from hybridmatte.sampling import sample_alpha

    problem = _problem()
    sample_alpha(problem.image, _example()[1], expansion=0.0)


def _network():
    from hybridmatte.fusion_features import Solved, known_distances
    from hybridmatte.solver_fusion import as_planes, fuse_solved

    image, known = _problem().image, _example()[1]
    fuse_solved(Solved(as_planes(image), known, known, as_planes(image, image, known, known), known_distances(known)))


def _colours():
    from hybridmatte.foreground import decontaminate

    decontaminate(*_example())


PARTS = {  # in the order in which `cutout` comes to them
    "flow_from_known": _flow_from_known,
    "conjugate_gradients": _conjugate_gradients,
    "sampling": _sampling,
    "network": _network,
    "colours": _colours,
}
