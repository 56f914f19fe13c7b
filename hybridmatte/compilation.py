"""The first run of `matte` or `cutout` on all cores: one process goes through it, others compile from its end."""

import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from subprocess import DEVNULL, PIPE, Popen
from threading import Thread

import numpy as np

__all__ = ["PARTS", "compile_default", "compiling_ahead", "has_compiled", "is_compiling"]

MOST_HELPERS = 5  # each takes a quarter of a gigabyte
SIDE = 160  # pixels of the example: trees of fewer than 4,096 points do without some kernels
HELP = f"import sys; sys.path = {{path!r}}; from {__name__} import help_out; help_out({{names!r}})"


@contextmanager
def compiling_ahead(parts=None):
    """Let other processes compile the parts of what the block runs, from the last back, one process a core at most.

    Numba keeps compiled code on disk, and looks there before it compiles: what the others have done is not done again.
    They end with the block, or with this process; nothing depends on how far they came, or whether they can be started.

    Parameters
    ----------
    parts : collection of str, optional
        Names in `PARTS`; all by default.

    Yields
    ------
    helpers : list of subprocess.Popen
        The other processes; none on a single core.
    """
    names = [name for name in reversed(PARTS) if parts is None or name in parts]
    count = min(_other_cores(), MOST_HELPERS, len(names))
    helpers = []
    with ExitStack() as block:
        with suppress(OSError):  # no room for another process: the block compiles for itself
            helpers.extend(block.enter_context(_helper(names[k::count])) for k in range(count))
        yield helpers


def compile_default():
    """Compile all that `matte` and `cutout` need, unless it is on disk already, on all cores."""
    from hybridmatte.foreground import cutout

    with compiling_ahead():
        cutout(*_example())


def has_compiled():
    """Return whether a function of this package has been compiled in this process, instead of read from disk."""
    return any(function.stats.cache_misses for function in _functions())


def is_compiling():
    """Return whether a function of this package is being compiled in this process, by whatever thread."""
    return any(set(function.stats.cache_misses) - set(function.overloads) for function in _functions())


def help_out(names):
    """Compile some of `PARTS`, unless standard input ends before; what a helper does."""
    from numba import set_num_threads

    Thread(target=_end_with_input, daemon=True).start()
    set_num_threads(1)  # the others' cores are busy
    for name in names:
        PARTS[name]()


def _end_with_input():
    os.read(0, 1)  # not sys.stdin, whose lock a waiting thread would hold to the end
    os._exit(1)


@contextmanager
def _helper(names):
    """Start a process that Ctrl-C in the terminal does not reach, and which ends with this one."""
    command = [sys.executable, "-c", HELP.format(path=sys.path, names=names)]
    with Popen(command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True) as helper:
        try:
            yield helper
        finally:
            helper.kill()


def _other_cores():
    """Return how many cores others can compile on: none where there is no interpreter to start."""
    from numba import config

    return config.NUMBA_NUM_THREADS - 1 if sys.executable and not getattr(sys, "frozen", False) else 0


def _functions():
    """Return the compiled functions of all modules of this package that are there; imports nothing meanwhile."""
    kind = getattr(sys.modules.get("numba.core.dispatcher"), "Dispatcher", ())
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(f"{__package__}.")]
    return [value for module in modules for value in list(vars(module).values()) if isinstance(value, kind)]


def _example():
    """Return noise (SIDE, SIDE, 3) uint8 and a trimap (SIDE, SIDE) of which two thirds are unknown."""
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    trimap = np.full((SIDE, SIDE), 0.5, np.float32)
    trimap[:, : SIDE // 6], trimap[:, -SIDE // 6 :] = 0, 1
    return image, trimap


def _problem():
    from hybridmatte.systems.problem import check_problem

    return check_problem(*_example())


def _flow_from_known():
    from hybridmatte.methods.information_flow import known_to_unknown_flow

    known_to_unknown_flow(*_example())


def _conjugate_gradients():
    """Solve a system of one unknown a pixel, its matrix twice the identity, with a preconditioner of two levels."""
    from hybridmatte.linalg.conjugate_gradient import conjugate_gradient
    from hybridmatte.linalg.two_level import affine_basis, run_ends, two_level
    from hybridmatte.similarity.features import pixel_features

    image, n = _problem().image, SIDE**2
    ends = run_ends(n, 2)
    basis = affine_basis(pixel_features(image), ends)
    between = np.eye(len(ends) * len(basis))
    precondition = two_level(np.ones(n, np.float32), ends, basis, between)
    conjugate_gradient(lambda x: 2 * x, np.ones(n, np.float32), precondition, x0=np.zeros(n))


def _sampling():
    from hybridmatte.methods.shared_sampling import sample_alpha

    problem = _problem()
    sample_alpha(problem.image, _example()[1], expansion=0.0)


def _network():
    from hybridmatte.correction.features import Solved, known_distances
    from hybridmatte.correction.matting import as_planes, fuse_solved

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
