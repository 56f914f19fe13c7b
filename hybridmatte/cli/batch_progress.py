"""What ``batch`` says of its progress and at its end: counts, rate, time left, failures."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn

from hybridmatte.cli.reports import is_quiet
from hybridmatte.cli.streams import NoteConsole, complain, note

if TYPE_CHECKING:
    from hybridmatte.batch.run import Tally
    from hybridmatte.batch.trial import Trial

__all__ = ["BatchProgress", "in_words", "note_summary", "note_trial"]

LINE_SECONDS = 30.0  # between two lines where standard error is no terminal
N_ERRORS = 20  # failures that are printed; the record has all


class BatchProgress:
    """A bar in a terminal, and else a line now and then; failures are printed as they come."""

    def __init__(self, tally: Tally) -> None:
        self.tally, self.last, self.n_errors = tally, time.monotonic(), 0
        console = NoteConsole()
        self.is_bar = console.is_terminal and not is_quiet()
        self.progress = Progress(
            BarColumn(), TextColumn("{task.description}"), console=console, transient=True, disable=not self.is_bar
        )
        self.task = self.progress.add_task("", total=tally.total)

    def __enter__(self) -> BatchProgress:
        self.progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """Print a line beside the bar."""
        note(text, self.progress.console if self.is_bar else None)

    def on_row(self, row: dict[str, Any]) -> None:
        """Count a row."""
        if row["error"] is not None:
            self.n_errors += 1
            if self.n_errors <= N_ERRORS:
                complain(f"error: {row['error']}")
            if self.n_errors == N_ERRORS:
                complain("further errors stand in the record only")
        done = self.tally.done + self.tally.skipped
        self.progress.update(self.task, completed=done, description=self._words())
        if not self.is_bar and time.monotonic() - self.last > LINE_SECONDS:
            self.last = time.monotonic()
            note(self._words())

    def _words(self) -> str:
        """Return counts, rate and time left."""
        tally = self.tally
        total = "" if tally.total is None else f" of {tally.total}"
        rate = tally.done / max(tally.seconds, 1e-3)
        left = tally.seconds_left
        end = "" if left is None else f", {in_words(left)} left"
        return f"{tally.done + tally.skipped}{total}, {rate:.2f} a second, {tally.failed} failed{end}"


def note_summary(tally: Tally, record: str) -> None:
    """Print what became of a batch."""
    rate = tally.done / max(tally.seconds, 1e-3)
    there = tally.skipped - tally.failed_before
    note(f"{tally.written} written, {there} already there, {tally.failed} failed; record: {record}")
    if tally.other_inputs:
        complain(
            f"warning: the record has {len(tally.other_inputs)} or more pictures from other files, which count as done "
            f"({tally.other_inputs[0]}); give another output for them"
        )
    if tally.done:
        note(f"{in_words(tally.seconds)}, {rate:.2f} pictures a second")
    for name, total in tally.scores.items():
        note(f"mean {name} over {tally.written} pictures: {total / max(tally.written, 1):.6g}")


def note_trial(trial: Trial, workers: int) -> None:
    """Print what a batch will take, from a few of its pictures."""
    note(f"{trial.total} pictures, {trial.skipped} in the record already, {trial.unusable} cannot be worked on")
    for error in trial.errors:
        complain(f"error: {error}")
    mean = trial.mean_seconds
    if mean is None:
        note("no picture could be solved, so the time is not known")
        return
    size = sum(trial.megapixels) / len(trial.megapixels)
    note(f"{len(trial.seconds)} solved as a sample: {mean:.2f} s each, {size:.2f} megapixels, with all threads")
    at_once = "one at a time" if workers == 1 else f"if {workers} workers share the cores as well as one uses them"
    disk = sum(trial.output_bytes) / len(trial.seconds) * trial.todo / 1e6
    note(f"about {in_words(mean * trial.todo)} for {trial.todo} pictures, {at_once}; {disk:.1f} MB of results")


def in_words(seconds: float) -> str:
    """Return a time in hours, minutes or seconds."""
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"
