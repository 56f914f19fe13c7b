"""The list of commands."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from hybridmatte.cli.auto import auto
from hybridmatte.cli.batch import batch
from hybridmatte.cli.benchmark_network import benchmark_network
from hybridmatte.cli.blend import blend
from hybridmatte.cli.compare import compare
from hybridmatte.cli.compile import compile_default
from hybridmatte.cli.composite import composite
from hybridmatte.cli.cutout import cutout
from hybridmatte.cli.decontaminate import decontaminate
from hybridmatte.cli.evaluate import evaluate
from hybridmatte.cli.export import export
from hybridmatte.cli.join import join
from hybridmatte.cli.matte import matte
from hybridmatte.cli.methods import methods
from hybridmatte.cli.predict import predict
from hybridmatte.cli.refine import refine
from hybridmatte.cli.segmenters import segmenters
from hybridmatte.cli.serve import serve
from hybridmatte.cli.train import train
from hybridmatte.cli.trimap import trimap
from hybridmatte.cli.video import video
from hybridmatte.io.formats import INPUT_EXTENSIONS

__all__ = ["app"]

SHORT_WITH_EQUALS = re.compile("-[A-Za-z]=.")
# in the order of the help text
COMMANDS = (
    matte,
    cutout,
    auto,
    refine,
    decontaminate,
    trimap,
    composite,
    batch,
    evaluate,
    compare,
    methods,
    segmenters,
    train,
    predict,
    join,
    export,
    blend,
    benchmark_network,
    serve,
    video,
)


@contextmanager
def _exceptions_as_they_are() -> Iterator[None]:
    """Keep typer from its own answers: no word for Ctrl-C, and "Aborted." for the end of a file."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise SystemError("interrupted") from error  # see `is_interrupt`
    except EOFError as error:
        raise OSError(f"a file ended early ({error}), expected a whole one") from error


class _Commands(TyperGroup):
    """All commands."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Parse the command line."""
        with _exceptions_as_they_are():
            return super().make_context(*arguments, **options)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; if a picture stands in its place, say which command takes it."""
        if self.get_command(ctx, args[0]) is None and is_picture_name(args[0]):
            ctx.fail(f"{args[0]} is no command, expected one before a picture, such as: hybridmatte auto {args[0]}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _exceptions_as_they_are():
            return super().invoke(ctx)


class _Command(TyperCommand):
    """A command whose usage errors say what was meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; refuse ``-q=fast``, whose value would be "=fast"."""
        given = args[: args.index("--")] if "--" in args else args
        for word in given:
            if SHORT_WITH_EQUALS.match(word):
                ctx.fail(f"{word} is a short option with =, expected {word[:2]} {word[3:]}")
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            usage: Any = error  # of typer's own copy of click, or of click
            if self.name == "auto" and "extra argument" in getattr(usage, "message", ""):
                extra = usage.message.partition("(")[2].rstrip(").").split()
                picture = next(filter(is_picture_name, extra), "mask.png")
                usage.message += f"; a mask is given as --mask {picture}, and the file to write with -o"
            raise


def is_picture_name(word: str) -> bool:
    """Return whether a word of the command line is an existing file or named like a picture, and no option."""
    return not word.startswith("-") and (
        os.path.isfile(word) or os.path.splitext(word)[1].lower() in {*INPUT_EXTENSIONS, ".npy"}
    )


app = typer.Typer(
    name="hybridmatte",
    cls=_Commands,
    help="Natural image matting: from an image and a trimap to alpha, cut-out and composite.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(_version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Natural image matting: from an image and a trimap to alpha, cut-out and composite."""


OPTIONS_OF_JOB = {"allow_extra_args": True, "ignore_unknown_options": True}  # those of another command
for _command in COMMANDS:
    _settings = OPTIONS_OF_JOB if _command is batch else None
    _has_arguments = _command not in (methods, segmenters, serve)
    app.command(cls=_Command, no_args_is_help=_has_arguments, context_settings=_settings)(_command)
app.command("compile", cls=_Command)(compile_default)
