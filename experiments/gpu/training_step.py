"""The share of the DDC loss in a training step of ViTMatte-S without trimap, from random weights."""

from collections.abc import Callable, Iterator

import torch

from experiments.bench_losses.forms import photograph
from experiments.gpu.measurement import Measured, describe_failure, device_row, elapsed, measure_call, measured_row
from experiments.results import Row
from experiments.timing import summarise
from hybridmatte import networks
from hybridmatte.losses import ddc_loss, known_loss

FORMS = ("known", "known + 10 DDC")
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
BATCHES, SIDE, ROUNDS = (2, 8), 512, 20  # batch and crop of the recipe without alpha labels on AM-2K; a larger batch


def run_training() -> Iterator[list[Row]]:
    """Yield the rows of each batch and precision, without and with the loss."""
    for batch in BATCHES:
        for precision in PRECISIONS:
            yield training_rows(batch, precision)


def training_rows(batch: int, precision: str) -> list[Row]:
    """Return time and memory of a step without and with the loss, timed in turn, and the loss's share."""
    size = [batch, 3, SIDE, SIDE]
    subject = f"{' x '.join(map(str, size))}, {precision}"
    torch.cuda.empty_cache()
    try:
        steps = make_steps(batch, PRECISIONS[precision])
        found = {form: measure_call(step, 1, warm_up=3) for form, step in steps.items()}
        seconds = {form: [] for form in FORMS}
        for _ in range(ROUNDS):
            for form, step in steps.items():
                seconds[form].append(elapsed(step))
    except RuntimeError as problem:
        failed = describe_failure(problem)
        return [device_row("training", "vitmatte small", form, subject, size, failed=failed) for form in FORMS]
    timings = {form: summarise(times) for form, times in seconds.items()}
    share = 1 - timings[FORMS[0]].median_s / timings[FORMS[1]].median_s
    return [
        measured_row(
            "training",
            "vitmatte small",
            form,
            subject,
            size,
            Measured(None, timings[form], found[form].added_mib),
            error={"share": share},
            failed=None,
        )
        for form in FORMS
    ]


def make_steps(batch: int, dtype: torch.dtype | None) -> dict[str, Callable[[], None]]:
    """Return a training step of one network without and with the loss: forward, backward, AdamW."""
    torch.manual_seed(0)
    network = networks.vitmatte("small", trimap=False).cuda().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-6, fused=True)
    image = photograph(SIDE, batch).cuda()
    trimap = torch.randint(3, (batch, 1, SIDE, SIDE), device="cuda") / 2

    def step(with_prior: bool) -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=dtype, enabled=dtype is not None):
            alpha = network(image)
        alpha = alpha.float()
        loss = known_loss(alpha, trimap)
        if with_prior:
            loss = loss + 10 * ddc_loss(alpha, image)
        loss.backward()
        optimizer.step()

    return {form: lambda with_prior=form == FORMS[1]: step(with_prior) for form in FORMS}
