"""Work on a folder of pictures from Python: with progress, and a way to cancel."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from hybridmatte._validation import check_choice, check_integer
from hybridmatte.automatic.found import Findings
from hybridmatte.automatic.from_image import matte_found
from hybridmatte.automatic.from_mask import matte_given
from hybridmatte.automatic.registry import DEFAULT_SEGMENTER, load_segmenter, refuse_bundled
from hybridmatte.batch.pairing import Job, pair_folders
from hybridmatte.batch.pool import Outcome, run_jobs
from hybridmatte.batch.segmenter_work import find_by_name
from hybridmatte.batch.work import (
    FileOptions,
    automatic_file,
    cutout_file,
    decontaminated_file,
    matte_file,
    refined_file,
)
from hybridmatte.correction.matting import QUALITIES, check_method_or_quality
from hybridmatte.correction.weights import RESEARCH, WeightsKind, check_weights
from hybridmatte.io.files import clear_temporaries
from hybridmatte.io.formats import INPUT_EXTENSIONS
from hybridmatte.io.pictures import check_output

__all__ = ["FolderResult", "make_output_folder", "run_folder"]

Task = Literal["matte", "cutout", "auto", "refine", "decontaminate"]
Progress = Callable[[int, int, str, str | None], object]
PLANES = {"matte": "trimap", "cutout": "trimap", "auto": "mask", "refine": "alpha", "decontaminate": "alpha"}
EXISTING = ("refuse", "skip", "overwrite")


class _Outcomes(NamedTuple):
    """The four fields of a `FolderResult`."""

    written: list[Path]
    skipped: list[Path]
    errors: list[str]
    is_cancelled: bool


class FolderResult(_Outcomes):
    """What became of a folder: a tuple of four, with two attributes more.

    Attributes
    ----------
    written : list of path
        Files that were written, in the order of completion.
    skipped : list of path
        Files that existed, with ``existing="skip"``.
    errors : list of str
        One sentence for each image that failed or has no partner.
    is_cancelled : bool
        Whether the run was cancelled before its last job.
    ignored : sequence of str
        Sentences that count and name the files of the folders that are not taken: other files than pictures, trimaps,
        masks or alphas without an image, and results of other runs, such as ``cat_cutout.png`` beside ``cat.jpg``.
    findings : mapping of path to Findings
        Of "auto", for each written file: ``found`` (`share`, `certain`; None with masks), ``correction`` and
        ``guessed``, see `AutomaticResult`.
    """

    ignored: Sequence[str] = ()
    findings: Mapping[Path, Findings] = MappingProxyType({})

    def _replace(self, /, **changes: Any) -> FolderResult:
        """Return a copy with other fields, as of every named tuple; the attributes stay."""
        replaced = super()._replace(**changes)
        replaced.ignored, replaced.findings = self.ignored, self.findings
        return replaced

    __replace__ = _replace  # for `copy.replace` of Python 3.13


def run_folder(
    task: Task,
    images: str | PathLike[str],
    planes: str | PathLike[str] | None,
    outputs: str | PathLike[str],
    *,
    method: str | None = None,
    workers: int = 1,
    existing: Literal["refuse", "skip", "overwrite"] = "refuse",
    bits: int = 8,
    progress: Progress | None = None,
    cancel: Event | None = None,
    weights: WeightsKind = RESEARCH,
) -> FolderResult:
    """Do one task for every picture of a folder, as the command of that name does.

    Every result is written whole or not at all. An image that fails stops no other. Memory is not checked; see
    `hybridmatte.memory_needed`.

    Parameters
    ----------
    task : {"matte", "cutout", "auto", "refine", "decontaminate"}
        What to do: see `hybridmatte.matte`, `hybridmatte.cutout`, `hybridmatte.matte_from_mask` (whose cut-out is
        written), `hybridmatte.refine` and `hybridmatte.decontaminate`.
    images, planes : str or path
        Folders of photographs and of their trimaps ("matte", "cutout"), masks ("auto") or alphas, with the same stems.
        planes is None for "auto" without masks: the bundled segmenter finds the objects, as in `matte_from_image`.
    outputs : str or path
        Folder of the results, each ``<stem>.png``. It is made if the folder around it exists.
    method : str, optional
        One of `hybridmatte.METHODS`, or a quality of `hybridmatte.matte`. Default: as for the
        function. Not for "refine" and "decontaminate".
    workers : int, default 1
        Number of processes. With more than one, the calling script needs ``if __name__ == "__main__":``.
    existing : {"refuse", "skip", "overwrite"}, default "refuse"
        What to do with results that exist: raise an error before anything is solved, leave them, or replace them.
    bits : {8, 16}, default 8
        Bits a channel of the results.
    progress : callable, optional
        Called in this process as ``progress(done, total, name, error)`` after each file: the number of files that are
        finished, the number of all that are to be done, the image's name, and a sentence or None. If it returns False,
        the run is cancelled.
    cancel : threading.Event, optional
        Cancels the run when it is set, from any thread. No other file is begun; those under way are finished.
    weights : {"research", "free"}, default "research"
        As for the function; "free" lets nothing run that was learned from research data, so that "auto" needs masks and
        does not correct them. "refine" and "decontaminate" use no weights.

    Returns
    -------
    result : FolderResult
        The files written and skipped, the errors, and whether the run was cancelled; as attributes the files not taken
        and the findings of "auto".

    Raises
    ------
    OSError
        If a folder is missing or cannot be written; FileExistsError if a result exists.
    ValueError
        If an option is not as described, planes is None for another task than "auto" or with free weights, or there is
        no image.

    Examples
    --------
    >>> from threading import Event
    >>> run_folder("matte", "photos", "trimaps", "alphas", progress=print, cancel=Event())  # doctest: +SKIP
    1 2 cat.jpg None
    2 2 dog.jpg None
    """
    check_choice(task, "task", list(PLANES))
    work = _work_of(task, method, check_weights(weights), bits, has_planes=planes is not None)
    check_integer(workers, "workers", low=1)
    check_choice(existing, "existing", EXISTING)
    jobs, problems, ignored, _ = pair_folders(images, planes, outputs, PLANES[task])
    make_output_folder(Path(outputs), [Path(folder) for folder in (images, planes) if folder is not None], bits)
    is_there = {job: Path(str(job.output)).is_file() for job in jobs}
    if existing == "refuse" and any(is_there.values()):
        name = next(job.output for job in jobs if is_there[job])
        raise FileExistsError(
            f"outputs has {sum(is_there.values())} of {len(jobs)} files already ({name}, ...), expected none, or "
            "existing='skip' or 'overwrite'"
        )
    skipped = [job for job in jobs if existing == "skip" and is_there[job]]
    todo = [job for job in jobs if job not in skipped]
    run = _Run(len(todo), progress, Event() if cancel is None else cancel)
    try:
        outcomes = run_jobs(todo, work, workers=workers, on_done=run.collect, is_cancelled=run.is_cancelled)
    except BaseException:  # such as Ctrl-C, or an error of `progress`, which ends the processes
        clear_temporaries([Path(str(job.output)) for job in todo])
        raise
    result = FolderResult(
        [Path(str(outcome.job.output)) for outcome in outcomes if outcome.error is None],
        [Path(str(job.output)) for job in skipped],
        [*problems.values(), *(outcome.error for outcome in outcomes if outcome.error is not None)],
        len(outcomes) < len(todo),
    )
    result.ignored = ignored
    result.findings = {Path(str(done.job.output)): done.findings for done in outcomes if done.findings is not None}
    return result


class _Run:
    """Count finished jobs, tell of them, and know whether the run is cancelled."""

    def __init__(self, total: int, progress: Progress | None, cancel: Event) -> None:
        self.done, self.total, self.progress, self.cancel, self.is_ended = 0, total, progress, cancel, False

    def collect(self, outcome: Outcome) -> None:
        """Tell of one job."""
        self.done += 1
        if self.progress is not None:
            answer = self.progress(self.done, self.total, Path(str(outcome.job.image)).name, outcome.error)
            self.is_ended = self.is_ended or answer is False

    def is_cancelled(self) -> bool:
        """Return whether no other job is to be begun."""
        return self.is_ended or self.cancel.is_set()


def _work_of(
    task: str, method: str | None, weights: WeightsKind, bits: int, *, has_planes: bool
) -> Callable[[Job], object]:
    """Return the function of one job."""
    files = FileOptions(check_choice(bits, "bits", (8, 16)))
    if not has_planes and task != "auto":
        raise ValueError(f"planes is None, expected the folder of the {PLANES[task]}s for {task}")
    if task in ("refine", "decontaminate"):
        if method is not None:
            raise ValueError(f"method is {method!r}, expected none for {task}")
        return partial(refined_file if task == "refine" else decontaminated_file, files=files)
    by_quality = method is None or method in QUALITIES
    name, quality = check_method_or_quality(None if by_quality else method, method if by_quality else None)
    options: dict[str, Any] = {"method": name, "quality": quality, "weights": weights}
    if task == "auto" and not has_planes:
        refuse_bundled(load_segmenter(DEFAULT_SEGMENTER), weights)
        estimate = partial(matte_found, segmenter=DEFAULT_SEGMENTER, **options)
        find = partial(find_by_name, name=DEFAULT_SEGMENTER)
        return partial(automatic_file, estimate=estimate, find=find, files=files)
    if task == "auto":
        return partial(automatic_file, estimate=partial(matte_given, **options), files=files)
    return partial(matte_file if task == "matte" else cutout_file, **options, files=files)


def make_output_folder(outputs: Path, inputs: list[Path], bits: int = 8, name: str = "output") -> None:
    """Make the output folder if its parent exists; refuse one that is an input or cannot be written.

    name is what the folder is, for messages.
    """
    for folder in inputs:
        if outputs.exists() and outputs.samefile(folder):
            raise ValueError(f"{name} {outputs} is also an input, expected another folder")
    if not outputs.exists():
        if outputs.suffix.lower() in INPUT_EXTENSIONS:
            raise NotADirectoryError(f"{name} {outputs} is named like a picture, expected a folder like the inputs")
        if not outputs.parent.is_dir():
            raise FileNotFoundError(f"{name} {outputs} lies in a folder that does not exist, expected an existing one")
        if not os.access(outputs.parent, os.W_OK):
            raise PermissionError(f"{name} {outputs} cannot be made, expected a writable folder around it")
        outputs.mkdir()
    elif not outputs.is_dir():
        raise NotADirectoryError(f"{name} {outputs} is a file, expected a folder like the inputs")
    if not os.access(outputs, os.W_OK):
        raise PermissionError(f"{name} {outputs} cannot be written to, expected a writable folder")
    check_output(outputs / "a.png", bits=bits)
