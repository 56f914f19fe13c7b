"""Count and time the attention of Net-M and of GCA-Matting at an input of 512 x 512 (Table 6 of the paper)."""

import time
from collections.abc import Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

from experiments.bench_attention import NAMES, PASSES
from experiments.fresh_process import call_fresh, peak_mib
from experiments.options import Options
from experiments.results import Row, make_row
from experiments.timing import summarise
from hybridmatte.networks.guided_attention import GuidedAttention
from hybridmatte.networks.nonlocal_matting import NonlocalAttention

CHANNELS, PLACES, ROUNDS = 128, 64, 15  # of the features at 1/8 of 512 x 512
CONVOLUTIONS = ("aten.convolution", "aten.convolution_backward")


def run(options: Options) -> Iterator[list[Row]]:
    """Time all in turn in this process; measure the memory of each in a fresh process."""
    torch.set_num_threads(options.threads)
    for (name, direction), seconds in timings().items():
        memory = call_fresh(added_mib, name, direction, threads=options.threads)
        timing = summarise(seconds)
        yield [
            make_row(
                name,
                direction,
                [512, 512],
                counts(name, direction),
                median_s=timing.median_s,
                iqr_s=timing.iqr_s,
                peak_mib=memory,
            )
        ]


def blocks(name):
    """Return the blocks of a network in training mode, and what they are called with."""
    torch.manual_seed(0)
    features = torch.randn(1, CHANNELS, PLACES, PLACES, requires_grad=True)
    unknown = torch.zeros(1, 1, PLACES, PLACES, dtype=torch.bool)
    unknown[:, :, 16:40] = True
    if name == NAMES[0]:
        return [NonlocalAttention(CHANNELS)], (features, unknown)
    guidance = torch.randn(1, CHANNELS, PLACES, PLACES, requires_grad=True)
    return [GuidedAttention(CHANNELS, CHANNELS) for _ in range(2)], (guidance, features, unknown[:, :, ::2, ::2])


def call(attentions, arguments, direction):
    """Run all blocks on the same features."""
    if direction == "forward":
        with torch.no_grad():
            plain = [tensor.detach() for tensor in arguments]
            return [attention.eval()(*plain) for attention in attentions]
    results = [attention.train()(*arguments) for attention in attentions]
    sum(result.sum() for result in results).backward()
    return results


def timings():
    """Return the seconds of each round, `{(name, direction): seconds}`, all measured in turn."""
    made, seconds = {name: blocks(name) for name in NAMES}, {}
    for _ in range(ROUNDS + 1):
        for name in NAMES:
            for direction in PASSES:
                start = time.perf_counter()
                call(*made[name], direction)
                seconds.setdefault((name, direction), []).append(time.perf_counter() - start)
    return {key: values[1:] for key, values in seconds.items()}


def counts(name, direction):
    """Return the numbers of parameters and of operations."""
    attentions, arguments = blocks(name)
    with FlopCounterMode(display=False) as counter:
        call(attentions, arguments, direction)
    found = {str(operation): count for operation, count in counter.get_flop_counts()["Global"].items()}
    convolved = sum(count for operation, count in found.items() if operation.startswith(CONVOLUTIONS))
    return {
        "parameters": sum(p.numel() for block in attentions for p in block.parameters()),
        "flops": sum(found.values()),
        "flops_convolutions": convolved,
    }


def added_mib(name, direction):
    """Return by how much a pass raises the peak memory of this process, in MiB."""
    attentions, arguments = blocks(name)
    before = peak_mib()
    call(attentions, arguments, direction)
    return peak_mib() - before
