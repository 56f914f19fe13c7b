"""What ``video`` says of its progress: frames a second and the time left, in a bar or in lines."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from hybridmatte.cli.reports import is_quiet
from hybridmatte.cli.streams import NoteConsole, complain, note

if TYPE_CHECKING:
    from collections.abc import Callable

    from hybridmatte.video.jobs import Begun

__all__ = ["run_with_progress"]

LINE_SECONDS = 30.0  # between two lines where standard error is no terminal
STARTING_FRAMES = 2  # after which a rate is told: before, kernels are compiled and networks loaded


class ClipProgress:
    """Counts frames: those that are written, and how fast the ones that were not finished before are solved."""

    def __init__(self, sentences: list[str]) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self.sentences, self.begun, self.n_written = sentences, None, 0
        self._start = self._last = time.monotonic()
        self._n_at_start = 0
        console = NoteConsole()
        self.is_bar = console.is_terminal and not is_quiet()
        columns = (BarColumn(), TextColumn("{task.description}"))
        self.progress = Progress(*columns, console=console, transient=True, disable=not self.is_bar)
        self._task = self.progress.add_task("", total=None)
        self.begun: Begun | None

    def say(self, text: str) -> None:
        """Print a line, beside the bar if there is one."""
        note(text, self.progress.console if self.is_bar else None)

    def on_begin(self, begun: Begun) -> None:
        """Say what is known before the first frame is solved."""
        self.begun = begun
        total = len(begun.clip)
        self.progress.update(self._task, total=total, description=f"0 of {_frames(total)}")
        for sentence in self.sentences:
            self.say(sentence)
        if begun.n_done:
            self.say(f"{begun.n_done} of {_frames(total)} finished already, in {begun.parts.folder}")

    def on_frame(self) -> None:
        """Count a frame."""
        self.n_written += 1
        if self.begun is None:
            return
        now = time.monotonic()
        if self.n_written <= self.begun.n_done + STARTING_FRAMES:
            self._start, self._n_at_start = now, self.n_written
        self.progress.update(self._task, completed=self.n_written, description=self._words(now))
        if not self.is_bar and now - self._last >= LINE_SECONDS:
            self._last = now
            note(self._words(now))

    def _words(self, now: float) -> str:
        """Return the count, and the rate and the time left as soon as they are known."""
        from hybridmatte.cli.batch_progress import in_words

        total = 0 if self.begun is None else len(self.begun.clip)
        words = f"{self.n_written} of {_frames(total)}"
        solved, seconds = self.n_written - self._n_at_start, now - self._start
        if solved < 1 or seconds <= 0:
            return words
        rate = solved / seconds
        return f"{words}, {rate:.2f} frames/s, {in_words(max(total - self.n_written, 0) / rate)} left"

    def parts(self) -> str:
        """Return where finished frames are, or nothing if there are none."""
        if self.begun is None or self.begun.parts.n_done == 0:
            return ""
        parts = self.begun.parts
        return f"{_frames(parts.n_done)} finished, in {parts.folder}; --resume continues from there"


def run_with_progress(run: Callable[..., int], sentences: list[str]) -> tuple[int, Begun | None]:
    """Run a clip with a progress bar or lines; say after an error or Ctrl-C how to continue.

    The sentences are printed when the first frame begins. Returns the number of frames and what was known before them.
    """
    from hybridmatte.cli.compilation_note import note_compilation
    from hybridmatte.errors import is_interrupt

    shown = ClipProgress(sentences)
    try:
        with shown.progress, note_compilation(partial(_say, shown)):
            count = run(on_begin=shown.on_begin, on_frame=shown.on_frame)
    except (KeyboardInterrupt, Exception) as error:
        said = shown.parts()
        if is_interrupt(error):
            complain(f"interrupted; {said}" if said else "interrupted before the first frame was finished")
            raise typer.Exit(130) from None
        if said:
            complain(said)
        raise
    note(f"{_frames(count)} written")
    return count, shown.begun


def _say(shown: Any, text: str) -> None:
    shown.say(text)


def _frames(count: int) -> str:
    return f"{count} frame" if count == 1 else f"{count} frames"
