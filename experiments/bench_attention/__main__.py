"""Count and time the attention of Net-M and of GCA-Matting at an input of 512 x 512 (Table 6)."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from experiments.common import (
    environment,
    merge_results,
    peak_mib,
    positive_int,
    run_fresh,
    summarise,
    write_block,
)
from hybridmatte.networks.guided_attention import GuidedAttention
from hybridmatte.networks.nonlocal_matting import NonlocalAttention

FOLDER = Path(__file__).parent
CHANNELS, PLACES, ROUNDS = 128, 64, 15  # of the features at 1/8 of 512 x 512
CONVOLUTIONS = ("aten.convolution", "aten.convolution_backward")
NAMES = ("Net-M, one block", "GCA, two blocks")
PASSES = ("forward", "forward and backward")


def main():
    """Measure in fresh processes, record, and write the table into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.worker:
        print(json.dumps({"mib": added_mib(*arguments.worker)}))
        return
    seconds = timings()
    rows = [row_of(name, direction, seconds[name, direction], arguments.threads)
            for name in NAMES for direction in PASSES]
    document = merge_results(FOLDER / "result.json", environment(arguments.threads, names=("torch",)), rows)
    write_report(document)


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
    """Return seconds of each round, the blocks in turn."""
    made, seconds = {name: blocks(name) for name in NAMES}, {}
    for _ in range(ROUNDS + 1):
        for name in NAMES:
            for direction in PASSES:
                start = time.perf_counter()
                call(*made[name], direction)
                seconds.setdefault((name, direction), []).append(time.perf_counter() - start)
    return {key: values[1:] for key, values in seconds.items()}


def row_of(name, direction, seconds, threads):
    """Return one row: operations, time and memory."""
    attentions, arguments = blocks(name)
    with FlopCounterMode(display=False) as counter:
        call(attentions, arguments, direction)
    counts = {str(operation): count for operation, count in counter.get_flop_counts()["Global"].items()}
    convolved = sum(count for operation, count in counts.items() if operation.startswith(CONVOLUTIONS))
    timing = summarise(np.array(seconds))
    mib = run_fresh("experiments.bench_attention", ["--threads", threads, "--worker", name, direction],
                    threads=threads)[0]["mib"]
    return {"method": name, "subject": direction, "size": [512, 512], "median_s": timing.median_s,
            "iqr_s": timing.iqr_s, "peak_mib": mib,
            "error": {"parameters": sum(p.numel() for block in attentions for p in block.parameters()),
                      "flops": sum(counts.values()), "flops_convolutions": convolved}}


def added_mib(name, direction):
    """Return by how much a pass raises this process's peak."""
    attentions, arguments = blocks(name)
    before = peak_mib()
    call(attentions, arguments, direction)
    return peak_mib() - before


def write_report(document):
    """Write the table into README.md."""
    about, lines = document["metadata"], []
    for row in document["results"]:
        counts = row["error"]
        cells = [row["method"], row["subject"], f"{counts['parameters']:,}", f"{counts['flops'] / 1e9:.3f}",
                 f"{counts['flops_convolutions'] / 1e9:.3f}", f"{1e3 * row['median_s']:.1f}", f"{row['peak_mib']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    write_block(FOLDER / "README.md", [
        f"Commit {about['commit']}, {about['date']}, {about['processor']}, {about['threads']} threads.", "",
        "| blocks | pass | parameters | GFLOPs | of these convolutions | ms | MiB |",
        "| --- | --- | --- | --- | --- | --- | --- |", *lines])


if __name__ == "__main__":
    main()
