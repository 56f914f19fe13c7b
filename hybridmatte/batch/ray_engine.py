"""The engine on a Ray cluster: plain tasks, one for each item, with a bounded number of them under way.

The main process keeps every item that is under way, and takes the outcome of each once. A task whose process or machine
dies is begun again by this process, not by Ray, so that it is known which item makes its process die. A pipeline of
Ray Data works on blocks of items, and charges a death to a block.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hybridmatte.batch.cores import available_cores
from hybridmatte.batch.items import Item
from hybridmatte.batch.parts import shipped
from hybridmatte.batch.pool import DEVICE_VARIABLE, THREAD_VARIABLES, Outcome, run_apart
from hybridmatte.errors import is_interrupt, require_extra

__all__ = ["finish_jobs_on_ray"]

DEATHS = 3  # of processes that worked on an item, before the item is taken as the cause
LOSSES = 10  # of machines, likewise: many machines may go, as those of a cheap offer do
COUNT_SECONDS = 5.0  # between two looks at how many cores the cluster has
CONNECT_SECONDS = 10.0  # until an address counts as one that does not answer
WAIT_SECONDS = 1.0  # of a look at what is finished
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
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
        Of a running cluster; Ray starts on this machine without it, with the cores that this process may use.
    workers : int, optional
        Number of items that are worked on at once. Default: the cores of the cluster over threads, also as they come
        and go.
    threads : int, default 1
        Cores that Ray reserves for each item, and threads of its solver. So there are never more threads than cores.
        A machine with that many must be there when the run begins, unless there is none yet.
    gpus : float, default 0
        GPUs that Ray reserves for each item; a network then runs there.
    ships : bool, default True
        Send local files with their items; False where all machines see the same folders.
    is_cancelled : callable, optional
        Once it is true, no other item is begun; those under way end.
    """
    require_extra("cluster", "ray")
    import ray

    is_ours = not ray.is_initialized()
    environment = dict.fromkeys(THREAD_VARIABLES, str(threads)) | ({DEVICE_VARIABLE: "cuda"} if gpus else {})
    options: dict[str, Any] = {"num_cpus": threads, "num_gpus": gpus, "max_retries": 0, "name": "hybridmatte"}
    if is_ours and address is None:
        _start(threads, environment)
    else:
        options["runtime_env"] = {"env_vars": environment}
    if is_ours and address is not None:
        _connect(address)
    try:
        _check_fits({"CPU": threads, "GPU": gpus})
        task = ray.remote(run_apart).options(**options)
        yield from _Run(task, ray.put(work), workers, threads, gpus, ships, is_cancelled).outcomes(jobs)
    finally:
        if is_ours:
            ray.shutdown()


def _start(threads: int, environment: dict[str, str]) -> None:
    """Start Ray on this machine, which ends with this process; its processes get an environment."""
    import ray

    cores = available_cores()
    if threads > cores:
        raise ValueError(f"threads is {threads}, expected at most {cores}, the cores of this machine")
    before = dict(os.environ)
    os.environ.update(environment)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use to its makers
    try:
        ray.init(address="local", include_dashboard=False, num_cpus=cores, **QUIET)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise OSError(
            f"Ray cannot start here ({reason}), expected a home and a folder for temporary files that can be written"
        ) from error
    finally:
        for name in {*environment, "RAY_USAGE_STATS_ENABLED"} - set(before):
            del os.environ[name]
        os.environ.update(before)


def _connect(address: str) -> None:
    """Connect to a cluster."""
    import ray

    try:
        _check_answers(address)
        ray.init(address=address, **QUIET)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConnectionError(
            f"address {address} does not answer ({reason}), expected that of a running Ray cluster"
        ) from error


def _check_fits(wanted: dict[str, float]) -> None:
    """Refuse what no machine of the cluster has, for which Ray would wait; without any machine yet, they may come."""
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) > 0]
    for kind, name in (("CPU", "threads"), ("GPU", "gpus")):
        most = max((machine.get(kind, 0) for machine in machines), default=wanted[kind])
        if wanted[kind] > most:
            raise ValueError(
                f"{name} is {wanted[kind]:g}, expected at most {most:g}, what the largest machine of the cluster has"
            )


def _check_answers(address: str) -> None:
    """Refuse an address where nothing listens; Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


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
        waiting, is_exhausted = iter(jobs), False
        while True:
            while not is_exhausted and not self.is_cancelled() and len(self.under_way) < self._room():
                item = next(waiting, None)
                is_exhausted = item is None
                if item is not None:
                    self._begin(_UnderWay(item))
            if not self.under_way:
                return
            for reference in self._ready():
                outcome = self._outcome_of(reference, self.under_way.pop(reference))
                if outcome is not None:
                    yield outcome

    def _ready(self) -> list[Any]:
        """Wait a while for outcomes, and return the references to all that are there."""
        import ray

        references = list(self.under_way)
        ready, _ = ray.wait(references, num_returns=1, timeout=WAIT_SECONDS)
        return ray.wait(references, num_returns=len(references), timeout=0)[0] if ready else ready

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
        errors = ray.exceptions
        try:
            return ray.get(reference)._replace(job=item)
        except (errors.NodeDiedError, errors.LocalRayletDiedError, errors.ObjectLostError, errors.RuntimeEnvSetupError):
            losses += 1
        except (errors.WorkerCrashedError, errors.OutOfMemoryError):
            deaths += 1
        except errors.RayTaskError as error:  # the work raises none: the package is missing or another one
            if is_interrupt(error.cause):
                raise KeyboardInterrupt from None
            raise ImportError(
                f"a worker cannot begin ({error.cause!r}), expected the same version of this package on it"
            ) from error
        if deaths < DEATHS and losses < LOSSES:
            self._begin(_UnderWay(item, deaths, losses))
            return None
        reason = "its process died (out of memory?)" if deaths == DEATHS else f"{LOSSES} machines were lost with it"
        return Outcome(item, 0.0, (), f"{Path(str(item.image)).name}: {reason}, expected a result")
