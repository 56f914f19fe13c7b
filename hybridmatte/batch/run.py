"""Run a batch: items through an engine into an output, with a record that makes every item count once."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from hybridmatte.batch.items import Item
from hybridmatte.batch.outputs import Finished, Output
from hybridmatte.batch.pool import Outcome
from hybridmatte.batch.record import Journal, Row, row_of

__all__ = ["Engine", "Tally", "run_batch"]


class Engine(Protocol):
    """Calls a function for every item and yields the outcomes, see `hybridmatte.batch.pool.finish_jobs`."""

    def __call__(
        self, jobs: Iterable[Item], work: Callable[[Item], object], *, is_cancelled: Callable[[], bool]
    ) -> Iterator[Outcome]:
        """Yield the outcomes in the order of completion."""
        ...


class Tally:
    """What became of a batch so far.

    Attributes
    ----------
    total : int or None
        Number of items, where it is known.
    skipped : int
        Items that an earlier run finished.
    failed_before : int
        Those of them that failed.
    other_inputs : list of str
        Sentences on those of them that the record has from other files, as far as the journal knows these.
    written, failed : int
        Items of this run.
    scores : dict of str to float
        Sums of the scores of "evaluate".
    """

    def __init__(self, total: int | None) -> None:
        self.total, self.skipped, self.written, self.failed = total, 0, 0, 0
        self.failed_before = 0
        self.other_inputs: list[str] = []
        self.scores: dict[str, float] = {}
        self.start = time.monotonic()

    @property
    def done(self) -> int:
        """Number of items of this run."""
        return self.written + self.failed

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.start

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end at the rate so far; None where that is not known."""
        if self.total is None or not self.done:
            return None
        return (self.total - self.skipped - self.done) * self.seconds / self.done

    def count(self, row: Row) -> None:
        """Count a row."""
        if row["error"] is None:
            self.written += 1
        else:
            self.failed += 1
        for name, value in row.get("scores", {}).items():
            self.scores[name] = self.scores.get(name, 0.0) + value


class _Once:
    """The items that are to be worked on, counted as they are taken."""

    def __init__(self, items: Iterable[Item], output: Output, journal: Journal, tally: Tally) -> None:
        self.items, self.output, self.done, self.tally = items, output, dict(journal.rows), tally
        self.inputs, self.is_exhausted, self.taken = journal.inputs, False, 0
        self.order: deque[str] = deque()

    def __iter__(self) -> Iterator[Item]:
        names: dict[str, str] = {}
        for item in self.items:
            if not _is_below(item.key):
                error = f"output {item.key} leads out of the output, expected a name below it"
                item = item._replace(key=f"picture {item.index}", error=item.error or error)
            if item.key in names:
                error = f"{item.image} would give {item.key}, as {names[item.key]} does, expected one picture a name"
                item = item._replace(key=f"{item.key} ({item.index})", error=item.error or error)
            else:
                names[item.key] = str(item.image)
            if item.key in self.done:
                self.tally.skipped += 1
                self.tally.failed_before += self.done[item.key] is not None
                before = self.inputs.get(item.key, str(item.image))
                if before != str(item.image):
                    self.tally.other_inputs.append(f"{item.key} is that of {before}, not of {item.image}")
                continue
            self.order.append(item.key)
            self.taken += 1
            self.output.begin(item)
            yield item
        self.is_exhausted = True

    def in_order(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows in the order in which their items were taken."""
        waiting: dict[str, Row] = {}
        for row in rows:
            waiting[row["key"]] = row
            while self.order and self.order[0] in waiting:
                yield waiting.pop(self.order.popleft())


def _is_below(key: str) -> bool:
    """Tell whether a name stays below the folder that it counts from."""
    return bool(Path(key).name) and not os.path.isabs(key) and ".." not in Path(key).parts and "://" not in key


def run_batch(
    items: Iterable[Item],
    work: Callable[[Item], object],
    engine: Engine,
    output: Output,
    journal: Journal,
    tally: Tally,
    *,
    in_order: bool = False,
    max_errors: int | None = None,
    on_row: Callable[[Row], object] = lambda _: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> bool:
    """Work on all items that have no row in the journal, and give each one row.

    Parameters
    ----------
    items : iterable of Item
        Taken one after another, as the engine has room for them.
    work : callable
        What an engine calls for each item, `hybridmatte.batch.finishing.finish_item`.
    engine : callable
        Such as `hybridmatte.batch.pool.finish_jobs`.
    output : Output
        Where results go. A row is written when it says that the result stands whole.
    journal : Journal
        The record.
    tally : Tally
        Counts the rows.
    in_order : bool, default False
        Write the rows in the order of the items; rows wait for those before them.
    max_errors : int, optional
        Begin no other item after more failures than this.
    on_row : callable, optional
        Called with each row when it is written.
    is_cancelled : callable, optional
        Once it is true, no other item is begun.

    Returns
    -------
    is_complete : bool
        Whether all items were worked on.
    """
    todo = _Once(items, output, journal, tally)
    failures = done = 0

    def is_over() -> bool:
        return is_cancelled() or (max_errors is not None and failures > max_errors)

    def finished() -> Iterator[Finished]:
        nonlocal failures, done
        for outcome in engine(todo, work, is_cancelled=is_over):
            failures += outcome.error is not None
            done += 1
            yield from output.accept(outcome)
        yield from output.finish(is_complete=todo.is_exhausted and done == todo.taken)

    rows: Iterable[Row] = map(row_of, finished())
    for row in todo.in_order(rows) if in_order else rows:
        journal.add(row)
        tally.count(row)
        on_row(row)
    return todo.is_exhausted and done == todo.taken
