"""Where commands read and write: paths, ``-`` for the standard streams, notes for the person."""

import io
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hybridmatte._validation import check_choice
from hybridmatte.io.pictures import MAX_PIXELS, check_output

Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="File to write; - is standard output.")]
Bits = Annotated[int, typer.Option("--bits", help="Bits a channel: 8, or 16 for .png and .tif.")]
MaxPixels = Annotated[int, typer.Option("--max-pixels", min=1, help="Refuse files with more pixels, unread.")]
DEFAULT_MAX_PIXELS = MAX_PIXELS


def note(text, console=None):
    """Say one line on standard error, or on the console of a progress bar that stands there."""
    console = console or Console(stderr=True)
    console.print(" ".join(text.split()), soft_wrap=True, markup=False, highlight=False, emoji=False)


def show(table):
    """Print a table on standard output, in full width where that is not a terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)


def sources(*names):
    """Return paths, and standard input, read to its end, for ``-``, which may occur once."""
    if names.count("-") > 1:
        raise ValueError("- is given for two inputs, expected one, for there is one standard input")
    return [_standard_input() if name == "-" else _picture(name) for name in names]


def destination(name, inputs, **options):
    """Return a path that can be written and is no input, or standard output for ``-``."""
    if name == "-":
        if sys.stdout.isatty():
            raise ValueError("output - is a terminal, expected a pipe or a file")
        check_choice(options.get("bits", 8), "bits", (8, 16))
        return sys.stdout.buffer
    check_output(name, inputs=[path for path in inputs if isinstance(path, Path)], **options)
    return Path(name)


def _picture(name):
    """Return the path of an input, which must be a file."""
    path = Path(name)
    if path.is_dir():
        raise IsADirectoryError(f"{name} is a folder, expected a picture; matte, cutout, auto, refine and "
                                "decontaminate take folders, both for image and for trimap, mask or alpha")
    if not path.exists():
        raise FileNotFoundError(f"{name} does not exist, expected a picture")
    return path


def _standard_input():
    stream = io.BytesIO(sys.stdin.buffer.read())
    stream.name = "<standard input>"
    return stream
