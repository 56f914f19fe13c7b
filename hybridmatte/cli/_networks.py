"""``train``, ``predict`` and ``export``."""

import logging
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hybridmatte.batch.jobs import blended_file, load_teacher
from hybridmatte.cli._cut import Output as FolderOutput
from hybridmatte.cli._cut import Resume, Workers, run_or_say
from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, Bits, MaxPixels, Output, destination, note, sources
from hybridmatte.io.pictures import read_image, read_trimap, write_alpha

Network = Annotated[str, typer.Argument(metavar="NETWORK", help="Folder of a network, or OWNER/NAME on the hub.")]
Picture = Annotated[str, typer.Argument(metavar="IMAGE", help="Photograph.")]
KnownTrimap = Annotated[str | None, typer.Argument(metavar="[TRIMAP]", help="For networks that take one.")]


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to do: flat TOML, see docs/training.md.")],
    data: Annotated[str, typer.Option("--data", help="Where the data set lies; see docs/training.md for streams.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")],
    devices: Annotated[int, typer.Option("--devices", min=1, help="Processes or GPUs on each node.")] = 1,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Machines.")] = 1,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes preparing crops, a device.")] = 0,
    precision: Annotated[str, typer.Option("--precision", help="32-true, bf16-mixed, 16-mixed.")] = "32-true",
    backgrounds: Annotated[Path | None, typer.Option("--backgrounds", help="Photographs to composite over.")] = None,
    validation: Annotated[Path | None, typer.Option(
        "--validation", help="Folder with image, alpha and perhaps trimap and mask: scored after every epoch.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
):
    """Train a network: checkpoints, logs for TensorBoard and the network go to the run's folder."""
    from hybridmatte._validation import check_choice
    from hybridmatte.training import read_config

    check_choice(precision, "--precision", ("32-true", "bf16-mixed", "16-mixed"))
    try:
        settings = read_config(config)
    except TypeError as error:
        raise ValueError(str(error)) from None
    from hybridmatte.training import is_first_process, open_scored
    from hybridmatte.training import train as run

    scored = None if validation is None else open_scored("folder", validation)
    try:
        with _noted():
            run(settings, data, output, devices=devices, nodes=nodes, workers=workers, precision=precision,
                backgrounds=backgrounds, validation=scored, resume=resume)
    except KeyboardInterrupt:
        kept = (Path(output) / "checkpoints" / "last.ckpt").is_file()
        goes_on = f"--resume goes on from the last checkpoint in {output}"
        note(f"interrupted; {goes_on if kept else 'there is no checkpoint yet'}")
        raise typer.Exit(130) from None
    if is_first_process():
        note(f"the network is in {output / 'network'}; see its progress with: tensorboard --logdir {output}")


@contextmanager
def _noted():
    """Say what the package logs for a while."""
    log, notes = logging.getLogger("hybridmatte"), _Notes()
    level = log.level
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(notes)
        log.setLevel(level)


class _Notes(logging.Handler):
    """Say what the package logs."""

    def emit(self, record):
        """Say one record."""
        note(record.getMessage())


def predict(network: Network, image: Picture, trimap: KnownTrimap = None, *, output: Output, bits: Bits = 8,
            max_pixels: MaxPixels = DEFAULT_MAX_PIXELS):
    """Estimate alpha by a network."""
    from hybridmatte.networks import predict_alpha

    inputs = _inputs(image, trimap)
    target = destination(output, inputs, bits=bits)
    write_alpha(target, predict_alpha(_matting_network(network), *_read(inputs, max_pixels)), bits=bits)


def export(network: Network, image: Picture, trimap: KnownTrimap = None, *, output: Output,
           max_pixels: MaxPixels = DEFAULT_MAX_PIXELS):
    """Write a network as ONNX, checked against torch on a photograph."""
    from hybridmatte.networks import export_onnx

    pixels = _read(_inputs(image, trimap), max_pixels)
    difference = export_onnx(_matting_network(network), output, *pixels)
    note(f"{output} gives the same alpha to {difference:.1e}")


def blend(
    network: Annotated[str, typer.Argument(metavar="TEACHER", help="Folder of a network with a boundary head.")],
    image: Annotated[str, typer.Argument(metavar="IMAGES", help="Folder of photographs, or one.")],
    mask: Annotated[str, typer.Argument(metavar="MASKS", help="Folder of masks with the same stems, or one.")],
    output: FolderOutput, bits: Bits = 8, workers: Workers = 1, resume: Resume = False,
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
):
    """Write blended labels: the teacher's alpha on its boundary, the mask (white from 50% on) elsewhere."""
    load_teacher(network)  # once for all, and before anything is written
    work = partial(blended_file, network=network, bits=bits, max_pixels=max_pixels)
    run_or_say(image, mask, output, work, bits, workers, resume, False, name="mask")


def benchmark_network(
    network: Network,
    size: Annotated[int, typer.Option("--size", min=32, help="Side of the image, pixels.")] = 512,
    threads: Annotated[int, typer.Option("--threads", min=0, help="Of the processor; 0 for all.")] = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Frames to time.")] = 10,
):
    """Say how many frames a second a network makes on this processor, by torch and by ONNX Runtime."""
    from hybridmatte.networks import measure_speed  # says what to install

    loaded = _matting_network(network)
    import torch

    if threads:
        torch.set_num_threads(threads)
    speed = measure_speed(loaded, size=size, count=count)
    note(f"{size} x {size}, {torch.get_num_threads()} threads, median of {count} frames: {speed.torch:.2f} frames a "
         f"second by torch, {speed.onnxruntime:.2f} by ONNX Runtime")


def _matting_network(name):
    """Return the network of that name, which must be one from an image, and perhaps a trimap, to alpha."""
    from hybridmatte.networks import MattingNetwork, load_network

    network = load_network(name)
    if not isinstance(network, MattingNetwork):
        raise ValueError(f"network {name} is a {type(network).__name__}, which takes a mask, expected one from image "
                         "and trimap to alpha; a joint network is for: hybridmatte auto")
    return network


def _inputs(image, trimap):
    return sources(image, *[trimap] * (trimap is not None))


def _read(inputs, max_pixels):
    """Return the image, and the trimap if there is one."""
    return [read(path, max_pixels=max_pixels) for read, path in zip((read_image, read_trimap), inputs, strict=False)]
