"""What a batch on a Ray cluster costs, and what is left of it when parts of the cluster die."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import Options, option

PARTS = ("folder", "store", "cost", "jobs", "rate", "memory", "start", "local")


@dataclass(frozen=True, kw_only=True)
class ClusterOptions(Options):
    """Options of the experiment."""

    parts: tuple[str, ...] = option(PARTS, "parts to measure", choices=PARTS)
    count: int = option(2000, "photographs of a job that parts of the cluster leave", minimum=40)
    broken: int = option(20, "broken photographs among them", minimum=5)
    many: int = option(30, "photographs of 1 megapixel in the longer of two jobs that are compared", minimum=4)
    rounds: int = option(3, "repeats of what is timed", minimum=1)


EXPERIMENT = Experiment(
    name="cluster",
    question="Does a batch on a Ray cluster lose nothing when its parts die, and what does the cluster cost?",
    cost="an hour; extra cluster, and moto[server]",
    options=ClusterOptions,
    packages=("numpy", "numba", "ray", "s3fs", "moto"),
)
