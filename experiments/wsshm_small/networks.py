"""The networks of a seed, trained when they are first needed and kept, and their scores."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.data_sets import training_photographs
from experiments.kept_networks import train_kept
from experiments.mattes import read_mattes
from experiments.people_scores import PEOPLE_SIDE, boundary_correlation, boundary_overlap, mean_square, predict_small
from experiments.results import Row, make_row
from experiments.samples import held_out_composites, people, people_and_faces, predicted
from experiments.wsshm_small import Options
from hybridmatte.data import Sample
from hybridmatte.networks import MattingNetwork, load_network

SEGMENTATION, MATTE, BLENDING = (
    Path(__file__).with_name(f"{name}.toml") for name in ("segmentation", "matte", "blending")
)
LONGER = {SEGMENTATION: {"epochs": 40}, BLENDING: {"epochs": 8}}  # 20 : 1 : 2 with the teacher's, as in the paper
ARCHITECTURE = ("network", "size", "pretrained", "boundary")  # options that a student passes on to its first weights


class Networks:
    """The networks of one seed, by the numbers of masks and mattes that they learn from.

    Parameters
    ----------
    seed : int
    options : Options
    is_longer : bool
        Whether pre-training and students are as long against the teacher's training as the paper's are.
    """

    def __init__(self, seed: int, options: Options, *, is_longer: bool = False):
        self.seed, self._options, self._mattes, self._scores = seed, options, {}, {}
        self._folder = options.kept / str(seed) / "longer" if is_longer else options.kept / str(seed)
        self._lengths = LONGER if is_longer else {}

    def pretrained(self, count: int, **changes: Any) -> Path:
        """Return the folder of a network pre-trained on masks."""
        name = f"pre-trained {count} {changes.get('network', 'unet')}"
        return self._train(name, SEGMENTATION, lambda: self._people(count), **self._start(changes), **changes)

    def teacher(self, count: int, amount: str, **changes: Any) -> Path:
        """Return the folder of a network trained on mattes, from one pre-trained on masks if there are any."""
        network = architecture(changes)
        start = {"init_from": str(self.pretrained(count, **network))} if count else self._start(changes)
        weight = f" {changes['boundary_weight']:g}" if "boundary_weight" in changes else ""
        name = f"teacher{weight} {count} {amount} {changes.get('network', 'unet')}"
        return self._train(
            name,
            MATTE,
            lambda: self._foregrounds(amount),
            backgrounds=training_photographs(self._options.data),
            **start,
            **changes,
        )

    def student(
        self,
        count: int,
        amount: str,
        name: str = "student",
        teacher_changes: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Path:
        """Return the folder of a network trained on blended labels."""
        teacher = self.teacher(count, amount, **(teacher_changes or {}))
        weight = f" of{teacher.parent.name.removeprefix('teacher')}" if teacher_changes else ""
        return self._train(
            f"{name} {count} {amount}{weight}",
            BLENDING,
            lambda: self._people(count),
            teacher=str(teacher),
            init_from=str(self.pretrained(count, **architecture(changes))),
            **changes,
        )

    def control(self, count: int, name: str = "student", **changes: Any) -> Path:
        """Return the folder of a student of masks alone, trained as those of blended labels are."""
        return self.student(count, "all", name=f"{name}, masks alone,", mask_only=True, **changes)

    def row(self, name: str, folder: Path) -> Row:
        """Return the row of a network's scores."""
        if folder not in self._scores:
            self._scores[folder] = score(load_network(folder), self._options.data)
        count = len(predicted(self._options.data, "portraits"))
        return make_row(name, f"seed {self.seed}", count, self._scores[folder])

    def _start(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the encoder's first weights, unless the changes choose them."""
        return {} if "pretrained" in changes else {"pretrained": self._options.encoder}

    def _people(self, count: int) -> Sequence[Sample]:
        """Return so many photographs of people with masks to learn from."""
        return people_and_faces(self._options.data, count)

    def _foregrounds(self, amount: str) -> list[Sample]:
        if amount not in self._mattes:
            self._mattes[amount] = read_mattes(self._options.data, amount)
        return self._mattes[amount]

    def _train(self, name: str, recipe: Path, samples: Callable[[], Sequence[Sample]], **changes: Any) -> Path:
        """Return the folder of a network, trained now if it is not kept."""
        changes = {**self._lengths.get(recipe, {}), **changes}
        return train_kept(self._folder / name, recipe, samples, self._options, seed=self.seed, **changes)


def architecture(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes that choose a network."""
    return {key: value for key, value in changes.items() if key in ARCHITECTURE}


def score_constants(data: Path) -> dict[str, float]:
    """Return the least errors that a constant alpha has, each of them with the constant that is best for it."""
    masks = [np.float32(sample.require("mask") >= 0.5) for sample in people(data)[1]]
    errors = {"people_whole": least_of_constants(masks)}
    for name, samples in samples_with_alphas(data).items():
        targets = [sample.require("alpha") for sample in samples]
        errors[f"{name}_whole"] = least_of_constants(targets)
        errors[f"{name}_boundary"] = least_of_constants(targets, boundary=True)
    return errors


def samples_with_alphas(data: Path) -> dict[str, Sequence[Sample]]:
    """Return the portraits and the held-out composites."""
    return {"portraits": predicted(data, "portraits"), "composites": held_out_composites(data)}


def least_of_constants(targets: Sequence[np.ndarray], *, boundary: bool = False) -> float:
    """Return the least `mean_square` of all constants of two decimals."""
    constants = np.linspace(0.0, 1.0, 101, dtype=np.float32)
    return min(mean_square([np.full_like(t, c) for t in targets], targets, boundary=boundary) for c in constants)


def score(network: MattingNetwork, data: Path) -> dict[str, float]:
    """Return the errors of a network on portraits, held-out people and held-out composites.

    Portraits have predicted alphas, people masks, composites true alphas. With a boundary head, also the head's overlap
    with the boundaries of the portraits and of the composites, and the share of the photographs' pixels of people that
    it finds, which is the share of a blended label that is not the mask.
    """
    errors = {}
    for name, samples in samples_with_alphas(data).items():
        found = [predict_small(network, sample.image, PEOPLE_SIDE) for sample in samples]
        targets = [sample.alpha for sample in samples]
        errors[f"{name}_whole"] = mean_square(found, targets)
        errors[f"{name}_boundary"] = mean_square(found, targets, boundary=True)
        errors[f"{name}_correlation"] = boundary_correlation(found, targets)
        if getattr(network, "boundary_trained", False):
            errors[f"{name}_boundary_iou"], _ = boundary_overlap(network, samples, PEOPLE_SIDE)
    held_out = people(data)[1]
    found = [predict_small(network, sample.image, PEOPLE_SIDE) for sample in held_out]
    errors["people_whole"] = mean_square(found, [np.float32(sample.mask >= 0.5) for sample in held_out])
    if getattr(network, "boundary_trained", False):
        _, errors["blended_share"] = boundary_overlap(network, held_out, PEOPLE_SIDE)
    return errors
