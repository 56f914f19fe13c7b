"""The losses over similar pixels against their unfolded form, and the search alone against tensor operations."""

from collections.abc import Iterator

import torch

from experiments.bench_losses import FORMS, LOSSES
from experiments.bench_losses.forms import photograph, prepare
from experiments.gpu.measurement import copy_rate, describe_failure, device_row, measure_call, measured_row
from experiments.results import Row
from hybridmatte import window_topk
from hybridmatte.similarity._window_torch import topk_shifts

BATCH, SMALLER_BATCH, SIDE, WINDOW = 16, 4, 512, 11
ROUNDS = 15
SEARCHES = ("hybridmatte", "tensor operations")
HALF_RATE = 64  # comparisons, minima, maxima and selections that a multiprocessor does in a cycle
FULL_RATE = 128  # float32 additions and multiplications


def run_losses() -> Iterator[list[Row]]:
    """Yield the rows of the search, then of each loss; a smaller batch too where the unfolded form has no room."""
    yield search_rows()
    for loss in LOSSES:
        rows = loss_rows(loss, BATCH)
        yield rows
        if any(row["failed"] for row in rows):
            yield loss_rows(loss, SMALLER_BATCH)


def loss_rows(loss: str, batch: int) -> list[Row]:
    """Return time, memory and gradient of each form of a loss, forward and backward."""
    image = photograph(SIDE, batch).cuda()
    size = list(image.shape)
    subject = f"{' x '.join(map(str, size))}, K = {WINDOW}"
    found, gradients, failures = {}, {}, {}
    for form in FORMS:
        torch.cuda.empty_cache()
        try:
            found[form] = measure_call(prepare(form, loss, image, WINDOW), ROUNDS)
        except RuntimeError as problem:
            failures[form] = describe_failure(problem)
            continue
        gradients[form] = found[form].result[1].clone()
    rows, reference = [], gradients.get(FORMS[-1])
    for form in FORMS:
        if form in failures:
            rows.append(device_row("loss", loss, form, subject, size, failed=failures[form]))
            continue
        error = None
        if reference is not None:
            difference = (gradients[form] - reference).abs().sum() / reference.abs().sum()
            error = {"gradient": difference.item()}
        rows.append(measured_row("loss", loss, form, subject, size, found[form], error=error, failed=None))
    return rows


def search_rows() -> list[Row]:
    """Return time and memory of the search by the kernel and by tensor operations, and the kernel's floors."""
    image = photograph(SIDE, BATCH).cuda()
    size = list(image.shape)
    subject = f"{' x '.join(map(str, size))}, K = {WINDOW}"
    calls = (lambda: window_topk(image, WINDOW), lambda: topk_shifts(image, WINDOW, 0, WINDOW))
    ours, theirs = (measure_call(call, ROUNDS) for call in calls)
    differ = int((ours.result.offsets != theirs.result[1]).sum() + (ours.result.distances != theirs.result[0]).sum())
    floors = {"byte_floor_s": bytes_of_search(image) / copy_rate(), "arithmetic_floor_s": arithmetic_floor(image)}
    return [
        measured_row("search", "window_topk", form, subject, size, measured, error={"differ": differ}, **floors)
        for form, measured in zip(SEARCHES, (ours, theirs), strict=True)
    ]


def bytes_of_search(image: torch.Tensor) -> int:
    """Return the bytes of one reading of the image and one writing of distances and offsets."""
    pixels = image.numel() // 3
    return image.nbytes + 8 * WINDOW * pixels


def arithmetic_floor(image: torch.Tensor) -> float | None:
    """Return the seconds of the arithmetic alone at the device's highest clock, None where that is not known.

    Each place of a window costs 8 additions and multiplications, and for each kept neighbour a minimum, a maximum, a
    comparison and two selections.
    """
    properties = torch.cuda.get_device_properties(image.device)
    kilohertz = getattr(properties, "clock_rate", None)
    if not kilohertz:
        return None
    cycles = image.numel() // 3 * WINDOW**2 * (8 / FULL_RATE + 5 * WINDOW / HALF_RATE)
    return cycles / (properties.multi_processor_count * 1000 * kilohertz)
