"""Run batches on clusters whose parts die, and measure what a cluster costs over one process."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path

from experiments.cluster import ClusterOptions
from experiments.cluster.faulty_store import BUCKET, FaultyStore, running_store
from experiments.cluster.memory import MemoryOverTime
from experiments.cluster.nodes import kill_node, kill_worker, running_cluster
from experiments.cluster.photographs import write_photographs
from experiments.cluster.processor_time import processor_time
from experiments.cluster.trouble import (
    MATTE,
    Event,
    faults,
    results_in,
    rows_of,
    run_batch,
    run_through_trouble,
    start_batch,
)
from experiments.results import Row, make_row

MEGAPIXEL = (1000, 1000)
FEW = 2  # photographs of 1 megapixel in the shorter job; the difference of both has no cost of the start
SHARES = (1 / 3, 2 / 3, 4 / 5)  # of the pictures, when a node, a worker and the driver are killed
NODES = (2, 4)
TIMEOUT = 3600.0
JOBS = {  # name: job, and its words behind the photographs
    "matte": ("matte", ["{trimaps}"]),
    "matte --quality fast": ("matte", ["{trimaps}", "--quality", "fast"]),
    "auto --mask": ("auto", ["--mask", "{trimaps}"]),
}


def run(options: ClusterOptions) -> Iterator[list[Row]]:
    """Measure the chosen parts, one row after another."""
    parts: Mapping[str, Callable[[ClusterOptions, Path], Iterator[list[Row]]]] = {
        "folder": partial(_trouble, has_store=False),
        "store": partial(_trouble, has_store=True),
        "cost": _cost,
        "jobs": _jobs,
        "rate": _rate,
        "memory": _memory,
        "start": _start,
        "local": _local,
    }
    for part in options.parts:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            yield from parts[part](options, Path(folder))


def _trouble(options: ClusterOptions, folder: Path, *, has_store: bool) -> Iterator[list[Row]]:
    """Kill a node, a worker and the driver, and compare what is left with the results of the local engine."""
    photographs = write_photographs(folder / "photographs", options.count, options.broken)
    expected = _expected(photographs)
    for n_nodes in NODES:
        found, seconds = _troubled(photographs, folder / f"nodes{n_nodes}", n_nodes, expected, has_store=has_store)
        place = "a store" if has_store else "a folder"
        yield [make_row(f"{n_nodes} nodes", f"trouble, {place}", options.count, found, median_s=seconds)]


def _expected(photographs: Path) -> dict[str, bytes]:
    """Return the results of the local engine."""
    arguments = [f"{photographs}/images", f"{photographs}/trimaps", "-o", f"{photographs}/local", *MATTE]
    run_batch(arguments, photographs / "local.log", TIMEOUT)
    return results_in(photographs / "local")


def _troubled(
    photographs: Path, folder: Path, n_nodes: int, expected: dict[str, bytes], *, has_store: bool
) -> tuple[dict[str, int], float]:
    """Run one batch through its trouble; return what is wrong with its end, and its seconds."""
    folder.mkdir()
    store = FaultyStore(failures=0.05, slow=0.002, cut=0.01)
    with running_store(store) if has_store else nullcontext(), running_cluster(n_nodes) as cluster:
        places = [f"{photographs}/images", f"{photographs}/trimaps", "-o", f"{folder}/out"]
        record = folder / "out" / "results.jsonl"
        if has_store:
            places = [f"s3://{BUCKET}/images", f"s3://{BUCKET}/trimaps", "-o", f"s3://{BUCKET}/out", *store.options]
            store.put(photographs)
            store.is_on = True

        def count_done() -> int:
            if has_store:
                return store.count_written("out")
            return record.read_bytes().count(b"\n") if record.exists() else 0

        actions = (lambda: kill_node(cluster), lambda: kill_worker(cluster), None)
        events = [Event(share, action) for share, action in zip(SHARES, actions, strict=True)]
        arguments = [*places, *MATTE, "--engine", "ray", "--address", cluster.address]
        ended, happened = run_through_trouble(
            arguments, folder / "batch.log", count_done, len(expected), events, TIMEOUT
        )
        results = store.objects("out/*.png") if has_store else results_in(folder / "out")
        parts = store.objects("out/results-*.jsonl") if has_store else {"": record.read_bytes()}
        rows = rows_of(b"".join(parts.values()))
    names = ("node_killed_at", "worker_killed_at", "driver_killed_at")
    found = {**faults(rows, results, expected), **dict(zip(names, happened, strict=True))}
    return {**found, "results": len(results), **store.injected}, ended.seconds


def _cost(options: ClusterOptions, folder: Path) -> Iterator[list[Row]]:
    """Compare the processor time of both engines, one worker with one thread, at 1 megapixel."""
    photographs = {n: write_photographs(folder / f"of{n}", n, 0, MEGAPIXEL) for n in (FEW, options.many)}
    engines = {"local": (), "ray": ("--engine", "ray", "--workers", "1")}
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    _batch(photographs[FEW], folder / "warm")
    for number in range(options.rounds):
        for name, words in engines.items():
            few, many = (
                processor_time(_batch_command(photographs[n], folder / f"{name}{n}{number}", *words), threads=1)
                for n in (FEW, options.many)
            )
            a_picture = (many.cpu - few.cpu) / (options.many - FEW)
            spent[name].append((a_picture, few.cpu - FEW * a_picture))
    for name, values in spent.items():
        found = {
            "cpu_s_a_picture": statistics.median(value for value, _ in values),
            "cpu_s_of_start": statistics.median(value for _, value in values),
        }
        yield [make_row(name, "processor time, 1 megapixel", MEGAPIXEL, found)]


def _jobs(options: ClusterOptions, folder: Path) -> Iterator[list[Row]]:
    """Measure the processor time of a picture of 1 megapixel by the local engine, for several jobs, with one thread."""
    photographs = {n: write_photographs(folder / f"of{n}", n, 0, MEGAPIXEL) for n in (FEW, options.many)}
    for name, (job, words) in JOBS.items():
        spent = {}
        for n, place in photographs.items():
            given = [word.format(trimaps=place / "trimaps") for word in words]
            places = [f"{place}/images", "-o", f"{folder}/{job}{len(words)}{n}", "--job", job]
            command = [sys.executable, "-m", "hybridmatte", "batch", *places[:1], *given, *places[1:]]
            spent[n] = processor_time(command, threads=1)
        found = {"cpu_s_a_picture": (spent[options.many].cpu - spent[FEW].cpu) / (options.many - FEW)}
        yield [make_row(name, "jobs, 1 megapixel", MEGAPIXEL, found)]


def _rate(options: ClusterOptions, folder: Path) -> Iterator[list[Row]]:
    """Measure the pictures a second of one worker and of two, each with one thread."""
    photographs = write_photographs(folder / "photographs", options.many, 0, MEGAPIXEL)
    rates: dict[int, list[float]] = {1: [], 2: []}
    for number in range(options.rounds):
        for workers in rates:
            output = folder / f"of{workers}{number}"
            _batch(photographs, output, "--engine", "ray", "--workers", str(workers), "--threads", "1")
            rates[workers].append(_steady_rate((output / "results.jsonl").read_bytes()))
    for workers, values in rates.items():
        found = {"pictures_a_second": statistics.median(values)}
        yield [make_row(f"{workers} workers", "rate, 1 megapixel", MEGAPIXEL, found)]


def _steady_rate(record: bytes) -> float:
    """Return the pictures a second after the first few."""
    times = sorted(datetime.fromisoformat(row["time"]).timestamp() for row in rows_of(record))
    first = len(times) // 5
    return (len(times) - 1 - first) / (times[-1] - times[first])


def _memory(options: ClusterOptions, folder: Path) -> Iterator[list[Row]]:
    """Follow the memory of the driver and of all its processes over a whole job, by the local engine and by Ray."""
    photographs = write_photographs(folder / "photographs", options.count, 0)
    for name, words in {"local": ("--workers", "2"), "ray": ("--engine", "ray")}.items():
        output = folder / name
        places = [f"{photographs}/images", f"{photographs}/trimaps", "-o", str(output)]
        driver = start_batch([*places, *MATTE, *words], folder / f"{name}.log")
        followed = MemoryOverTime(driver, output / "results.jsonl", options.count)
        found = followed.to_the_end(TIMEOUT)
        yield [
            make_row(
                name,
                "memory over a job",
                options.count,
                found,
                peak_mib=max(value for name, value in found.items() if name.startswith("all")),
            )
        ]


def _start(options: ClusterOptions, folder: Path) -> Iterator[list[Row]]:
    """Time the way from the command to the first row of the record."""
    photographs = write_photographs(folder / "photographs", 4, 0)
    _batch(photographs, folder / "warm", *MATTE[2:])
    for name, words in {"local": (), "ray": ("--engine", "ray")}.items():
        seconds = []
        for number in range(options.rounds):
            output = folder / f"{name}{number}"
            places = [f"{photographs}/images", f"{photographs}/trimaps", "-o", str(output)]
            start, record = time.monotonic(), output / "results.jsonl"
            driver = start_batch([*places, *MATTE, *words], folder / f"{name}.log")
            while driver.poll() is None and not (record.exists() and record.stat().st_size):
                time.sleep(0.01)
            seconds.append(time.monotonic() - start)
            driver.wait()
        yield [make_row(name, "first row", 4, median_s=statistics.median(seconds))]


def _local(options: ClusterOptions, folder: Path) -> Iterator[list[Row]]:
    """Compare the local engine with the same work on a folder by the command of the job."""
    for shape, count in (((72, 96), options.count // 4), (MEGAPIXEL, FEW)):
        photographs = write_photographs(folder / f"of{count}", count, 0, shape)
        spent = {"batch": [], "matte": []}
        for number in range(options.rounds):
            for name in spent:
                output = folder / f"{name}{count}{number}"
                words = ("batch",) if name == "batch" else ("matte",)
                command = _command(photographs, output, words, MATTE if name == "batch" else MATTE[2:])
                spent[name].append(processor_time(command))
        for name, values in spent.items():
            found = {"cpu_s_a_picture": statistics.median(value.cpu for value in values) / count}
            seconds = statistics.median(value.seconds for value in values) / count
            yield [make_row(name, f"folder of {count}", shape, found, median_s=seconds)]


def _batch(photographs: Path, output: Path, *words: str) -> None:
    """Run a batch of the default method."""
    spent = processor_time(_batch_command(photographs, output, *words))
    if spent.code:
        raise RuntimeError(f"batch ended with code {spent.code}, expected 0")


def _batch_command(photographs: Path, output: Path, *words: str) -> list[str]:
    return _command(photographs, output, ("batch",), ("--job", "matte", *words))


def _command(photographs: Path, output: Path, name: tuple[str, ...], words: tuple[str, ...]) -> list[str]:
    """Return a command line over the photographs of a folder."""
    places = [f"{photographs}/images", f"{photographs}/trimaps", "-o", str(output)]
    return [sys.executable, "-m", "hybridmatte", *name, *places, *words]
