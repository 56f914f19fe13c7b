"""Measure frames a second of the U-Net's three sizes at 512 x 512, by torch and by ONNX Runtime."""

import argparse
from pathlib import Path

import torch

from experiments.common import environment, merge_results, positive_int, write_block
from hybridmatte.networks import measure_speed, unet

FOLDER = Path(__file__).parent
SIDE, FRAMES = 512, 20
SIZES = {  # encoder, width, and the paper's frames a second on its processor
    "ResNet-101": ("resnet101", 1.0, 5.0),
    "ResNet-18": ("resnet18", 1.0, 18.7),
    "ResNet-18, half": ("resnet18", 0.5, 43.7),
}


def main():
    """Measure, record, and write the table into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=positive_int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for name, (encoder, width, _) in SIZES.items():
        network = unet(encoder, width=width).eval()
        speed = measure_speed(network, size=SIDE, count=FRAMES)
        rows += [{"method": name, "subject": runtime, "size": [SIDE, SIDE], "median_s": 1 / rate, "iqr_s": None,
                  "peak_mib": None, "error": {"parameters": sum(p.numel() for p in network.parameters())}}
                 for runtime, rate in zip(("torch", "onnxruntime"), speed[:2], strict=True)]
    metadata = environment(arguments.threads, names=("torch", "onnxruntime"))
    write_report(merge_results(FOLDER / "result.json", metadata, rows))


def write_report(document):
    """Write the table into README.md; ratios are to the largest."""
    about = document["metadata"]
    rates = {(row["method"], row["subject"]): 1 / row["median_s"] for row in document["results"]}
    counts = {row["method"]: row["error"]["parameters"] for row in document["results"]}
    largest, (_, _, slowest) = next(iter(SIZES.items()))
    lines = [f"Commit {about['commit']}, {about['date']}, {about['processor']}, {about['threads']} threads.", "",
             "| size | parameters | torch, frames a second | ONNX Runtime | ratio | the paper's ratio |",
             "| --- | --- | --- | --- | --- | --- |"]
    for name, (_, _, paper) in SIZES.items():
        torch_rate, onnx_rate = rates[name, "torch"], rates[name, "onnxruntime"]
        lines.append(f"| {name} | {counts[name]:,} | {torch_rate:.2f} | {onnx_rate:.2f} | "
                     f"{onnx_rate / rates[largest, 'onnxruntime']:.2f} | {paper / slowest:.2f} |")
    write_block(FOLDER / "README.md", lines)


if __name__ == "__main__":
    main()
