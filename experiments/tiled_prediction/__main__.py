"""Measure the memory of `predict_alpha` by size of image and of tile."""

from pathlib import Path

from experiments.common import environment, merge_results, run_fresh

CASES = ((1.0, 1.5), (6.0, 6.5), (6.0, 1.0), (24.0, 1.0), (24.0, 0.25))  # megapixels of image and tile
THREADS = 2


def main():
    """Run every network and case in a process of its own."""
    metadata = environment(THREADS, names=("torch", "timm", "transformers", "numpy"))
    for method in ("unet resnet18", "vitmatte small"):
        for megapixels, tile in CASES:
            rows = run_fresh("experiments.tiled_prediction.worker",
                             [method, "--megapixels", megapixels, "--tile", tile], threads=THREADS)
            merge_results(Path(__file__).parent / "result.json", metadata, rows)
            for row in rows:
                print(f"| {row['method']} | {row['subject']} | {row['added_mib']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
