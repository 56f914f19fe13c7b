"""Cut a flower out of a photograph: from image and trimap to alpha, cut-out and contact sheet."""

import os
from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import Options, option


@dataclass(frozen=True, kw_only=True)
class DemoOptions(Options):
    """Options of the demo."""

    threads: int = option(os.cpu_count() or 1, "CPU threads", minimum=1)
    output: Path = option(Path("demo_output"), "folder of the pictures")


EXPERIMENT = Experiment(
    name="demo",
    question="Does the whole way from a photograph and a trimap to a clean cut-out work on this machine?",
    cost="two to four minutes the first time, mostly compilation, then seconds; extra demo",
    options=DemoOptions,
    is_recorded=False,
)
