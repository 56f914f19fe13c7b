"""What the losses cost in a training step."""

import time

import numpy as np
import torch

from hybridmatte import networks
from hybridmatte.losses import ddc_loss, known_loss

REPEATS = 3


def measure_cost(size="small", side=512, batch=1):
    """Return median seconds of a step of ViTMatte without and with DDC, forward and backward, on two threads."""
    torch.set_num_threads(2)
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
    return tuple(float(np.median(times[1:])) for times in seconds.values())
