"""Rows and metadata that tests of the experiments share."""

from experiments.registry import EXPERIMENTS
from experiments.results import RESULTS

METADATA = {"commit": "abc", "date": "2026-01-01", "versions": {"numpy": "2.0"}, "processor": "one", "threads": 2}
KEYS = ("bench", "method", "package", "peer", "subject")
RECORDED = [experiment for experiment in EXPERIMENTS.values() if (RESULTS / f"{experiment.name}.json").exists()]


def row(method="cf", subject="GT02 trimap1", package="hybridmatte", seconds=1.0, sad=4000.0, **more):
    return {
        "bench": "photographs",
        "method": method,
        "package": package,
        "peer": "PyMatting",
        "subject": subject,
        "size": 100,
        "median_s": seconds,
        "iqr_s": 0.0,
        "count": 3,
        "peak_mib": None,
        "error": {"sad": sad, "mse": 0.02},
        "warnings": [],
        **more,
    }
