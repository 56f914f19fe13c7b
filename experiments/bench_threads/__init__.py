"""What a second thread and a second worker bring."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

METHODS = ("cf", "knn", "nonlocal", "sampling", "information_flow", "matte, fast", "matte", "matte_from_image")
PARTS = ("threads", "folder")


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    parts: tuple[str, ...] = option(PARTS, "threads of one process, or workers on a folder", choices=PARTS)
    methods: tuple[str, ...] = option(METHODS, "methods of the part threads", choices=METHODS)
    sides: tuple[int, ...] = option((160, 320, 800), "longer sides of the photographs, in pixels")
    rounds: int = option(5, "times that each is measured, in turn", minimum=1)
    pictures: int = option(200, "pictures of a folder", minimum=1)


EXPERIMENT = Experiment(
    name="bench_threads",
    question="What do more threads and more workers bring, and how much of a solve is serial?",
    cost="twenty minutes; the data folder",
    options=Options,
    packages=("numpy", "numba", "opencv-python-headless"),
)
