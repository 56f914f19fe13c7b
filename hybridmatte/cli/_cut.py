"""``matte`` and ``cutout``, on one image or a folder of them."""

import os
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Annotated

import typer

from hybridmatte.batch.jobs import Job, cutout_file, matte_file, pair_by_stem, run_jobs
from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, Bits, MaxPixels, destination, note, sources
from hybridmatte.errors import is_interrupt
from hybridmatte.io.pictures import check_output

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="Photograph, folder of them, or - for standard input.")]
Trimap = Annotated[str, typer.Argument(metavar="TRIMAP", help="Its trimap, or a folder with the same stems, or -.")]
Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="File or folder to write, or -.")]
Method = Annotated[str | None, typer.Option("--method", "-m", help="See: hybridmatte methods.")]
Quality = Annotated[str | None, typer.Option("--quality", "-q", help="best (default) or fast: best corrects "
                                             "fast, which is information flow alone. Not with --method.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes for a folder; each takes memory.")]
Resume = Annotated[bool, typer.Option("--resume", help="Skip what is already written, by whatever method.")]
PATIENCE = 4.0  # s of silence
STILL_WORKING = "still working"
COMPILING = "compiling, once for all runs to come; it takes a minute or two"
FLOW_PARTS = ("flow_from_known", "conjugate_gradients")  # of `hybridmatte.compilation.PARTS`
BEST_PARTS = (*FLOW_PARTS, "sampling", "network")


def matte(image: Image, trimap: Trimap, output: Output, method: Method = None, quality: Quality = None, bits: Bits = 8,
          workers: Workers = 1, resume: Resume = False, max_pixels: MaxPixels = DEFAULT_MAX_PIXELS):
    """Solve for alpha: how much of every pixel is the object."""
    work = _by(matte_file, method, quality, bits, max_pixels)
    run_or_say(image, trimap, output, work, bits, workers, resume, False, parts=_parts(method, quality))


def cutout(image: Image, trimap: Trimap, output: Output, method: Method = None, quality: Quality = None, bits: Bits = 8,
           workers: Workers = 1, resume: Resume = False, max_pixels: MaxPixels = DEFAULT_MAX_PIXELS):
    """Cut the object out as RGBA, its edges cleaned of the old background's colours."""
    work = _by(cutout_file, method, quality, bits, max_pixels)
    parts = (*_parts(method, quality), "colours")
    run_or_say(image, trimap, output, work, bits, workers, resume, True, parts=parts)


def _by(work, method, quality, bits, max_pixels):
    """Return the work of one file, with its options checked."""
    from hybridmatte.correction.matting import check_way

    method, quality = check_way(method, quality)
    return partial(work, method=method, quality=quality, bits=bits, max_pixels=max_pixels)


def _parts(method, quality):
    """Return the names of what can be compiled ahead."""
    if method is not None:
        return ()
    return FLOW_PARTS if quality == "fast" else BEST_PARTS


def checked(method):
    """Return the name of a method that exists."""
    from hybridmatte.automatic.mattes import check_method

    return check_method(method)


def run_or_say(*arguments, **options):
    """Run; say on Ctrl-C what is left, and leave."""
    try:
        _run(*arguments, **options)
    except (KeyboardInterrupt, Exception) as error:
        if not is_interrupt(error):
            raise
        note("interrupted; what is written is whole, and --resume goes on from there")
        raise typer.Exit(130) from None


def _run(image, plane, output, work, bits, workers, resume, transparent, name="trimap", parts=()):
    """Do one image, whose error is the command's; or a folder, whose bad files are reported at the end."""
    if Path(image).is_dir():
        _run_folder(Path(image), None if plane is None else Path(plane), Path(output), work, bits, workers, resume,
                    name, parts)
        return
    if workers > 1:
        raise ValueError(f"workers is {workers}, expected 1 for a single image")
    if resume and output != "-" and _is_written(Path(output)):
        note(f"{output} is already written")
        return
    inputs = sources(image, *[plane] * (plane is not None))
    target = destination(output, inputs, bits=bits, transparent=transparent)
    job = Job(inputs[0], None if plane is None else inputs[1], target)
    with patient(parts, STILL_WORKING):
        work(job)


@contextmanager
def patient(parts, word=None, say=note):
    """Say a word, if any, after a while; and as soon as code is seen being compiled that too, and let others help."""
    done = Event()
    with ExitStack() as helpers:
        watcher = Thread(target=_watch, args=(done, helpers, parts, word, say), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _watch(done, helpers, parts, word, say):
    from hybridmatte.compilation import compiling_ahead, is_compiling

    while not done.wait(PATIENCE):
        if is_compiling():
            say(COMPILING)
            helpers.enter_context(compiling_ahead(parts))
            return
        if word is not None:
            say(word)
            word = None


def _is_written(path):
    return path.is_file() and path.stat().st_size > 0


def _run_folder(images, planes, outputs, work, bits, workers, resume, name, parts):
    from rich.console import Console
    from rich.progress import Progress

    jobs, failures = pair_by_stem(images, planes, outputs, name)
    _prepare(outputs, [folder for folder in (images, planes) if folder is not None], bits)
    finished = {job for job in jobs if resume and _is_written(job.output)}
    left = [job for job in jobs if job not in finished]
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("solving", total=len(left))
        with patient(parts, say=partial(note, console=progress.console)):
            outcomes = run_jobs(left, work, workers=workers, on_done=lambda _: progress.advance(task))
    for outcome in outcomes:
        for message in outcome.warnings:
            note(f"warning: {Path(outcome.job.image).name}: {message}")
    failures += sorted(outcome.error for outcome in outcomes if outcome.error is not None)
    for failure in failures:
        note(f"error: {failure}")
    written = sum(outcome.error is None for outcome in outcomes)
    note(f"{written} written, {len(finished)} already there, {len(failures)} failed")
    if failures:
        raise typer.Exit(1)


def _prepare(outputs, inputs, bits):
    """Make the output folder if its parent exists; refuse one that is an input or cannot be written."""
    for folder in inputs:
        if outputs.exists() and outputs.samefile(folder):
            raise ValueError(f"output {outputs} is also an input, expected another folder")
    if not outputs.exists():
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
