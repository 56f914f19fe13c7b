"""How much memory a job takes, from its size and its method: one table of measured numbers."""

from __future__ import annotations

from typing import NamedTuple

from hybridmatte._validation import check_choice, check_integer
from hybridmatte.linalg.threads import thread_count

__all__ = ["COSTS", "PROCESS_BYTES", "Cost", "memory_needed"]

PROCESS_BYTES = 200 << 20  # Python, the libraries and the compiled kernels


class Cost(NamedTuple):
    """Bytes that a stage of a task takes: for each pixel, for each unknown one, at any size, and for each thread."""

    pixel: float
    unknown: float = 0.0
    fixed: int = 0
    thread: int = 0


# From files to files: what is read and written counts. Measured on photographs of 0.7 to 8 million pixels, of which a
# ninth, a sixth or nearly all are unknown, on 1 to 4 threads: the peaks are 0.85 to 1.08 times the estimate.
# tests/test_memory.py measures some of them again.
INFORMATION_FLOW = Cost(72, 530)
CORRECTION = Cost(60, 150, 95 << 20, 95 << 20)  # of the network's features
COSTS: dict[str, tuple[Cost, ...]] = {
    "cf": (Cost(44, 405),),
    "knn": (Cost(52, 730),),
    "information_flow": (INFORMATION_FLOW,),
    "sampling": (Cost(76, 410),),
    "nonlocal": (Cost(48, 505),),
    "learning_based": (Cost(44, 405),),
    "large_kernel": (Cost(95, 380),),
    "random_walk": (Cost(44, 345),),
    "best": (INFORMATION_FLOW, CORRECTION),
    "fast": (INFORMATION_FLOW,),
    "refine": (Cost(95, 390),),
    "decontaminate": (Cost(86),),
    "composite": (Cost(82),),
    "trimap": (Cost(25),),
    "reading": (Cost(18),),
}  # of the stages of each task, one after another
TILE_PIXELS = 256 * 256  # unknown pixels that one thread takes at a time


def memory_needed(shape: tuple[int, ...], method: str = "best", unknown: int | None = None) -> int:
    """Estimate the memory that a job takes at its peak, before anything of it is read.

    The estimate counts the whole process: the libraries, the pictures that are read, the solve, and the picture that is
    written. It holds to a third for more than a million pixels; `matte` takes less for large pictures that are soft.
    The functions of the package do not ask for it, and raise nothing if memory is short; the command line does, see
    ``--force``.

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
    ``process + max(pixels * a + unknown * b + c + threads * d)`` over the stages of a method, with numbers that were
    measured. c and d are 0 but for one stage of "best", where each thread holds a tile of up to 256 x 256 pixels.

    Examples
    --------
    >>> memory_needed((3000, 4000), "cf") < memory_needed((3000, 4000), "cf", unknown=1_000_000)
    True
    """
    if len(shape) < 2:
        raise ValueError(f"shape is {tuple(shape)}, expected a height and a width")
    height, width = (check_integer(side, "shape", low=1) for side in shape[:2])
    stages = COSTS[check_choice(method, "method", list(COSTS))]
    n_unknown = 0 if unknown is None else check_integer(unknown, "unknown", low=0)
    if n_unknown > height * width:
        raise ValueError(f"unknown is {n_unknown}, expected at most the {height * width} pixels of the image")
    threads = min(thread_count(), -(-n_unknown // TILE_PIXELS))
    return PROCESS_BYTES + max(
        round(height * width * stage.pixel + n_unknown * stage.unknown)
        + (stage.fixed + threads * stage.thread if n_unknown else 0)
        for stage in stages
    )
