"""Keep small problems on one thread, where starting several costs more than they save."""

from contextlib import contextmanager

MIN_UNKNOWNS_PER_THREAD = 4000


@contextmanager
def threads_for(n_unknowns):
    """Limit Numba to the threads that a problem of `n_unknowns` can use, and restore its setting afterwards."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(max(1, min(before, n_unknowns // MIN_UNKNOWNS_PER_THREAD)))
    try:
        yield
    finally:
        numba.set_num_threads(before)
