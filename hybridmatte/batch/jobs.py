"""Run one piece of work over many files: pair them by stem, spread them over processes, collect what failed."""

import os
import time
import warnings
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from hybridmatte._validation import to_float
from hybridmatte.errors import is_interrupt
from hybridmatte.io.pictures import (
    EXTENSIONS,
    MAX_PIXELS,
    check_output,
    read_alpha,
    read_image,
    read_profile,
    read_trimap,
    write_alpha,
    write_image,
)
from hybridmatte.trimap import refuse_labels

__all__ = ["Job", "Outcome", "automatic_file", "blended_file", "cutout_file", "decontaminated_file", "load_automatic",
           "load_joint", "load_teacher", "matte_file", "pair_by_stem", "pictures_in", "refined_file", "run_jobs"]


class Job(NamedTuple):
    """One image, its trimap or mask, and the file to write; paths, or binary streams for the first two or the last."""

    image: Path
    plane: Path
    output: Path


class Outcome(NamedTuple):
    """What became of a job: seconds taken, warnings given, and the error as one sentence, or None."""

    job: Job
    seconds: float
    warnings: tuple
    error: str | None


def matte_file(job, *, method=None, quality=None, bits=8, max_pixels=MAX_PIXELS):
    """Solve one job's alpha by a method or a quality, see `hybridmatte.matte`, and write it as a grey picture."""
    from hybridmatte.correction.matting import matte_by

    image, trimap = _read(job, max_pixels)
    write_alpha(job.output, matte_by(image, trimap, method, quality), bits=bits)


def cutout_file(job, *, method=None, quality=None, bits=8, max_pixels=MAX_PIXELS):
    """Cut one job's object out and write it as RGBA, in the colour profile of its image."""
    from hybridmatte.foreground import cutout

    image, trimap = _read(job, max_pixels)
    cut = cutout(image, trimap, method=method, quality=quality)
    write_image(job.output, cut, bits=bits, profile=read_profile(job.image))


def refined_file(job, *, trimap=None, confidence=None, bits=8, max_pixels=MAX_PIXELS):
    """Bring one job's alpha to its image's size and edges; trimap is a path."""
    from hybridmatte.automatic.refinement import refine

    _check_output(job)
    image, alpha = read_image(job.image, max_pixels=max_pixels), read_alpha(job.plane, max_pixels=max_pixels)
    known = None if trimap is None else read_trimap(trimap, max_pixels=max_pixels)
    write_alpha(job.output, refine(image, alpha, known, confidence=confidence), bits=bits)


def decontaminated_file(job, *, bits=8, max_pixels=MAX_PIXELS):
    """Cut one job's object out by its alpha, in the colour profile of its image."""
    from hybridmatte.foreground import decontaminate

    _check_output(job)
    image, alpha = read_image(job.image, max_pixels=max_pixels), read_alpha(job.plane, max_pixels=max_pixels)
    write_image(job.output, decontaminate(image, alpha), bits=bits, profile=read_profile(job.image))


def automatic_file(job, *, method=None, network=None, erode=None, dilate=None, invert=False, matte=False, bits=8,
                   max_pixels=MAX_PIXELS):
    """Cut one job's object out by its mask, see `hybridmatte.matte_from_mask`; return the trimap found.

    network is a name for `hybridmatte.networks.load_network`, loaded once a process; matte writes alpha alone. Without
    a mask, see `hybridmatte.matte_alone`, whose own network needs no name.
    """
    from hybridmatte.automatic.mattes import matte_alone, matte_from_mask
    from hybridmatte.foreground import decontaminate

    _check_output(job)
    image = read_image(job.image, max_pixels=max_pixels)
    if job.plane is None:
        found = matte_alone(image, None if network is None else load_automatic(network), method=method, erode=erode,
                            dilate=dilate)
    else:
        mask = to_float(read_alpha(job.plane, max_pixels=max_pixels), "mask")
        found = matte_from_mask(image, 1 - mask if invert else mask, method=method,
                                network=None if network is None else load_joint(network), erode=erode, dilate=dilate)
    if matte:
        write_alpha(job.output, found.alpha, bits=bits)
    else:
        cut = decontaminate(image, found.alpha)
        write_image(job.output, cut, bits=bits, profile=read_profile(job.image))
    return found.trimap


def blended_file(job, *, network, bits=8, max_pixels=MAX_PIXELS):
    """Write the blended label of one job's image and mask; see `hybridmatte.networks.predict_labels`."""
    from hybridmatte.networks import predict_labels

    _check_output(job)
    image, mask = read_image(job.image, max_pixels=max_pixels), read_alpha(job.plane, max_pixels=max_pixels)
    refuse_labels(mask, "mask")
    write_alpha(job.output, predict_labels(load_teacher(network), image, to_float(mask, "mask")), bits=bits)


@lru_cache(maxsize=1)
def _load_once(name):
    from hybridmatte.networks import load_network

    return load_network(name)


def load_automatic(name):
    """Return the network of that name, which must be one from the image alone."""
    from hybridmatte.networks import MattingNetwork

    network = _load_once(name)
    if not isinstance(network, MattingNetwork) or network.takes_trimap:
        raise ValueError(f"network {name} is a {type(network).__name__} that takes a trimap or a mask, expected one "
                         "from the image alone, or --mask")
    return network


def load_teacher(name):
    """Return the network of that name, which must have a boundary head."""
    network = _load_once(name)
    if not getattr(network, "has_boundary", False):
        raise ValueError(f"network {name} has no boundary head, expected one trained with boundary = true")
    return network


def load_joint(name):
    """Return the network of that name, which must be one that takes a mask."""
    from hybridmatte.networks import JointInference

    network = _load_once(name)
    if not isinstance(network, JointInference):
        raise ValueError(f"network {name} is a {type(network).__name__}, expected a JointInference, which takes a mask")
    return network


def pictures_in(folder, name="folder"):
    """Return the pictures of a folder by stem, and the sentences on stems that occur twice.

    Parameters
    ----------
    folder : str or path
        Its files ending in .png, .jpg, .tif or .webp count; hidden files and sub-folders do not.
    name : str, default "folder"
        What the folder is to the caller, for error messages.

    Returns
    -------
    pictures : dict
        Stem to path, sorted; without the doubtful stems.
    problems : dict
        Stem to sentence.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{name} {folder} does not exist, expected a folder")
    if not folder.is_dir():
        raise NotADirectoryError(f"{name} {folder} is a file, expected a folder like the others")
    pictures, problems = {}, {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in EXTENSIONS or path.name.startswith(".") or not path.is_file():
            continue
        if path.stem in pictures:
            problems[path.stem] = f"{name} has both {pictures[path.stem].name} and {path.name}, expected one a stem"
        pictures[path.stem] = path
    return {stem: path for stem, path in pictures.items() if stem not in problems}, problems


def pair_by_stem(images, planes, outputs, name="trimap"):
    """Pair the pictures of two folders by their stems.

    Parameters
    ----------
    images, planes : str or path
        Folders of pictures; ``cat.jpg`` goes with ``cat.png``.
    outputs : str or path
        Folder of the results, each ``<stem>.png``.
    name : {"trimap", "mask", "alpha"}, default "trimap"
        What the planes are, for messages. Where planes is None, each job's is.

    Returns
    -------
    jobs : list of Job
        Sorted by stem.
    problems : list of str
        A sentence for every image that cannot be paired.

    Raises
    ------
    OSError
        If a folder is missing.
    ValueError
        If there is no image at all.
    """
    image_of, problems = pictures_in(images, "image")
    plane_of, plane_problems = (dict.fromkeys(image_of), {}) if planes is None else pictures_in(planes, name)
    if not image_of and not problems:
        raise ValueError(f"image {images} holds no picture, expected files ending in {', '.join(EXTENSIONS)}")
    jobs = []
    for stem, path in image_of.items():
        if stem in plane_of:
            jobs.append(Job(path, plane_of[stem], Path(outputs, f"{stem}.png")))
        else:
            problems[stem] = plane_problems.get(stem, f"image {path} has no {name} in {planes}, expected {stem}.png")
    return jobs, [problems[stem] for stem in sorted(problems)]


def run_jobs(jobs, work, *, workers=1, on_done=None):
    """Do some work for every job; a job that fails, even one that takes its process along, stops no other.

    Parameters
    ----------
    jobs : list of Job
        What to do.
    work : callable
        Takes a job; must be picklable if workers is above 1.
    workers : int, default 1
        Number of processes. Each gets an equal share of the processor's threads; 1 works in this process.
    on_done : callable, optional
        Takes each Outcome as it comes, in this process.

    Returns
    -------
    outcomes : list of Outcome
        In the order of completion.
    """
    outcomes = []

    def done(outcome):
        outcomes.append(outcome)
        if on_done is not None:
            on_done(outcome)

    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            done(attempt(work, job))
        return outcomes
    left = _pooled(jobs, work, min(workers, len(jobs)), done)
    for job in left:  # a process died with them: one each, to tell the guilty from the innocent
        if _pooled([job], work, 1, done):
            done(Outcome(job, 0.0, (), f"{Path(job.image).name}: its process died (out of memory?), expected a result"))
    return outcomes


def attempt(work, job):
    """Do one job; return its outcome, with any error as one sentence."""
    start, error = time.perf_counter(), None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            work(job)
        except Exception as problem:  # noqa: BLE001 - whatever ails one file must not stop the rest; it is reported
            if is_interrupt(problem):
                raise KeyboardInterrupt from None
            error = f"{Path(str(job.image)).name}: " + " ".join(str(problem).split() or [type(problem).__name__])
    messages = tuple(" ".join(str(warning.message).split()) for warning in caught)
    return Outcome(job, time.perf_counter() - start, messages, error)


def _pooled(jobs, work, workers, done):
    """Run jobs in a fresh pool; return those left when a process of it died."""
    threads = max(1, (os.cpu_count() or 1) // workers)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_limit_threads, initargs=(threads,))
    left = dict.fromkeys(jobs)
    try:
        pending = {pool.submit(attempt, work, job): job for job in jobs}
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                done(future.result())
                del left[pending.pop(future)]
    except BrokenProcessPool:
        return list(left)
    finally:
        pool.shutdown(cancel_futures=True)
    return []


def _limit_threads(threads):
    """Share the processor out among the workers; Numba and OpenCV read this when they are first imported."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ[name] = str(threads)


def _check_output(job):
    """Refuse a file that is also an input or cannot be written."""
    if isinstance(job.output, Path):
        check_output(job.output, inputs=[path for path in job[:2] if isinstance(path, Path)])


def _read(job, max_pixels):
    """Read a job's image and trimap, refusing first what would make the work useless."""
    _check_output(job)
    return read_image(job.image, max_pixels=max_pixels), read_trimap(job.plane, max_pixels=max_pixels)
