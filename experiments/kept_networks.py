"""Networks that an experiment trains once and keeps in a folder."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments.options import TrainingOptions
from hybridmatte.data import Sample
from hybridmatte.networks import MattingNetwork
from hybridmatte.training import read_config, train


def train_kept(
    folder: Path,
    recipe: Path,
    samples: Callable[[], Sequence[Sample] | Path],
    options: TrainingOptions,
    *,
    make_network: Callable[[], MattingNetwork] | None = None,
    backgrounds: Path | None = None,
    workers: int = 0,
    **changes: Any,
) -> Path:
    """Train a network unless `folder` keeps it; an interrupted training goes on. Return the folder of the network.

    Parameters
    ----------
    folder : Path
        Folder of the training run.
    recipe : Path
        Configuration in TOML; `changes` replace its values.
    samples : callable
        Returns the samples to learn from, or their folder; called only to train.
    options : TrainingOptions
    make_network : callable, optional
        Returns a network that no configuration names.
    backgrounds : Path, optional
        Photographs to composite the samples over.
    workers : int, default 0
        Processes that prepare crops.
    """
    if not (folder / "network").is_dir():
        start = time.perf_counter()
        network = None if make_network is None else make_network()
        train(
            read_config(recipe, **changes),
            samples(),
            folder,
            network=network,
            precision=options.precision,
            progress=False,
            backgrounds=backgrounds,
            workers=workers,
            resume=(folder / "checkpoints" / "last.ckpt").exists(),
        )
        print(f"trained {folder} in {time.perf_counter() - start:.0f} s", flush=True)
    return folder / "network"
