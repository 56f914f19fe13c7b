"""``refine`` and ``decontaminate``: what can be done with an alpha that is already there."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hybridmatte.batch.jobs import decontaminated_file, refined_file
from hybridmatte.cli._cut import Image, Output, Resume, Workers, run_or_say
from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, Bits, MaxPixels

Alpha = Annotated[str, typer.Argument(metavar="ALPHA", help="Its alpha, or a folder with the same stems, or -.")]


def refine(
    image: Image,
    alpha: Annotated[str, typer.Argument(metavar="ALPHA", help="A network's or a segmenter's alpha, at any "
                                         "size of the same aspect ratio, or a folder with the same stems, or -.")],
    output: Output,
    trimap: Annotated[str | None, typer.Option("--trimap", metavar="FILE", help="What is known for certain and stays "
                                               "exact; of one image.")] = None,
    confidence: Annotated[float | None, typer.Option("--confidence", min=0, help="More follows ALPHA, less the image; "
                                                     "default 0.1.")] = None,
    bits: Bits = 8, workers: Workers = 1, resume: Resume = False, max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
):
    """Bring an alpha to the photograph's size and edges."""
    if trimap is not None and Path(image).is_dir():
        raise ValueError(f"--trimap is {trimap}, expected none for a folder of images")
    if trimap is not None and Path(trimap).absolute() == Path(output).absolute():
        raise ValueError(f"--output is {output}, which is also --trimap, expected another file")
    work = partial(refined_file, trimap=trimap, confidence=confidence, bits=bits, max_pixels=max_pixels)
    run_or_say(image, alpha, output, work, bits, workers, resume, False, name="alpha")


def decontaminate(image: Image, alpha: Alpha, output: Output, bits: Bits = 8, workers: Workers = 1,
                  resume: Resume = False, max_pixels: MaxPixels = DEFAULT_MAX_PIXELS):
    """Cut out by an alpha, its edges cleaned of the old background's colours."""
    work = partial(decontaminated_file, bits=bits, max_pixels=max_pixels)
    run_or_say(image, alpha, output, work, bits, workers, resume, True, name="alpha")
