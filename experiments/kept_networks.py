"""Networks that an experiment trains once and keeps in a folder."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments.options import TrainingOptions
from hybridmatte.data import Sample
from hybridmatte.networks import MattingNetwork
from hybridmatte.training import TrainingConfig, read_config, train
from hybridmatte.training.run_folder import value_before


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

    A network that is kept from another configuration raises ValueError.

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
    config = read_config(recipe, **changes)
    if (folder / "network").is_dir():
        refuse_other(folder, config)
    else:
        start = time.perf_counter()
        network = None if make_network is None else make_network()
        train(
            config,
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


def refuse_other(folder: Path, config: TrainingConfig) -> None:
    """Raise ValueError if a kept network was trained with another configuration.

    An option that its file lacks had the value of `value_before`.
    """
    before = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(config.options()))
    kept = before | {name: value_before(before, name, config) for name in wanted}
    different = sorted(name for name in kept if kept[name] != wanted.get(name))
    if different:
        came = ", ".join(f"{name} = {kept.get(name)!r}" for name in different)
        expected = ", ".join(f"{name} = {wanted.get(name)!r}" for name in different)
        raise ValueError(f"{folder} keeps a network of {came}, expected {expected}: give another folder as --kept")
