"""The page from the recorded result."""

from experiments.bench_networks import SIZES
from experiments.results import Document
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the table of frames a second, and of their ratios to the largest network's."""
    rows = {(row["method"], row["subject"]): row for row in document["results"]}
    largest, (_, _, slowest) = next(iter(SIZES.items()))
    lines = []
    for name, (_, _, paper) in SIZES.items():
        torch, onnx = rows[name, "torch"], rows[name, "onnxruntime"]
        ratio = rows[largest, "onnxruntime"]["median_s"] / onnx["median_s"]
        lines.append(
            [
                name + mark([torch, onnx]),
                f"{torch['error']['parameters']:,}",
                f"{1 / torch['median_s']:.2f}",
                f"{1 / onnx['median_s']:.2f}",
                f"{ratio:.2f}",
                f"{paper / slowest:.2f}",
            ]
        )
    header = ["size", "parameters", "torch, frames a second", "ONNX Runtime", "ratio", "the paper's ratio"]
    return [table(header, lines)]
