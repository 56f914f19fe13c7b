"""``batch``: check what is asked, bring input, engine, output and record together, and say what came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from hybridmatte._validation import check_choice
from hybridmatte.cli.batch_progress import BatchProgress, note_summary, note_trial
from hybridmatte.cli.compilation_note import note_compilation
from hybridmatte.cli.folder_run import INTERRUPTED
from hybridmatte.cli.job_plans import JOBS, Planner
from hybridmatte.cli.streams import complain, note
from hybridmatte.errors import is_interrupt

if TYPE_CHECKING:
    from hybridmatte.batch.items import Inputs, Item
    from hybridmatte.batch.outputs import Target
    from hybridmatte.batch.record import Journal
    from hybridmatte.batch.run import Engine, Tally
    from hybridmatte.batch.stores import Stores

__all__ = ["BatchRequest", "run_command"]

ENGINES = ("local", "ray")
SHARD_SIZE = 256  # pictures a shard
PAIRED = ("folder", "store")  # inputs whose trimaps, masks or alphas are found by their names
NAMES_FILES = ("manifest", "parquet")  # inputs that may name files of any store


class BatchRequest(NamedTuple):
    """The options of ``batch``; arguments are those of the job."""

    source: str
    output: str
    job: str = "auto"
    arguments: tuple[str, ...] = ()
    engine: str = "local"
    address: str | None = None
    workers: int | None = None
    threads: int | None = None
    gpus: float | None = None
    is_shared: bool = False
    resume: bool = False
    retry_errors: bool = False
    force: bool = False
    max_errors: int | None = None
    dry_run: bool = False
    in_order: bool = False
    record: str | None = None
    shard_size: int | None = None
    storage_options: tuple[str, ...] = ()
    recursive: bool = False
    confidence: bool = False
    confidence_map: str | None = None

    @property
    def has_shards(self) -> bool:
        """Whether results are packed into files of many."""
        from hybridmatte.batch.outputs import SHARD_ENDINGS

        return os.path.splitext(self.output)[1].lower() in SHARD_ENDINGS

    @property
    def addresses(self) -> list[str]:
        """Everything that may be the address of a store."""
        own = (self.source, self.output, self.record, self.confidence_map)
        given = [text.partition("=")[2] if text.startswith("--") else text for text in self.arguments]
        return given + [text for text in own if text is not None]

    def check(self) -> None:
        """Refuse options that do not go together."""
        check_choice(self.job, "--job", list(JOBS))
        check_choice(self.engine, "--engine", ENGINES)
        if self.confidence and self.job in ("refine", "evaluate"):
            raise ValueError(f"--confidence is given with --job {self.job}, expected auto, matte or cutout")
        if self.shard_size is not None and not self.has_shards:
            raise ValueError(
                f"--shard-size is {self.shard_size}, expected an output ending in .tar or .parquet with it"
            )
        if self.source.startswith("-"):
            raise ValueError(f"INPUT is {self.source}, expected the input first, and the options of the job behind it")
        of_ray = {"--address": self.address, "--threads": self.threads, "--gpus": self.gpus}
        of_ray["--shared"] = "given" if self.is_shared else None
        for name, value in of_ray.items():
            if value is not None and self.engine != "ray":
                raise ValueError(f"{name} is {value}, expected none without --engine ray")
        if self.retry_errors and not self.resume:
            raise ValueError("--retry-errors is given, expected --resume with it")
        if self.confidence_map is not None and os.path.realpath(self.confidence_map) == os.path.realpath(self.output):
            raise ValueError(f"--confidence-map is {self.confidence_map}, expected another place than the output")
        if self.resume and self.force:
            raise ValueError("--resume and --force are given, expected one: --force begins again")


def run_command(request: BatchRequest) -> None:
    """Run a batch; failures of pictures end with exit code 1, Ctrl-C with 130."""
    request.check()
    try:
        _run(request)
    except (KeyboardInterrupt, Exception) as error:
        if not is_interrupt(error):
            raise
        complain(INTERRUPTED)
        raise typer.Exit(130) from None


def _run(request: BatchRequest) -> None:
    """Do what `run_command` says."""
    from hybridmatte.batch.inputs import kind_of, open_inputs
    from hybridmatte.batch.stores import Stores

    stores = Stores(tuple(map(_storage_option, request.storage_options)))
    kind = kind_of(request.source)
    stores.check_options(None if kind in NAMES_FILES else request.addresses)
    planner = Planner(
        request.job, request.arguments, has_own_partners=kind not in PAIRED, has_confidence=request.confidence
    )
    if request.has_shards and request.job == "evaluate":
        raise ValueError(f"output {request.output} names shards, expected a folder: scores stand in the record")
    inputs = open_inputs(request.source, planner.partners, request.output, stores, recursive=request.recursive)
    for line in inputs.notes:
        note(line)
    inputs = inputs._replace(items=planner.with_plans(inputs.items))
    name, table = _record_names(request)
    _check_places(request, stores, planner.bits, name, table)
    if request.dry_run:
        _try(request, inputs, stores, name)
        return
    _work_through(request, inputs, stores, name, table)


def _work_through(request: BatchRequest, inputs: Inputs, stores: Stores, name: str, table: str | None) -> None:
    """Work on all items."""
    from hybridmatte.batch.outputs import Unwritten, clear_leftovers, place_for
    from hybridmatte.batch.record import open_journal, write_parquet
    from hybridmatte.batch.run import Tally, run_batch

    target, output = place_for(request.output, request.shard_size or SHARD_SIZE, stores, keeps=request.resume)
    if request.job == "evaluate":
        target, output = None, Unwritten()
    journal = open_journal(name, stores, resume=request.resume, force=request.force, retry_errors=request.retry_errors)
    for line in journal.notes:
        note(line)
    if request.resume:
        clear_leftovers(request.output)
    tally = Tally(inputs.total)
    engine, work = _engine(request, target)
    try:
        with BatchProgress(tally) as progress, note_compilation(progress.say):
            is_complete = run_batch(
                inputs.items,
                work,
                engine,
                output,
                journal,
                tally,
                in_order=request.in_order,
                max_errors=request.max_errors,
                on_row=progress.on_row,
            )
        journal.close()
        if table is not None:
            write_parquet(table, journal.all_rows(), stores)
    except BaseException:
        journal.close()
        clear_leftovers(request.output)
        raise
    _conclude(request, tally, journal, is_complete=is_complete, record=table or journal.place)


def _check_places(request: BatchRequest, stores: Stores, bits: int, record: str, table: str | None) -> None:
    """Refuse places of results, confidence maps and record that cannot be written, or that hold files already."""
    from hybridmatte.batch.outputs import check_map_place, check_output_place
    from hybridmatte.batch.record import check_table

    may_hold = request.resume or request.force
    if table is not None:
        check_table(table, stores, may_exist=may_hold)
    places: dict[str, Any] = {"bits": bits, "may_hold": may_hold, "is_trial": request.dry_run}
    check_output_place(request.output, stores, record=record, **places)
    if request.confidence_map is not None:
        check_map_place(request.confidence_map, request.output, stores, **places)


def _conclude(request: BatchRequest, tally: Tally, journal: Journal, *, is_complete: bool, record: str) -> None:
    """Print the summary; leave with exit code 1 if a picture failed."""
    note_summary(tally, record)
    earlier = sum(error is not None for error in journal.rows.values()) - tally.failed
    if earlier:
        note(f"{earlier} failed in an earlier run; --resume --retry-errors tries them again")
    if not is_complete:
        complain(f"error: more than {request.max_errors} pictures failed, so no other was begun; see {record}")
    if tally.failed or not is_complete:
        raise typer.Exit(1)


def _engine(request: BatchRequest, target: Target | None) -> tuple[Engine, Callable[[Item], object]]:
    """Return the engine, and what it calls for each item."""
    from hybridmatte.batch.budget import budget_for
    from hybridmatte.batch.finishing import finish_item
    from hybridmatte.batch.outputs import Target
    from hybridmatte.batch.parts import is_remote
    from hybridmatte.batch.pool import finish_jobs

    stores = Target("").stores if target is None else target.stores
    maps = None if request.confidence_map is None else Target(request.confidence_map, stores)
    options: dict[str, Any] = {"force": request.force, "maps": maps}
    if request.engine == "local":
        workers = request.workers or 1
        budget = budget_for((), workers, force=request.force)
        return partial(finish_jobs, workers=workers), partial(finish_item, target=target, budget=budget, **options)
    from hybridmatte.batch.ray_engine import finish_jobs_on_ray

    if maps is not None and not (request.is_shared or is_remote(maps.root)):
        raise ValueError(f"--confidence-map is {maps.root}, expected an address, or --shared, on a cluster")
    if target is not None and not (request.is_shared or is_remote(target.root)):
        target = Target("", stores)  # the main process writes
    engine = partial(
        finish_jobs_on_ray,
        address=request.address,
        workers=request.workers,
        threads=request.threads or 1,
        gpus=request.gpus or 0,
        ships=not request.is_shared,
    )
    return engine, partial(finish_item, target=target, **options)


def _try(request: BatchRequest, inputs: Inputs, stores: Stores, record: str) -> None:
    """Count, solve a few pictures, and say how long all of them will take."""
    from hybridmatte.batch.finishing import finish_item
    from hybridmatte.batch.outputs import Target
    from hybridmatte.batch.record import keys_of
    from hybridmatte.batch.trial import try_items

    done = keys_of(record, stores, with_failures=not request.retry_errors) if request.resume else set()
    target = None if request.job == "evaluate" else Target("", stores)
    with note_compilation():
        trial = try_items(inputs.items, partial(finish_item, target=target, force=request.force), done)
    note_trial(trial, request.workers or 1)


def _record_names(request: BatchRequest) -> tuple[str, str | None]:
    """Return the name of the record that is written row by row, and that of a Parquet file made of it at the end."""
    from hybridmatte.batch.parts import is_remote
    from hybridmatte.batch.record import NAME
    from hybridmatte.batch.stores import joined

    if request.record is None:
        if request.has_shards:
            return f"{os.path.splitext(request.output)[0]}_{NAME}", None
        return joined(request.output, NAME) if is_remote(request.output) else str(Path(request.output, NAME)), None
    if request.record.lower().endswith(".parquet"):
        return f"{request.record}.jsonl", request.record
    if not request.record.lower().endswith(".jsonl"):
        raise ValueError(f"--record is {request.record}, expected a name ending in .jsonl or .parquet")
    return request.record, None


def _storage_option(text: str) -> tuple[str, str, Any]:
    """Return protocol, name and value of an option of a store."""
    key, equals, value = text.partition("=")
    protocol, dot, name = key.partition(".")
    if not (equals and dot and protocol and name):
        raise ValueError(f"--storage-option is {text}, expected PROTOCOL.KEY=VALUE such as s3.anon=true")
    try:
        return protocol, name, json.loads(value)
    except ValueError:
        return protocol, name, value
