"""Measure the parts asked for on the CUDA device; without one, say so."""

import time
from collections.abc import Iterator

import torch

from experiments.gpu import EXPERIMENT, PAPERS, PARTS, GpuOptions
from experiments.results import Row
from experiments.runner import result_path


def run(options: GpuOptions) -> Iterator[list[Row]]:
    """Yield the rows of each part as they come. Without a device, a page without a record becomes "not measured"."""
    if not torch.cuda.is_available():
        if not result_path(EXPERIMENT, options.output).exists():
            yield []
        print("gpu: there is no CUDA device, so nothing is measured; what was recorded before stays.")
        return
    from experiments.gpu.device_tests import run_device_tests
    from experiments.gpu.paper_trainings import run_paper_trainings
    from experiments.gpu.similar_pixels import run_losses
    from experiments.gpu.solvers import run_solvers
    from experiments.gpu.training_step import run_training

    torch.set_num_threads(options.threads)
    parts, deadline = PARTS if options.all else options.parts, time.monotonic() + options.seconds
    if "tests" in parts:
        yield run_device_tests(options.threads)
    if "losses" in parts:
        yield from run_losses()
    if "training" in parts:
        yield from run_training()
    if "solvers" in parts:
        yield from run_solvers(deadline)
    if PAPERS in parts:
        yield from run_paper_trainings(deadline, options.threads, options.output)
