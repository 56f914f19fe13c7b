"""The networks of a seed, trained when they are first needed and kept."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from experiments.data_sets import training_photographs
from experiments.kept_networks import train_kept
from experiments.samples import FOLDS, alphamatting_samples, halved, people, predicted, with_foregrounds
from experiments.trimap_free_small import Options
from experiments.trimap_free_small.plain_segmentation import PlainSegmentation
from hybridmatte.data import Sample
from hybridmatte.networks import JointInference, MattingNetwork, load_network
from hybridmatte.training import read_config

NET_T, NET_M, REAL = (Path(__file__).with_name(name) for name in ("net_t.toml", "net_m.toml", "real.toml"))
FORMS_OF_NET_M = {
    "net_m": {},
    "not mined": {"hard_percent": 0.0},
    "not refined": {"refinement": False},
    "no attention": {"attention": False},
}
LONGER = 4  # times the steps


@lru_cache(maxsize=1)
def labelled(data: Path, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Return foregrounds to learn from, and the photographs of fold `seed` to score; no photograph is in both.

    Learned from are the eight other photographs of alphamatting, with true alphas, and animals, with predicted ones.
    """
    samples = [halved(sample) for sample in alphamatting_samples(data)]
    learned = [sample for index, sample in enumerate(samples) if index % FOLDS != seed % FOLDS]
    return with_foregrounds(learned + predicted(data, "animals")), samples[seed % FOLDS :: FOLDS]


class Networks:
    """The networks of one seed."""

    def __init__(self, seed: int, options: Options):
        self.seed, self.options, self._root = seed, options, options.kept / str(seed)

    def net_t(self, factor: int = 1) -> MattingNetwork:
        """Return Net-T, trained with `factor` times the steps."""
        return load_network(self._train("net_t", NET_T, factor))

    def plain(self, factor: int = 1) -> MattingNetwork:
        """Return the plain peer of Net-T, which no configuration names."""
        network = PlainSegmentation()
        network.load_state_dict(load_file(self._train("plain", NET_T, factor, self._new_plain) / "model.safetensors"))
        return network.eval()

    def net_m(self, form: str = "net_m", factor: int = 1) -> MattingNetwork:
        """Return a form of Net-M."""
        return load_network(self._train(form, NET_M, factor, **FORMS_OF_NET_M[form]))

    def joint(self, fusion: str = "soft", form: str = "net_m", factor: int = 1) -> JointInference:
        """Return Net-T and a form of Net-M joined."""
        return JointInference(self.net_t(factor), self.net_m(form, factor), fusion)

    def adapted(self, factor: int = 1, *, is_adversarial: bool = True) -> MattingNetwork:
        """Return the joined networks after adaptation to people, with or without a discriminator."""
        joint = self._folder("joint", factor)
        if not joint.is_dir():
            self.joint(factor=factor).save_pretrained(joint)
        name, changes = ("real", {}) if is_adversarial else ("real, not adversarial", {"discriminator_steps": 0})
        return load_network(
            train_kept(
                self._folder(name, factor),
                REAL,
                lambda: people(self.options.data)[0],
                self.options,
                backgrounds=training_photographs(self.options.data),
                seed=self.seed,
                init_from=str(joint),
                teacher=str(self._folder("net_m", factor) / "network"),
                **changes,
            )
        )

    def _folder(self, name: str, factor: int) -> Path:
        """Return the folder of a network by its name and the factor of its steps."""
        return self._root / (f"{name} longer" if factor > 1 else name)

    def _new_plain(self) -> PlainSegmentation:
        torch.manual_seed(self.seed)
        return PlainSegmentation()

    def _train(
        self,
        name: str,
        recipe: Path,
        factor: int,
        make_network: Callable[[], MattingNetwork] | None = None,
        **changes: Any,
    ) -> Path:
        """Return the folder of a network, trained now if it is not kept."""
        if factor > 1:
            config = read_config(recipe)
            changes |= {"epochs": factor * config.epochs, "warmup_steps": factor * config.warmup_steps}
        return train_kept(
            self._folder(name, factor),
            recipe,
            lambda: labelled(self.options.data, self.seed)[0],
            self.options,
            make_network=make_network,
            backgrounds=training_photographs(self.options.data),
            seed=self.seed,
            **changes,
        )
