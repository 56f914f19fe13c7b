"""How much memory a job takes, from its size and its method: one table of measured numbers."""

from __future__ import annotations

from typing import NamedTuple

from hybridmatte._validation import check_choice, check_integer
from hybridmatte.linalg.threads import thread_count

__all__ = ["COSTS", "PROCESS_BYTES", "Cost", "memory_needed"]

PROCESS_BYTES = 200 << 20  # Python, the libraries and the compiled kernels


class Cost(NamedTuple):
    """What a task takes: bytes for each pixel, more bytes for each unknown one, and more for each thread at work."""

    pixel: float
    unknown: float = 0.0
    thread: int = 0


# From files to files: what is read and written counts. Measured with 1.5 to 8 million pixels, of which a ninth, a
# quarter or nearly all are unknown; see tests/test_memory.py.
COSTS = {
    "cf": Cost(38, 450),
    "knn": Cost(45, 950),
    "information_flow": Cost(80, 500),
    "sampling": Cost(75, 450),
    "nonlocal": Cost(38, 560),
    "learning_based": Cost(38, 450),
    "large_kernel": Cost(80, 500),
    "random_walk": Cost(40, 400),
    "best": Cost(60, 500, 140 << 20),
    "fast": Cost(80, 500),
    "refine": Cost(90, 500),
    "decontaminate": Cost(85),
    "composite": Cost(85),
    "trimap": Cost(32),
    "reading": Cost(18),
}
TILE_PIXELS = 256 * 256  # unknown pixels that one thread takes at a time


def memory_needed(shape: tuple[int, ...], method: str = "best", unknown: int | None = None) -> int:
    """Estimate the memory that a job takes at its peak, before anything of it is read.

    The estimate counts the whole process: the libraries, the pictures that are read, the solve, and the picture that is
    written. It holds to a third for more than a million pixels. The functions of the package do not ask for it, and
    raise nothing if memory is short; the command line does, see ``--force``.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image in pixels; further entries, such as channels, are ignored.
    method : str, default "best"
        One of `hybridmatte.METHODS`; a quality of `hybridmatte.matte`, "best" or "fast"; or another task: "refine",
        "decontaminate", "composite", "trimap", or "reading", the reading of an image alone. A cut-out takes the larger
        of what its method and "decontaminate" take.
    unknown : int, optional
        Number of unknown pixels of the trimap. Without it, the least that is certain is returned, as if there were
        none.

    Returns
    -------
    n_bytes : int
        In bytes.

    Raises
    ------
    ValueError
        If shape is not that of an image, the method is unknown, or unknown is negative or more than all pixels.

    Notes
    -----
    ``process + pixels * a + unknown * b + threads * c`` with numbers that were measured for each method. Threads at
    work hold one tile of 256 x 256 pixels each.

    Examples
    --------
    >>> memory_needed((3000, 4000), "cf") < memory_needed((3000, 4000), "cf", unknown=1_000_000)
    True
    """
    if len(shape) < 2:
        raise ValueError(f"shape is {tuple(shape)}, expected a height and a width")
    height, width = (check_integer(side, "shape", low=1) for side in shape[:2])
    cost = COSTS[check_choice(method, "method", list(COSTS))]
    n_unknown = 0 if unknown is None else check_integer(unknown, "unknown", low=0)
    if n_unknown > height * width:
        raise ValueError(f"unknown is {n_unknown}, expected at most the {height * width} pixels of the image")
    threads = min(thread_count(), -(-n_unknown // TILE_PIXELS))
    return round(PROCESS_BYTES + height * width * cost.pixel + n_unknown * cost.unknown + threads * cost.thread)
