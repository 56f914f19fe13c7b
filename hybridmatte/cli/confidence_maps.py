"""``--confidence-map``: which files it names, and when it is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hybridmatte.batch.pairing import Job, is_name_pattern, named_for
from hybridmatte.cli.streams import destination

if TYPE_CHECKING:
    from hybridmatte.correction.weights import WeightsKind

__all__ = [
    "check_confidence_map",
    "check_first_map",
    "map_destination",
    "map_folder",
    "map_of_image",
    "with_confidence_maps",
]

OPTION = "--confidence-map"


def check_confidence_map(text: str | None, method: str | None, quality: str | None, weights: WeightsKind) -> None:
    """Refuse a confidence map for any other method than the quality "best", or if the weights cannot give one."""
    if text is None:
        return
    other = f"--method {method}" if method is not None else f"--quality {quality}"
    if method is not None or quality not in (None, "best"):
        raise ValueError(
            f"{OPTION} is {text}, expected none with {other}: only the quality best says how likely alpha is right"
        )
    from hybridmatte.correction.weights import load_correction_network

    load_correction_network(weights)


def map_of_image(text: str | None, image: str) -> str | None:
    """Return the name of the confidence map of a single image: the text, or what it names if it is a name pattern."""
    if text is None or not is_name_pattern(text):
        return text
    if image == "-":
        raise ValueError(f"{OPTION} {text} is a name pattern, expected a file, as the image is standard input")
    return str(_named(text, Path(image), Path(image).parent))


def map_destination(
    name: str | None, output: str, inputs: list[Path | BinaryIO], *, bits: int, force: bool
) -> Path | BinaryIO | None:
    """Return the confidence map of a single image, see `destination`; refuse the file of the output."""
    if name is None:
        return None
    if name == output or os.path.realpath(name) == os.path.realpath(output):
        raise ValueError(f"{OPTION} is {name}, expected another file than the output")
    return destination(name, inputs, bits=bits, force=force)


def map_folder(text: str | None) -> Path | None:
    """Return the folder of the confidence maps of many images; None for a name pattern, and without maps."""
    if text == "-":
        raise ValueError(f"{OPTION} is -, expected a folder or a name pattern for many images")
    return None if text is None or is_name_pattern(text) else Path(text)


def with_confidence_maps(jobs: list[Job], text: str | None, outputs: Path, root: Path) -> list[Job]:
    """Return the jobs of many images with the files of their confidence maps; outputs is the folder of the results.

    In a folder, maps are named as the results are in theirs. A name pattern names one file for each image; a relative
    one counts from the folder of the image, if the pattern's own folder lies there, and else from the working folder.
    root is the folder of the images.
    """
    if text is None:
        return jobs
    folder, named = map_folder(text), []
    for job in jobs:
        image, output = Path(str(job.image)), Path(str(job.output))
        path = _named(text, image, root) if folder is None else folder / output.relative_to(outputs)
        named.append(job._replace(confidence=path))
    _refuse_shared(named, text)
    return named


def check_first_map(jobs: list[Job], bits: int) -> None:
    """Refuse confidence maps whose names ask for a format that cannot hold them, by the first of them."""
    from hybridmatte.io.pictures import check_output

    paths = [job.confidence for job in jobs if isinstance(job.confidence, Path)]
    if paths:
        check_output(paths[0], bits=bits)


def _named(text: str, image: Path, root: Path) -> Path:
    """Return the file that a name pattern names for an image; its folder, but for the last part, must exist."""
    folder = Path(f"{text.partition('{')[0]}x").parent  # before the first field
    candidates = named_for(text, image, root, OPTION)
    beside = text.startswith("{parent}") or (image.parent / folder).is_dir()
    if not beside and not folder.parent.is_dir():
        raise FileNotFoundError(f"{OPTION} {text} lies in a folder that does not exist, expected an existing one")
    return candidates[0] if beside else candidates[-1]


def _refuse_shared(jobs: list[Job], text: str) -> None:
    """Refuse a confidence map that is also the output or the map of another image."""
    outputs = {os.path.realpath(str(job.output)): job for job in jobs}
    maps: dict[str, Job] = {}
    for job in jobs:
        real = os.path.realpath(str(job.confidence))
        if real in outputs:
            raise ValueError(f"{OPTION} {job.confidence} is also the output of {outputs[real].image}, expected another")
        if real in maps:
            raise ValueError(
                f"{OPTION} {text} names {job.confidence} for both {maps[real].image} and {job.image}, expected a "
                "pattern such as {parent}/{stem}_confidence.png"
            )
        maps[real] = job
