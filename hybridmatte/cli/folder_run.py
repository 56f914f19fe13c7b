"""Run a command on one image or on a folder of images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer
from rich.progress import Progress

from hybridmatte.automatic.found import Findings, summarize_dropped, summarize_guessed
from hybridmatte.batch.pairing import Job, is_many, pair, partner_of
from hybridmatte.batch.pool import Outcome, run_jobs
from hybridmatte.cli.compilation_note import note_compilation
from hybridmatte.cli.confidence_maps import (
    check_first_map,
    map_destination,
    map_folder,
    map_of_image,
    with_confidence_maps,
)
from hybridmatte.cli.reports import Used, begin_report, finish_report, is_quiet, report_findings, write_report
from hybridmatte.cli.resuming import form_of, is_written, note_finished
from hybridmatte.cli.streams import NoteConsole, complain, destination, note, refuse_overwriting, sources
from hybridmatte.errors import is_interrupt
from hybridmatte.io.files import clear_temporaries

if TYPE_CHECKING:
    from hybridmatte.batch.budget import Budget

__all__ = ["Request", "planned", "run"]

TASKS_WITHOUT_METHOD = ("reading", "refine", "decontaminate", "composite", "trimap")
MAP_BYTES = 8  # a pixel, for a confidence map: the map, and the trimap that its summary needs
INTERRUPTED = "interrupted; finished files are complete, and --resume continues from there"


class Request(NamedTuple):
    """The arguments of a command that takes one image or a folder of images.

    plane is the trimap, mask or alpha, as plane_name says, or None; transparent tells whether RGBA is written.
    description, if there is one, is printed before the work, and says how it is done; so is the sentence on a default
    output. tasks are what a job does, see `hybridmatte.batch.budget.Budget`; with force, files are overwritten, and no
    job is refused for its memory. kind is what the images are, if not photographs, see `pair`. confidence_map is what
    ``--confidence-map`` gives. weights are those that a job uses, for reports; None if it uses none.
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
    tasks: tuple[str, ...] = ("reading",)
    force: bool = False
    background: str | None = None
    recursive: bool = False
    image_name: str = "image"
    default_output: str = ""
    kind: str = ""
    confidence_map: str | None = None
    weights: str | None = None

    def announce(self) -> None:
        """Print which output was chosen, and how the work is done."""
        for line in (self.default_output, self.description):
            if line:
                note(line)

    @property
    def method(self) -> str | None:
        """The name of the method or quality, if one was chosen."""
        return next((task for task in self.tasks if task not in TASKS_WITHOUT_METHOD), None)

    @property
    def used(self) -> Used:
        """The method or quality and the weights, for reports."""
        return Used(self.method, self.weights)

    @property
    def held(self) -> int:
        """Bytes a pixel that are held beside the tasks, see `hybridmatte.batch.budget.Budget`."""
        return 0 if self.confidence_map is None else MAP_BYTES

    @property
    def form(self) -> str:
        """The channels and bits that the command writes."""
        return form_of(bits=self.bits, transparent=self.transparent, is_alpha=self.background is None)


_plans: ContextVar[list[tuple[Request, Callable[..., object]]] | None] = ContextVar("plans", default=None)


def planned(command: Callable[[], object]) -> tuple[Request, Callable[..., object]]:
    """Return what a command would run, and the work of one image, without running it; `batch` runs it elsewhere."""
    plans: list[tuple[Request, Callable[..., object]]] = []
    token = _plans.set(plans)
    try:
        command()
    finally:
        _plans.reset(token)
    return plans[0]


def run(request: Request, work: Callable[..., object]) -> None:
    """Call the work for one image, or for every image of a folder; Ctrl-C ends with a note and exit code 130.

    The work takes a Job and a `Budget` as ``budget``.
    """
    plans = _plans.get()
    if plans is not None:
        plans.append((request, work))
        return
    try:
        if is_many(request.image):
            _run_folder(request, work)
        else:
            _run_image(request, work)
    except (KeyboardInterrupt, Exception) as error:
        if not is_interrupt(error):
            raise
        complain(INTERRUPTED)
        raise typer.Exit(130) from None


def _run_image(request: Request, work: Callable[..., object]) -> None:
    """Call the work for one image; its error ends the command."""
    from hybridmatte.batch.budget import budget_for

    if request.workers > 1:
        raise ValueError(f"workers is {request.workers}, expected 1 for a single image")
    if request.recursive:
        raise ValueError(
            f"--recursive is given with {request.image}, expected a folder or a pattern such as 'in/*.jpg'"
        )
    begin_report(request.image, request.output, request.used)
    request = request._replace(confidence_map=map_of_image(request.confidence_map, request.image))
    if request.resume and _is_finished(request):
        request._replace(description="").announce()
        note_finished([Path(request.output)], request.form)
        finish_report(status="skipped")
        return
    names = [request.image]
    if request.plane is not None:
        names.append(partner_of(request.plane, request.image, request.plane_name))
    inputs, background = sources(*names), None
    if request.background is not None:
        behind = partner_of(request.background, request.image, "background")
        background = Path(behind) if os.path.isfile(behind) else behind
    files = [*inputs, background] if isinstance(background, Path) else inputs
    options = {"bits": request.bits, "force": request.force or request.resume}
    target = destination(request.output, files, transparent=request.transparent, **options)
    confidence = map_destination(request.confidence_map, request.output, files, **options)
    request.announce()
    budget = budget_for(request.tasks, force=request.force, held=request.held, say=note)
    job = Job(inputs[0], inputs[1] if len(inputs) > 1 else None, target, background, confidence)
    with note_compilation():
        findings = work(job, budget=budget)
    if isinstance(findings, Findings):
        _note_findings(findings)
        report_findings(findings)


def _is_finished(request: Request) -> bool:
    """Tell whether all files of one image are there; remove what an interrupted run left of them."""
    names = [name for name in (request.output, request.confidence_map) if name is not None]
    if "-" in names:
        return False
    files = [Path(name) for name in names]
    _refuse_inputs_as_outputs([request.image, request.plane], files)
    clear_temporaries(files)
    return all(map(is_written, files))


def _note_findings(findings: Findings) -> None:
    """Print what a command has to say of one image."""
    for sentence in (findings.description, *findings.sentences):
        if sentence is not None:
            note(sentence)
    for warning in findings.warnings:
        note(f"warning: {warning}")


def _run_folder(request: Request, work: Callable[..., object]) -> None:
    """Call the work for every image of a folder; report images that failed at the end, with exit code 1."""
    jobs, problems = _paired(request)
    files = [file for job in jobs for file in (job.output, job.confidence) if isinstance(file, Path)]
    _refuse_inputs_as_outputs([part for job in jobs for part in (job.image, job.plane, job.background)], files)
    refuse_overwriting(files, force=request.force or request.resume)
    if request.resume:
        clear_temporaries(files)
    finished = [
        job
        for job in jobs
        if request.resume and is_written(job.output) and (job.confidence is None or is_written(job.confidence))
    ]
    done = set(finished)
    unfinished = [job for job in jobs if job not in done]
    request.announce()
    budget = _budget_of(request, unfinished)
    for folder in {file.parent for file in files}:
        folder.mkdir(parents=True, exist_ok=True)
    check_first_map(jobs, request.bits)
    _report_the_rest(finished, problems, request.used)
    try:
        outcomes = _run_with_progress(unfinished, partial(work, budget=budget), request.workers, request.used)
    except KeyboardInterrupt:
        clear_temporaries(files)  # of workers that were ended
        raise
    _note_warnings(outcomes)
    failed = sorted(outcome.error for outcome in outcomes if outcome.error is not None)
    for failure in failed:
        complain(f"error: {failure}")
    note_finished([job.output for job in finished if isinstance(job.output, Path)], request.form)
    n_failed = len(problems) + len(failed)
    n_written = sum(outcome.error is None for outcome in outcomes)
    note(f"{n_written} written, {len(jobs) - len(unfinished)} already there, {n_failed} failed")
    if n_failed:
        raise typer.Exit(1)


def _note_warnings(outcomes: list[Outcome]) -> None:
    """Print the warnings of a folder's images; one line for all whose correction was dropped, one for all guessed."""
    guessed: dict[str, float] = {}
    dropped: list[str] = []
    is_found = False
    for outcome in outcomes:
        name = Path(str(outcome.job.image)).name
        for message in outcome.warnings:
            note(f"warning: {name}: {message}")
        if outcome.findings is not None and outcome.findings.guessed:
            guessed[name] = outcome.findings.guessed
        if outcome.findings is not None and outcome.findings.is_dropped:
            dropped.append(name)
            is_found = outcome.findings.found is not None
    if dropped:
        note(f"warning: {summarize_dropped(dropped, is_found=is_found)}")
    if guessed:
        note(f"warning: {summarize_guessed(guessed)}")


def _refuse_inputs_as_outputs(inputs: Iterable[object], files: list[Path]) -> None:
    """Refuse a run that would write over a file that one of its jobs reads, even with --force."""
    read = {os.path.realpath(part) for part in inputs if isinstance(part, (Path, str))}
    for file in files:
        if os.path.realpath(file) in read:
            raise ValueError(f"output {file} is also an input, expected another")


def _budget_of(request: Request, jobs: list[Job]) -> Budget:
    """Return the budget of each job of a folder; refuse too many workers, and say how much memory large jobs take."""
    from hybridmatte.batch.budget import budget_for, check_workers

    workers = max(min(request.workers, len(jobs)), 1)
    budget = budget_for(request.tasks, workers, force=request.force, held=request.held)
    statement = check_workers(jobs, budget)
    if statement is not None:
        note(statement)
    return budget


def _paired(request: Request) -> tuple[list[Job], dict[Path, str]]:
    """Return the jobs, and a sentence for each image without one; print these images and the files that are not taken.

    The output folder is made if its parent exists.
    """
    from hybridmatte.batch.folders import make_output_folder

    if request.output == "-":
        raise ValueError("output is -, expected a folder for many images")
    maps = map_folder(request.confidence_map)
    pairing = pair(
        request.image,
        request.plane,
        request.output,
        request.plane_name,
        background=request.background,
        recursive=request.recursive,
        image_name=request.image_name,
        kind=request.kind,
        without=maps,
    )
    jobs = with_confidence_maps(pairing.jobs, request.confidence_map, Path(request.output), pairing.folders[0])
    make_output_folder(Path(request.output), pairing.folders, request.bits)
    if maps is not None:
        make_output_folder(maps, pairing.folders, request.bits, "--confidence-map")
    for line in pairing.ignored:
        note(line)
    for problem in pairing.problems.values():
        complain(f"error: {problem}")
    return jobs, pairing.problems


def _run_with_progress(jobs: list[Job], work: Callable[[Job], object], workers: int, used: Used) -> list[Outcome]:
    """Run the jobs; show a progress bar if standard error is a terminal, and report each as JSON if that is chosen."""
    console = NoteConsole()
    with Progress(console=console, transient=True, disable=is_quiet() or not console.is_terminal) as progress:
        task = progress.add_task("solving", total=len(jobs))

        def on_done(outcome: Outcome) -> None:
            progress.advance(task)
            for sentence in () if outcome.findings is None else outcome.findings.sentences:
                note(f"{Path(str(outcome.job.image)).name}: {sentence}", progress.console)
            _report(outcome.job, used, "written" if outcome.error is None else "failed", outcome)

        with note_compilation(partial(note, console=progress.console)):
            return run_jobs(jobs, work, workers=workers, on_done=on_done)


def _report_the_rest(skipped: list[Job], problems: dict[Path, str], used: Used) -> None:
    """Report the files of a folder that are not worked on: those that are there, and those that have no partner."""
    for job in skipped:
        _report(job, used, "skipped")
    for image, problem in problems.items():
        write_report(str(image), None, used, "failed", 0.0, problem)


def _report(job: Job, used: Used, status: str, outcome: Outcome | None = None) -> None:
    """Report one file of a folder."""
    given = (0.0, None, None) if outcome is None else (outcome.seconds, outcome.error, outcome.findings)
    write_report(str(job.image), str(job.output), used, status, *given)
