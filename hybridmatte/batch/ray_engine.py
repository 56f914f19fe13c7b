"""The engine on a Ray cluster: plain tasks, one for each item, with a bounded number of them under way.

The main process keeps every item that is under way, and takes the outcome of each once. A task whose process or machine
dies is begun again by this process, not by Ray, so that it is known which item makes its process die. A pipeline of
Ray Data works on blocks of items, and charges a death to a block.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hybridmatte.batch.items import Item
from hybridmatte.batch.parts import shipped
from hybridmatte.batch.pool import THREAD_VARIABLES, Outcome, run_apart
from hybridmatte.errors import is_interrupt, require_extra

__all__ = ["finish_jobs_on_ray"]

DEATHS = 3  # of processes that worked on an item, before the item is taken as the cause
LOSSES = 10  # of machines, likewise: many machines may go, as those of a cheap offer do
COUNT_SECONDS = 5.0  # between two looks at how many cores the cluster has
WAIT_SECONDS = 1.0  # of a look at what is finished
QUEUED = 2  # items under way for each worker: one that is worked on, and one that waits for its files


class _UnderWay(NamedTuple):
    """An item that is worked on, and how often its process or machine died."""

    item: Item
    deaths: int = 0
    losses: int = 0


def finish_jobs_on_ray(
    jobs: Iterable[Item],
    work: Callable[[Item], object],
    *,
    address: str | None = None,
    workers: int | None = None,
    threads: int = 1,
    gpus: float = 0,
    ships: bool = True,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome]:
    """Call a function for every item on a Ray cluster, and yield each Outcome, as `finish_jobs` does here.

    Parameters
    ----------
    jobs : iterable of Item
        Taken one after another, at most two for each worker, so that memory is bounded.
    work : callable
        Takes an item; sent to the cluster, whose machines have the same version of this package.
    address : str, optional
        Of a running cluster; Ray starts on this machine without it, with as many cores as the machine has.
    workers : int, optional
        Number of items that are worked on at once. Default: the cores of the cluster over threads, also as they come
        and go.
    threads : int, default 1
        Cores that Ray reserves for each item, and threads of its solver. So there are never more threads than cores.
    gpus : float, default 0
        GPUs that Ray reserves for each item.
    ships : bool, default True
        Send local files with their items; False where all machines see the same folders.
    is_cancelled : callable, optional
        Once it is true, no other item is begun; those under way end.
    """
    require_extra("cluster", "ray")
    import ray

    is_ours = not ray.is_initialized()
    if is_ours:
        own = {"address": "local", "include_dashboard": False, "num_cpus": os.cpu_count()}  # no cluster left over
        ray.init(**(own if address is None else {"address": address}), log_to_driver=False)
    try:
        environment = {"env_vars": dict.fromkeys(THREAD_VARIABLES, str(threads))}
        task = ray.remote(run_apart).options(
            num_cpus=threads, num_gpus=gpus, max_retries=0, runtime_env=environment, name="hybridmatte"
        )
        yield from _Run(task, ray.put(work), workers, threads, gpus, ships, is_cancelled).outcomes(jobs)
    finally:
        if is_ours:
            ray.shutdown()


class _Run:
    """The items under way, by the references to their outcomes."""

    def __init__(
        self,
        task: Any,
        work: Any,
        workers: int | None,
        threads: int,
        gpus: float,
        ships: bool,
        is_cancelled: Callable[[], bool],
    ) -> None:
        self.task, self.work, self.workers, self.threads, self.gpus = task, work, workers, threads, gpus
        self.ships, self.is_cancelled = ships, is_cancelled
        self.under_way: dict[Any, _UnderWay] = {}
        self.counted, self.room = -COUNT_SECONDS, 1

    def outcomes(self, jobs: Iterable[Item]) -> Iterator[Outcome]:
        """Yield the outcome of every item."""
        import ray

        waiting, is_exhausted = iter(jobs), False
        while True:
            while not is_exhausted and not self.is_cancelled() and len(self.under_way) < self._room():
                item = next(waiting, None)
                is_exhausted = item is None
                if item is not None:
                    self._begin(_UnderWay(item))
            if not self.under_way:
                return
            ready, _ = ray.wait(list(self.under_way), num_returns=1, timeout=WAIT_SECONDS)
            for reference in ready:
                outcome = self._outcome_of(reference, self.under_way.pop(reference))
                if outcome is not None:
                    yield outcome

    def _room(self) -> int:
        """Return how many items may be under way."""
        import ray

        if time.monotonic() - self.counted > COUNT_SECONDS:
            resources = ray.cluster_resources()
            slots = int(resources.get("CPU", 0)) // self.threads
            if self.gpus:
                slots = min(slots, int(resources.get("GPU", 0) / self.gpus))
            self.counted, self.room = time.monotonic(), max(QUEUED * slots, 1)
        return self.room if self.workers is None else self.workers

    def _begin(self, under_way: _UnderWay) -> None:
        """Begin a task for an item."""
        item = under_way.item
        if self.ships:
            behind = item.background if isinstance(item.background, str) else shipped(item.background)
            parts = (shipped(part) for part in (item.image, item.plane, item.known))
            image, plane, known = parts
            item = item._replace(image=image, plane=plane, known=known, background=behind)
        self.under_way[self.task.remote(self.work, item)] = under_way

    def _outcome_of(self, reference: Any, under_way: _UnderWay) -> Outcome | None:
        """Return the outcome of a task; None if its process or machine died and the item is begun again."""
        import ray

        item, deaths, losses = under_way
        try:
            return ray.get(reference)._replace(job=item)
        except (ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError):
            losses += 1
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
            deaths += 1
        except ray.exceptions.RayTaskError as error:  # the work raises none: the package is missing or another one
            if is_interrupt(error.cause):
                raise KeyboardInterrupt from None
            raise RuntimeError(f"a worker cannot begin ({error.cause!r}), expected this package on it") from error
        if deaths < DEATHS and losses < LOSSES:
            self._begin(_UnderWay(item, deaths, losses))
            return None
        name = Path(str(item.image)).name
        return Outcome(item, 0.0, (), f"{name}: its process died (out of memory?), expected a result")
