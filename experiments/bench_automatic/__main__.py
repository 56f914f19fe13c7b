"""Time the way from a photograph of 1024 pixels and a mask of 320 to alpha and to a cut-out."""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from experiments.common import (
    add_data_argument,
    data_folder,
    environment,
    merge_results,
    positive_int,
    time_call,
    write_block,
)
from hybridmatte import estimate_foreground, matte_from_mask, read_alpha, read_image
from hybridmatte._validation import to_float
from hybridmatte.networks import JointInference, net_m, net_t

FOLDER = Path(__file__).parent
WAYS = {"closed form": (), "KNN": ("knn",), "Net-T and Net-M, tiny": ("tiny", "tiny"),
        "Net-T and Net-M, as published": ("resnet50", "resnet34")}


def main():
    """Measure, record, and write the table into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pairs = photographs(arguments.data)
    rows = [row_of(name, options, pairs) for name, options in WAYS.items() if name in arguments.ways]
    document = merge_results(FOLDER / "result.json", environment(arguments.threads, names=("numpy", "numba", "torch")),
                             rows)
    about = document["metadata"]
    lines = [f"| {row['method']} | {row['median_s']:.2f} | {row['error']['foreground_s']:.2f} |"
             for row in document["results"]]
    write_block(FOLDER / "README.md", [
        f"Commit {about['commit']}, {about['date']}, {about['processor']}, {about['threads']} threads.", "",
        "| way | s to alpha | s more to a cut-out |", "| --- | --- | --- |", *lines])


def photographs(data):
    """Return six photographs of 1024 pixels with masks of 320."""
    folder, pairs = data_folder(data) / "portraits", []
    for path in sorted((folder / "image").glob("*.jpg")):
        image = read_image(path)
        alpha = to_float(read_alpha(folder / "alpha_predicted" / f"{path.stem}.png"), "alpha")
        factor = 320 / max(alpha.shape)
        size = tuple(round(factor * side) for side in alpha.shape[::-1])
        pairs.append((image, cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) >= 0.5))
    return pairs


def row_of(name, options, pairs):
    """Return the row of medians over three calls, of these the mean over photographs."""
    torch.manual_seed(0)
    network = JointInference(net_t(options[0]), net_m(options[1])).eval() if len(options) == 2 else None
    method = options[0] if len(options) == 1 else None
    timings = [time_call(lambda: matte_from_mask(image, mask, method=method, network=network))  # noqa: B023
               for image, mask in pairs]
    more = [time_call(lambda: estimate_foreground(image, timing.result.alpha)).median_s  # noqa: B023
            for (image, _), timing in zip(pairs, timings, strict=True)]
    print(name, [round(timing.median_s, 2) for timing in timings], flush=True)
    return {"method": name, "subject": f"{len(pairs)} photographs", "size": list(pairs[0][0].shape[:2]),
            "median_s": float(np.mean([timing.median_s for timing in timings])),
            "iqr_s": float(np.mean([timing.iqr_s for timing in timings])), "peak_mib": None,
            "error": {"foreground_s": float(np.mean(more))}}


if __name__ == "__main__":
    main()
