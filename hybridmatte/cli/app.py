"""The list of commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from hybridmatte.cli.auto import auto
from hybridmatte.cli.benchmark_network import benchmark_network
from hybridmatte.cli.blend import blend
from hybridmatte.cli.compare import compare
from hybridmatte.cli.compile import compile_default
from hybridmatte.cli.composite import composite
from hybridmatte.cli.cutout import cutout
from hybridmatte.cli.decontaminate import decontaminate
from hybridmatte.cli.evaluate import evaluate
from hybridmatte.cli.export import export
from hybridmatte.cli.matte import matte
from hybridmatte.cli.methods import methods
from hybridmatte.cli.predict import predict
from hybridmatte.cli.refine import refine
from hybridmatte.cli.segmenters import segmenters
from hybridmatte.cli.train import train
from hybridmatte.cli.trimap import trimap

__all__ = ["app"]

# in the order of the help text
COMMANDS = (
    matte,
    cutout,
    auto,
    refine,
    decontaminate,
    trimap,
    composite,
    evaluate,
    compare,
    methods,
    segmenters,
    train,
    predict,
    export,
    blend,
    benchmark_network,
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

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _exceptions_as_they_are():
            return super().invoke(ctx)


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


for _command in COMMANDS:
    app.command(no_args_is_help=_command not in (methods, segmenters))(_command)
app.command("compile")(compile_default)
