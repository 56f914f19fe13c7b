"""``train``: train a network."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hybridmatte.cli.streams import note

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.toml", help="Configuration: flat TOML, see docs/training.md.")
    ],
    data: Annotated[str, typer.Option("--data", help="Location of the data set; see docs/training.md for streams.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")],
    devices: Annotated[int, typer.Option("--devices", min=1, help="Number of processes or GPUs on each machine.")] = 1,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Number of machines.")] = 1,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Number of processes that prepare crops for each device.")
    ] = 0,
    precision: Annotated[str, typer.Option("--precision", help=", ".join(PRECISIONS) + ".")] = PRECISIONS[0],
    backgrounds: Annotated[
        Path | None, typer.Option("--backgrounds", help="Folder of photographs to composite over.")
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            "--validation", help="Folder with image and alpha, and perhaps trimap and mask; scored after every epoch."
        ),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(
            "--side",
            min=0,
            metavar="N",
            help="Shorter side in pixels of the image that a network without trimap sees in validation; it is stored "
            "with the network. Default: that of CONFIG.toml.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint; more epochs lengthen the run.")
    ] = False,
) -> None:
    """Train a network; checkpoints, logs for TensorBoard and the network are written to the run's folder."""
    from hybridmatte._validation import check_choice
    from hybridmatte.training import is_first_process, open_scored, read_config
    from hybridmatte.training import train as train_network

    check_choice(precision, "--precision", PRECISIONS)
    try:
        settings = read_config(config, **({} if side is None else {"side": side}))
    except TypeError as error:
        raise ValueError(str(error)) from None
    scored = None if validation is None else open_scored("folder", validation)
    try:
        with _log_records_as_notes():
            train_network(
                settings,
                data,
                output,
                devices=devices,
                nodes=nodes,
                workers=workers,
                precision=precision,
                backgrounds=backgrounds,
                validation=scored,
                resume=resume,
            )
    except KeyboardInterrupt:
        has_checkpoint = (output / "checkpoints" / "last.ckpt").is_file()
        note(
            "interrupted; "
            + (
                f"--resume goes on from the last checkpoint in {output}"
                if has_checkpoint
                else "there is no checkpoint yet"
            )
        )
        raise typer.Exit(130) from None
    if is_first_process():
        note(f"the network is in {output / 'network'}; see its progress with: tensorboard --logdir {output}")


class _NoteHandler(logging.Handler):
    """Print log records as notes."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        note(record.getMessage())


@contextmanager
def _log_records_as_notes() -> Iterator[None]:
    """Print what the package logs in the block."""
    log, handler = logging.getLogger("hybridmatte"), _NoteHandler()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
