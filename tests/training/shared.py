"""Samples for training, a small run in files, and the losses that a run has logged."""

from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hybridmatte.data import Sample
from hybridmatte.io.pictures import write_alpha, write_image
from tests.synthetic import soft_disk

CONFIG = """network = "unet"
size = "tiny"
trimap_input = true
crop = 64
batch_size = 2
epochs = 2
epoch_steps = 2
learning_rate = 1e-3
"""
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


def write_disks(folder: Path) -> Path:
    """Write run.toml, and to data the images, alphas and trimaps of three disks; return the folder."""
    (folder / "run.toml").write_text(CONFIG)
    for part in ("image", "alpha", "trimap"):
        (folder / "data" / part).mkdir(parents=True)
    for seed in range(3):
        scene = soft_disk((70, 90), seed=seed)
        write_image(folder / "data" / "image" / f"{seed}.png", scene.image)
        write_alpha(folder / "data" / "alpha" / f"{seed}.png", scene.alpha)
        write_alpha(folder / "data" / "trimap" / f"{seed}.png", scene.trimap)
    return folder


def logged(folder: Path, name: str) -> dict[int, float]:
    """Return ``{step: value}`` of a number in the TensorBoard logs of a run. Later files replace earlier ones."""
    values = {}
    for file in sorted((folder / "logs").glob("events*"), key=lambda path: path.stat().st_mtime_ns):
        events = EventAccumulator(str(file))
        events.Reload()
        if name in events.Tags()["scalars"]:
            values.update({event.step: event.value for event in events.Scalars(name)})
    return values
