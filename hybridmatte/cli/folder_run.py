"""Run a command on one image or on a folder of images."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import typer
from rich.console import Console
from rich.progress import Progress

from hybridmatte.batch.pairing import Job, pair_by_stem, sentences, without_partner, without_picture
from hybridmatte.batch.pool import Outcome, run_jobs
from hybridmatte.cli.compilation_note import note_compilation
from hybridmatte.cli.streams import destination, note, sources
from hybridmatte.errors import is_interrupt
from hybridmatte.io.files import clear_temporaries
from hybridmatte.io.formats import INPUT_EXTENSIONS

__all__ = ["Request", "run"]

INTERRUPTED = "interrupted; finished files are complete, and --resume continues from there"


class Request(NamedTuple):
    """The arguments of a command that takes one image or a folder of images.

    plane is the trimap, mask or alpha, as plane_name says, or None; transparent tells whether RGBA is written.
    description, if there is one, is printed before the work, and says how it is done.
    """

    image: str
    plane: str | None
    output: str
    plane_name: str = "trimap"
    bits: int = 8
    transparent: bool = False
    workers: int = 1
    resume: bool = False
    description: str = ""


def run(request: Request, work: Callable[[Job], object]) -> None:
    """Call the work for one image, or for every image of a folder; Ctrl-C ends with a note and exit code 130."""
    try:
        if Path(request.image).is_dir():
            _run_folder(request, work)
        else:
            _run_image(request, work)
    except (KeyboardInterrupt, Exception) as error:
        if not is_interrupt(error):
            raise
        note(INTERRUPTED)
        raise typer.Exit(130) from None


def _run_image(request: Request, work: Callable[[Job], object]) -> None:
    """Call the work for one image; its error ends the command."""
    if request.workers > 1:
        raise ValueError(f"workers is {request.workers}, expected 1 for a single image")
    if request.resume and request.output != "-":
        clear_temporaries([request.output])
        if _is_written(Path(request.output)):
            note(f"{request.output} is already written")
            return
    names = [request.image] if request.plane is None else [request.image, request.plane]
    inputs = sources(*names)
    target = destination(request.output, inputs, bits=request.bits, transparent=request.transparent)
    if request.description:
        note(request.description)
    with note_compilation():
        found = work(Job(inputs[0], inputs[1] if len(inputs) > 1 else None, target))
    if isinstance(found, str):
        note(found)


def _run_folder(request: Request, work: Callable[[Job], object]) -> None:
    """Call the work for every image of a folder; report images that failed at the end, with exit code 1."""
    images, outputs = Path(request.image), Path(request.output)
    planes = None if request.plane is None else Path(request.plane)
    jobs, failures = pair_by_stem(images, planes, outputs, request.plane_name)
    _make_output_folder(outputs, [folder for folder in (images, planes) if folder is not None], request.bits)
    _note_ignored(images, planes, request.plane_name)
    files = [job.output for job in jobs if isinstance(job.output, Path)]
    if request.resume:
        clear_temporaries(files)
    unfinished = [job for job in jobs if not (request.resume and _is_written(job.output))]
    if request.description:
        note(request.description)
    try:
        outcomes = _run_with_progress(unfinished, work, request.workers)
    except KeyboardInterrupt:
        clear_temporaries(files)  # of workers that were ended
        raise
    for outcome in outcomes:
        for message in outcome.warnings:
            note(f"warning: {Path(str(outcome.job.image)).name}: {message}")
    failures += sorted(outcome.error for outcome in outcomes if outcome.error is not None)
    for failure in failures:
        note(f"error: {failure}")
    n_written = sum(outcome.error is None for outcome in outcomes)
    note(f"{n_written} written, {len(jobs) - len(unfinished)} already there, {len(failures)} failed")
    if failures:
        raise typer.Exit(1)


def _note_ignored(images: Path, planes: Path | None, plane_name: str) -> None:
    """Name every entry of the folders that is not taken, in a line for each reason."""
    lines = sentences(without_picture(images), images, "image")
    if planes is not None and not planes.samefile(images):
        ignored = without_picture(planes, plane_name) | without_partner(images, planes, plane_name)
        lines += sentences(ignored, planes, plane_name)
    for line in lines:
        note(line)


def _run_with_progress(jobs: list[Job], work: Callable[[Job], object], workers: int) -> list[Outcome]:
    """Run the jobs; show a progress bar if standard error is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("solving", total=len(jobs))
        with note_compilation(partial(note, console=progress.console)):
            return run_jobs(jobs, work, workers=workers, on_done=lambda _: progress.advance(task))


def _is_written(file: Path | BinaryIO) -> bool:
    return isinstance(file, Path) and file.is_file() and file.stat().st_size > 0


def _make_output_folder(outputs: Path, inputs: list[Path], bits: int) -> None:
    """Make the output folder if its parent exists; refuse one that is an input or cannot be written."""
    from hybridmatte.io.pictures import check_output

    for folder in inputs:
        if outputs.exists() and outputs.samefile(folder):
            raise ValueError(f"output {outputs} is also an input, expected another folder")
    if not outputs.exists():
        if outputs.suffix.lower() in INPUT_EXTENSIONS:
            raise NotADirectoryError(f"output {outputs} is named like a picture, expected a folder like the inputs")
        if not outputs.parent.is_dir():
            raise FileNotFoundError(f"output {outputs} lies in a folder that does not exist, expected an existing one")
        if not os.access(outputs.parent, os.W_OK):
            raise PermissionError(f"output {outputs} cannot be made, expected a writable folder around it")
        outputs.mkdir()
    elif not outputs.is_dir():
        raise NotADirectoryError(f"output {outputs} is a file, expected a folder like the inputs")
    if not os.access(outputs, os.W_OK):
        raise PermissionError(f"output {outputs} cannot be written to, expected a writable folder")
    check_output(outputs / "a.png", bits=bits)
