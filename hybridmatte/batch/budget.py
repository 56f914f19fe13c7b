"""Hold the memory that a job will take against what is free, before a file is decoded and again before the solve."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from hybridmatte.automatic.mask_correction import correction_memory
from hybridmatte.batch.free_memory import free_memory, left_by_limits, resident_memory, size_in_words
from hybridmatte.batch.pairing import Job
from hybridmatte.io.pictures import read_size
from hybridmatte.io.streams import Source, name_of
from hybridmatte.memory import COSTS, memory_needed

__all__ = ["LARGE", "READING", "UNLIMITED", "Budget", "budget_for", "check_workers"]

LARGE = 1 << 30  # bytes; jobs that take more state it
READING = ("reading",)  # all that is known of a network's work


class Budget(NamedTuple):
    """The memory that each job may take.

    Attributes
    ----------
    tasks : tuple of str
        What a job does, one after another: keys of `hybridmatte.memory.COSTS`. Others count as reading alone.
    free : int or None
        Bytes that one job may take of what all share; None where the system does not say, or the user does not want to
        know.
    workers : int
        Number of jobs at once, which share what is free.
    held : int
        Bytes a pixel that are held beside the tasks.
    extra : int
        Bytes that are held beside the tasks at any size, such as a segmenter's network.
    say : callable or None
        Called with a sentence on the memory of a large job.
    limit : int or None
        Bytes that the limits of a process (``ulimit -v``) let one job take, however many there are at once.
    """

    tasks: tuple[str, ...] = READING
    free: int | None = None
    workers: int = 1
    held: int = 0
    say: Callable[[str], object] | None = None
    limit: int | None = None
    extra: int = 0

    def needed(self, shape: tuple[int, int], unknown: int | None = None) -> int:
        """Return the bytes that a job takes, see `hybridmatte.memory_needed`; without `unknown`, the least."""
        tasks = [task if task in COSTS else READING[0] for task in self.tasks]
        needed = max(memory_needed(shape, task, unknown) for task in tasks)
        return needed + self.held * shape[0] * shape[1] + self.extra

    def beside_network(self, shape: tuple[int, int]) -> Budget:
        """Return the budget of the work that follows a network in this process, which keeps what the network took.

        That is what the process holds beyond the reading of an image of that height and width.
        """
        return self._replace(extra=max(resident_memory() - memory_needed(shape, READING[0]), 0))

    def beside_correction(self, file: Source, shape: tuple[int, int], *, is_counted: bool = False) -> Budget:
        """Return the budget of a solve beside the network that corrects masks, which keeps its memory.

        A job is refused that cannot even hold the image, what is held beside it and the network. is_counted tells that
        `beside_network` has counted the network, which an earlier image left in this process.
        """
        if is_counted:
            return self
        beside = self._replace(extra=self.extra + correction_memory(shape))
        beside._replace(tasks=READING).check(file, shape)
        return beside

    def fits_alone(self, needed: int) -> bool:
        """Return whether a job of so many bytes could run if it had all that is free, and one process."""
        in_limit = self.limit is None or needed <= self.limit
        return in_limit and (self.free is None or needed <= self.free * self.workers)

    def check(self, file: Source, shape: tuple[int, int], unknown: int | None = None, name: str = "image") -> None:
        """Refuse a job of the given height, width and number of unknown pixels (None: not yet known).

        The file is what the job is about, and `name` what it is, for the message.
        """
        needed = self.needed(shape, unknown)
        if self.limit is not None and needed > self.limit:
            raise MemoryError(
                f"{name} {name_of(file)} needs {_words(needed, shape, unknown)}, expected at most "
                f"{size_in_words(self.limit)}, what the limit of each process (ulimit) leaves; a higher limit, a "
                "smaller picture or --force helps"
            )
        if self.free is not None and needed > self.free:
            limit = "what is free" if self.workers == 1 else f"what is free for each of {self.workers} workers"
            helps = "" if self.workers == 1 else "fewer --workers, "
            raise MemoryError(
                f"{name} {name_of(file)} needs {_words(needed, shape, unknown)}, expected at most "
                f"{size_in_words(self.free)}, {limit}; {helps}a smaller picture or --force helps"
            )

    def admit(self, file: Source, shape: tuple[int, int], unknown: int, name: str = "image") -> None:
        """Refuse a job as `check` does; say how much memory it takes if it is large."""
        self.check(file, shape, unknown, name)
        needed = self.needed(shape, unknown)
        if self.say is not None and needed > LARGE:
            self.say(f"this needs {_words(needed, shape, unknown)}")


UNLIMITED = Budget()


def budget_for(
    tasks: tuple[str, ...],
    workers: int = 1,
    *,
    force: bool = False,
    held: int = 0,
    say: Callable[[str], object] | None = None,
) -> Budget:
    """Return the budget of each of so many jobs at once, from what is free now; with force, nothing is refused.

    One job at once runs in this process, which already holds a part of what it needs. What a limit leaves comes on top
    of what a process holds when it begins, for a worker about as for this one.
    """
    if force:
        return Budget(tasks, None, workers, held, say)
    free, limit, held_already = free_memory(), left_by_limits(), resident_memory()
    if free is not None:
        free = free // workers + (held_already if workers == 1 else 0)
    return Budget(tasks, free, workers, held, say, None if limit is None else limit + held_already)


def check_workers(jobs: Iterable[Job], budget: Budget) -> str | None:
    """Refuse more workers than fit, by the headers of the images; return a sentence if the jobs are large.

    An image that would not even fit alone fails by itself, as does one whose header cannot be read.
    """
    largest, image, shape = 0, None, (0, 0)
    for job in jobs:
        try:
            size = read_size(job.image)
        except (ValueError, OSError, ImportError):  # the job itself meets the same error, and reports it
            continue
        needed = budget.needed(size)
        if budget.fits_alone(needed) and needed > largest:
            largest, image, shape = needed, job.image, size
    if image is None:
        return None
    if budget.free is not None and budget.workers > 1 and largest > budget.free:
        free = budget.free * budget.workers
        raise MemoryError(
            f"--workers is {budget.workers} and image {name_of(image)} needs {_words(largest, shape, None)} while "
            f"{size_in_words(free)} are free, expected at most {max(free // largest, 1)} workers, or --force"
        )
    if largest * budget.workers <= LARGE:
        return None
    at_once = "" if budget.workers == 1 else f", {size_in_words(largest * budget.workers)} for {budget.workers} workers"
    return f"the largest image needs {_words(largest, shape, None)}{at_once}"


def _words(needed: int, shape: tuple[int, int], unknown: int | None) -> str:
    """Return an estimate as text, with what it was made from."""
    how, of_unknown = ("at least", "") if unknown is None else ("about", f", {unknown} of them unknown")
    return f"{how} {size_in_words(needed)} of memory for {shape[1]} x {shape[0]} pixels{of_unknown}"
