"""The time that the losses take in a training step."""

import time

import torch

from experiments.results import Row, make_row
from experiments.timing import summarise
from hybridmatte import networks
from hybridmatte.losses import ddc_loss, known_loss

REPEATS = 3
METHODS = {False: "step of ViTMatte-S", True: "step of ViTMatte-S with DDC"}


def measure_cost(size: str = "small", side: int = 512, batch: int = 1) -> list[Row]:
    """Return the rows of a training step of ViTMatte without and with DDC, forward and backward."""
    torch.manual_seed(0)
    network = networks.vitmatte(size, trimap=False).train()
    image, trimap = torch.rand(batch, 3, side, side), torch.randint(3, (batch, 1, side, side)) / 2
    seconds = {False: [], True: []}
    for _ in range(REPEATS + 1):
        for with_prior in seconds:
            network.zero_grad()
            start = time.perf_counter()
            alpha = network(image)
            loss = known_loss(alpha, trimap)
            if with_prior:
                loss = loss + 10 * ddc_loss(alpha, image)
            loss.backward()
            seconds[with_prior].append(time.perf_counter() - start)
    timings = {with_prior: summarise(times[1:]) for with_prior, times in seconds.items()}
    return [
        make_row(METHODS[with_prior], "cost", [batch, 3, side, side], median_s=timing.median_s, iqr_s=timing.iqr_s)
        for with_prior, timing in timings.items()
    ]
