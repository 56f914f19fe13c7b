"""Training samples as tensors, each a function of the seed and its number alone."""

import numpy as np
import torch

__all__ = ["TrainingCrops"]


class TrainingCrops(torch.utils.data.Dataset):
    """Augmented crops of samples, without end: number k is drawn by a generator of its own, seeded by (seed, k).

    Whatever the number of workers, processes and restarts, crop k is the same; every run through the samples is in an
    order of its own.

    Parameters
    ----------
    samples : sequence of Sample
        E.g. a `MattingFolder`.
    augmentation : Augmentation
    seed : int
    start, count : int
        The crops are number `start` to ``start + count - 1``.

    Returns of item k
    -----------------
    parts : dict of (C, crop, crop) float32 tensors
        Those that the samples have.
    """

    def __init__(self, samples, augmentation, *, seed, start, count):
        self._samples, self._augmentation = samples, augmentation
        self._seed, self._start, self._count = seed, start, count

    def __len__(self):
        """Return how many crops there are."""
        return self._count

    def __getitem__(self, index):
        """Return the parts of one crop."""
        number = self._start + index
        lap, place = divmod(number, len(self._samples))
        order = np.random.default_rng([self._seed, 0, lap]).permutation(len(self._samples))
        sample = self._augmentation(self._samples[order[place]], np.random.default_rng([self._seed, 1, number]))
        return {name: to_tensor(array) for name, array in sample._asdict().items()
                if name != "name" and array is not None}


def to_tensor(array):
    """Return an array (H, W) or (H, W, 3) as a tensor (C, H, W)."""
    array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(array))
