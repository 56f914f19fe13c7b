"""The thread pool of the kernels: every piece once, errors, interrupts, many callers, forks."""

import gc
import os
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from hybridmatte.linalg import threads
from hybridmatte.linalg._team_numba import LEFT, sleep
from hybridmatte.linalg.threads import kernel, prepare_pieces, run_pieces, short_kernel, thread_count, thread_limit


@kernel
def count_pieces(first, last, counts):
    for i in range(first, last):
        counts[i] += 1


@short_kernel
def count_pieces_fast(first, last, counts):
    for i in range(first, last):
        counts[i] += 1


@short_kernel
def take_root(first, last, values):
    for i in range(first, last):
        if values[i] < 0.0:
            raise ValueError("no real root")
        values[i] = np.sqrt(values[i])


@short_kernel
def sleep_milliseconds(first, last, milliseconds):
    for i in range(first, last):
        sleep(1000 * milliseconds[i])


BOTH = pytest.mark.parametrize("count", [count_pieces, count_pieces_fast], ids=["kernel", "short kernel"])


@pytest.fixture
def four_threads(monkeypatch):
    """Let this thread use four threads, whatever the machine has."""
    monkeypatch.setattr(threads._settings, "limit", 4, raising=False)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("n_pieces", [0, 1, 2, 3, 4, 5, 1000])
@BOTH
def test_every_piece_is_done_once(n_pieces, count):
    counts = np.zeros(n_pieces)
    for _ in range(100):
        run_pieces(count, n_pieces, counts)
    assert np.array_equal(counts, np.full(n_pieces, 100))


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("n_pieces", [0, 1, 5, 1000])
def test_a_prepared_call_does_every_piece_once(n_pieces):
    counts, others = np.zeros(n_pieces), np.zeros(n_pieces)
    call, other = (prepare_pieces(count_pieces_fast, n_pieces, array, cost=1e4) for array in (counts, others))
    for _ in range(100):
        call()
        other()
    with thread_limit(1):
        call()
    assert np.array_equal(counts, np.full(n_pieces, 101))
    assert np.array_equal(others, np.full(n_pieces, 100))


@short_kernel
def write_number(first, last, values, number):
    for i in range(first, last):
        values[i] = number


@pytest.mark.parametrize("number", [0, 0.0, -1, False])
def test_a_prepared_call_keeps_zeros_at_the_end_of_its_arguments(number):
    """Another call has left its own arguments at that place."""
    values = np.ones(5)
    call = prepare_pieces(write_number, 5, values, number, cost=1.0)
    run_pieces(write_number, 5, np.ones(5), type(number)(7))
    call()
    assert np.array_equal(values, np.full(5, number))


def test_a_prepared_call_keeps_its_arrays_alive():
    array = np.zeros(5)
    seen = weakref.ref(array)
    call = prepare_pieces(count_pieces_fast, 5, array, cost=1.0)
    del array
    call()
    assert np.array_equal(seen(), np.ones(5))


@pytest.mark.usefixtures("four_threads")
def test_little_work_stays_on_the_calling_thread():
    seen = []
    run_pieces(lambda first, last: seen.append((first, last, threading.get_ident())), 100, cost=1.0)
    assert seen == [(0, 100, threading.get_ident())]


def test_limits_nest_and_are_restored():
    before = thread_count()
    with thread_limit(1):
        assert thread_count() == 1
        with thread_limit(8):
            assert thread_count() == 1
    assert thread_count() == before


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("guilty", [0, 30, 99], ids=["calling thread", "worker", "last worker"])
def test_an_error_is_raised_after_all_calls_have_ended(guilty):
    ended = []

    def work(first, last):
        if first <= guilty < last:
            raise ValueError(f"piece {guilty}")
        time.sleep(0.05)
        ended.append(first)

    with pytest.raises(ValueError, match=f"piece {guilty}"):
        run_pieces(work, 100)
    n_ended = len(ended)
    time.sleep(0.1)
    assert len(ended) == n_ended
    counts = np.zeros(100)
    run_pieces(count_pieces, 100, counts)  # the pool still works
    assert np.array_equal(counts, np.ones(100))


@pytest.mark.usefixtures("four_threads")
def test_an_interrupt_is_raised_after_all_calls_have_ended():
    ended = []

    def work(first, _):
        if first == 0:
            time.sleep(0.02)  # let the workers begin
            raise KeyboardInterrupt
        time.sleep(0.2)
        ended.append(first)

    with pytest.raises(KeyboardInterrupt):
        run_pieces(work, 100)
    n_ended = len(ended)
    time.sleep(0.3)
    assert len(ended) == n_ended


class InterruptedLock:
    """A lock at which Ctrl-C arrives when a wait has just acquired it: Python then raises, and drops the result."""

    def __init__(self):
        self._lock = threading.Lock()
        self.release = self._lock.release

    def acquire(self, blocking=True, timeout=None):
        if timeout is None:
            return self._lock.acquire(blocking)
        self._lock.acquire()
        raise KeyboardInterrupt


def test_an_interrupt_in_the_moment_when_a_wait_ends(monkeypatch):
    """The caller waited for ever: the lock that it had acquired never opened again."""
    monkeypatch.setattr(threads, "Lock", InterruptedLock)
    raised = []

    def call():
        threads._settings.limit = 4
        try:
            run_pieces(lambda first, _: time.sleep(0.1 if first else 0.02), 100)
        except KeyboardInterrupt as error:
            raised.append(error)

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    caller.join(30)
    assert raised


@pytest.mark.usefixtures("four_threads")
def test_calls_inside_calls_do_not_wait_for_each_other():
    counts = np.zeros((4, 50))

    def work(first, last):
        for i in range(first, last):
            run_pieces(count_pieces, 50, counts[i])

    run_pieces(work, 4)
    assert np.array_equal(counts, np.ones((4, 50)))


def test_many_threads_call_at_once():
    counts = np.zeros((8, 200))

    def user(k):
        threads._settings.limit = 4
        for _ in range(10):
            run_pieces(count_pieces, 200, counts[k])
            run_pieces(count_pieces_fast, 200, counts[k])

    users = [threading.Thread(target=user, args=(k,)) for k in range(8)]
    for one in users:
        one.start()
    for one in users:
        one.join(timeout=30)
    assert np.array_equal(counts, np.full((8, 200), 20))


@pytest.mark.usefixtures("four_threads")
def test_kernels_of_both_kinds_alternate():
    counts = np.zeros(1000)
    for _ in range(500):
        run_pieces(count_pieces, 1000, counts)
        for _ in range(3):
            run_pieces(count_pieces_fast, 1000, counts)
    assert np.array_equal(counts, np.full(1000, 2000))


@pytest.mark.usefixtures("four_threads")
def test_a_short_kernel_that_fails_is_named():
    run_pieces(take_root, 100, np.ones(100))
    with pytest.raises(RuntimeError, match="take_root failed"):
        run_pieces(take_root, 100, np.full(100, -1.0))
    run_pieces(take_root, 100, np.ones(100))  # the team still works


@pytest.mark.usefixtures("four_threads")
def test_a_signal_handler_may_call_kernels_in_the_middle_of_a_call(monkeypatch):
    """The handler runs between the two steps of a short call, and uses a team of its own."""
    outer, inner = np.zeros(1000), np.zeros(10)
    share_call = threads.share_call

    def interrupted(*arguments):
        monkeypatch.setattr(threads, "share_call", share_call)
        run_pieces(count_pieces_fast, 10, inner)
        return share_call(*arguments)

    monkeypatch.setattr(threads, "share_call", interrupted)
    run_pieces(count_pieces_fast, 1000, outer)
    assert np.array_equal(outer, np.ones(1000))
    assert np.array_equal(inner, np.ones(10))


@pytest.mark.usefixtures("four_threads")
def test_workers_without_work_go_back_to_sleep():
    for _ in range(20):
        run_pieces(count_pieces_fast, 1000, np.zeros(1000))
    team = threads._settings.team
    end = time.monotonic() + 30
    while team.words[LEFT] < team.n_joined and time.monotonic() < end:
        time.sleep(0.01)
    assert team.words[LEFT] == team.n_joined > 0
    before = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - before < 0.05


@pytest.mark.skipif(sys.platform != "linux", reason="counts the sleeps of one thread, as Linux does")
def test_a_caller_whose_worker_was_stopped_sleeps(monkeypatch):
    """Beside other work the system stops workers in the middle of a range; the caller then kept its core busy."""
    from resource import RUSAGE_THREAD, getrusage

    monkeypatch.setattr(threads._settings, "limit", 2, raising=False)
    end = time.monotonic() + 60
    while time.monotonic() < end:  # until a worker gets the second range
        before = getrusage(RUSAGE_THREAD).ru_nvcsw
        run_pieces(sleep_milliseconds, 2, np.array([100, 200]))
        if getrusage(RUSAGE_THREAD).ru_nvcsw - before > 20:
            return
    pytest.fail("the calling thread never slept while it waited")


def test_arguments_that_a_team_has_no_room_for():
    @short_kernel
    def first_of_many(first, last, arrays):
        for i in range(first, last):
            arrays[0][i] = 1.0

    with pytest.raises(NotImplementedError, match="arguments take more than"):
        run_pieces(first_of_many, 1, tuple(np.zeros((1, 1, 1)) for _ in range(60)))


@pytest.mark.usefixtures("four_threads")
def test_without_more_threads_the_calling_thread_does_the_work(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_workers", [])
    monkeypatch.setattr(threads.Thread, "start", refuse)
    counts = np.zeros(100)
    run_pieces(count_pieces, 100, counts)
    run_pieces(count_pieces_fast, 100, counts)
    assert np.array_equal(counts, np.full(100, 2))


@pytest.mark.usefixtures("four_threads")
def test_idle_workers_keep_no_arrays():
    array = np.zeros(1000)
    kept = weakref.ref(array)
    run_pieces(count_pieces, 1000, array)
    del array
    time.sleep(0.05)
    gc.collect()
    assert kept() is None


@pytest.mark.usefixtures("four_threads")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork")
def test_a_forked_process_has_a_pool_of_its_own():
    run_pieces(count_pieces, 100, np.zeros(100))
    run_pieces(count_pieces_fast, 100, np.zeros(100))
    child = os.fork()
    if child == 0:
        counts = np.zeros(100)
        run_pieces(count_pieces_fast, 100, counts)
        run_pieces(count_pieces, 100, counts)
        os._exit(0 if np.array_equal(counts, np.full(100, 2)) else 1)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.02)
    os.kill(child, 9)
    pytest.fail("the forked process hangs")
