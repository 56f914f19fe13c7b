"""Measure the memory of `predict_alpha` by size of image and of tile."""

import argparse
from pathlib import Path

from experiments.common import environment, merge_results, run_fresh

CASES = {  # megapixels of image and tile; six at once would take ViTMatte's attention over 10 GiB
    "unet resnet18": ((1.0, 1.5), (6.0, 6.5), (6.0, 1.0), (24.0, 1.0)),
    "vitmatte small": ((1.0, 1.5), (6.0, 1.0), (24.0, 1.0)),
}
THREADS = 2


def main():
    """Run every case asked for in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=list(CASES), default=list(CASES))
    arguments = parser.parse_args()
    metadata = environment(THREADS, names=("torch", "timm", "transformers", "numpy"))
    for method in arguments.networks:
        for megapixels, tile in CASES[method]:
            rows = run_fresh("experiments.tiled_prediction.worker",
                             [method, "--megapixels", megapixels, "--tile", tile], threads=THREADS)
            merge_results(Path(__file__).parent / "result.json", metadata, rows)
            for row in rows:
                print(f"| {row['method']} | {row['subject']} | {row['added_mib']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
