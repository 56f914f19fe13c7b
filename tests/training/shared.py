"""Samples for training, and the losses that a run has logged."""

from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hybridmatte.data import Sample
from tests.synthetic import soft_disk

BACKGROUNDS = [Sample("b", background=np.random.default_rng(0).random((70, 80, 3)).astype(np.float32))]


def disks(*parts: str, count: int = 3, shape: tuple[int, int] = (80, 90)) -> list[Sample]:
    """Return drawn disks with the parts asked for."""
    scenes = [soft_disk(shape, seed=seed) for seed in range(count)]
    samples = [
        Sample(
            f"disk {k}", image=scene.image, alpha=scene.alpha, trimap=scene.trimap, mask=np.float32(scene.alpha > 0.5)
        )
        for k, scene in enumerate(scenes)
    ]
    return [Sample(sample.name, **{part: getattr(sample, part) for part in parts}) for sample in samples]


def logged(folder: Path, name: str) -> dict[int, float]:
    """Return ``{step: value}`` of a number in the TensorBoard logs of a run. Later files replace earlier ones."""
    values = {}
    for file in sorted((folder / "logs").glob("events*"), key=lambda path: path.stat().st_mtime_ns):
        events = EventAccumulator(str(file))
        events.Reload()
        if name in events.Tags()["scalars"]:
            values.update({event.step: event.value for event in events.Scalars(name)})
    return values
