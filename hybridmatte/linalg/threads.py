"""Number of threads by the size of a problem: starting several for a small one costs more than they save."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba

__all__ = ["threads_for"]

MIN_UNKNOWNS_PER_THREAD = 4000


@contextmanager
def threads_for(n_unknowns: int) -> Iterator[None]:
    """Limit Numba to one thread for each 4,000 unknowns, at least one, and restore the setting afterwards."""
    before = numba.get_num_threads()
    numba.set_num_threads(max(1, min(before, n_unknowns // MIN_UNKNOWNS_PER_THREAD)))
    try:
        yield
    finally:
        numba.set_num_threads(before)
