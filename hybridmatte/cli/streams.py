"""Inputs and outputs of commands: paths, ``-`` for the standard streams, notes on standard error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.table import Table

from hybridmatte.batch.listing import Result, is_many, root_of
from hybridmatte.cli.reports import is_json, is_quiet
from hybridmatte.cli.standard_output import refuse_closed_output

__all__ = [
    "NoteConsole",
    "complain",
    "destination",
    "note",
    "output_or_default",
    "refuse_overwriting",
    "show",
    "sources",
]

N_NAMED = 3  # existing files that an error names
PIPE_WIDTH = 160  # characters of a table that is not shown in a terminal


class StandardInput(io.BytesIO):
    """The bytes of standard input, with a name for messages."""

    name = "<standard input>"


class NoteConsole(Console):
    """Standard error; if its reader leaves, the rest is not shown, and the command goes on."""

    def __init__(self) -> None:
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        """Show nothing more; rich would end the command, and standard output with it."""
        self.quiet = True


def note(text: str, console: Console | None = None) -> None:
    """Print one line on standard error, unless quiet, or on the console of a progress bar that is shown there."""
    if not is_quiet():
        _print_line(text, console)


def complain(text: str) -> None:
    """Print an error as one line on standard error, also if quiet."""
    _print_line(text, None)


def _print_line(text: str, console: Console | None) -> None:
    console = console or NoteConsole()
    with suppress(OSError):  # a full disk; the exit code still tells, and the files of the command matter more
        console.print(" ".join(text.split()), soft_wrap=True, markup=False, highlight=False, emoji=False)


def show(table: Table) -> None:
    """Print a table on standard output; characters that its encoding lacks become escapes, as on standard error."""
    refuse_closed_output()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    from hybridmatte.io.streams import naming

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    with naming("standard output"):
        console.print(table)
        sys.stdout.flush()


def sources(*names: str) -> list[Path | BinaryIO]:
    """Return the input files: paths, and standard input, read to its end, for ``-``, which may occur once."""
    if names.count("-") > 1:
        raise ValueError("- is given for two inputs, expected at most one, because there is only one standard input")
    return [_standard_input() if name == "-" else _existing_file(name) for name in names]


def destination(
    name: str, inputs: list[Path | BinaryIO], *, bits: int = 8, transparent: bool = False, force: bool = False
) -> Path | BinaryIO:
    """Return the output: a path that can be written and is no input, or standard output for ``-``.

    A file that exists is refused, unless force is given.
    """
    from hybridmatte._validation import check_choice
    from hybridmatte.io.pictures import check_output

    if name == "-":
        if is_json():
            raise ValueError("output - is standard output, which --json uses, expected a file, or no --json")
        refuse_closed_output()
        if sys.stdout.isatty():
            raise ValueError("output - is a terminal, expected a pipe or a file")
        check_choice(bits, "bits", (8, 16))
        return sys.stdout.buffer
    paths = [path for path in inputs if isinstance(path, Path)]
    check_output(name, inputs=paths, bits=bits, transparent=transparent)
    refuse_overwriting([name], force=force)
    return Path(name)


def output_or_default(output: str | None, source: str, result: Result) -> tuple[str, str]:
    """Return the given output and "", or the default and a sentence that says it, for when the work begins.

    The default is the input's name, an underscore and what the result is. It lies beside the input: a folder for a
    folder, and else a PNG file.
    """
    if output is not None:
        return output, ""
    if source == "-":
        raise ValueError("-o is missing, expected a file, or - for standard output, as the input is standard input")
    path = root_of(source) if is_many(source) else Path(source)
    if path.is_dir():
        whole = path if path.name not in ("", "..") else Path(os.path.abspath(path))
        default = f"{whole}_{result}"
    else:
        default = str(path.with_name(f"{path.stem}_{result}.png"))
    return default, f"without -o, the output is {default}"


def refuse_overwriting(outputs: Sequence[str | Path], *, force: bool) -> None:
    """Refuse outputs that are existing files, unless force is given."""
    existing = [os.fspath(output) for output in outputs if os.path.isfile(output)]
    if force or not existing:
        return
    if len(outputs) == 1:
        raise FileExistsError(f"output {existing[0]} exists, expected another file, or --force to overwrite it")
    names = ", ".join(existing[:N_NAMED]) + (", ..." if len(existing) > N_NAMED else "")
    raise FileExistsError(
        f"output has {len(existing)} of {len(outputs)} files already ({names}), expected another folder, --resume to "
        "skip them or --force to overwrite them"
    )


def _standard_input() -> StandardInput:
    """Read standard input to its end; refuse it if it is closed, holds no picture, or more than the largest one."""
    from hybridmatte.io.pictures import picture_bytes

    if sys.stdin is None:
        raise ValueError("input - is closed standard input, expected a picture")
    return StandardInput(picture_bytes(sys.stdin.buffer))


def _existing_file(name: str) -> Path:
    """Return the path of an input; refuse a folder and a file that does not exist."""
    path = Path(name)
    if path.is_dir():
        raise IsADirectoryError(
            f"{name} is a folder, expected a picture; matte, cutout, auto, refine, decontaminate, trimap and composite "
            "take folders, for image, and then also for trimap, mask, alpha or background"
        )
    if not path.exists():
        raise FileNotFoundError(f"{name} does not exist, expected a picture")
    return path
