"""Training samples as tensors; each depends on the seed and its number alone.

Whatever the number of workers, processes and restarts, sample number k is the same.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from hybridmatte.data.augmentation import Augmentation
from hybridmatte.data.folders import Sample

__all__ = ["FusedCrops", "FusedStream", "TrainingCrops", "collate", "unpack"]

Tensors = dict[str, torch.Tensor]
Photograph = npt.NDArray[Any]

SIDE_STEP = 32  # pixels: the sides of crops of several sizes are multiples of this
MOST_EQUAL = 1000  # a stream ends with an error after this many equal photographs in a row


class DrawSample(Protocol):
    """Fuses two photographs to a Sample, with a generator for its random choices."""

    def __call__(self, front: Photograph, behind: Photograph, *, generator: np.random.Generator) -> Sample: ...


class OpenStream(Protocol):
    """Opens a stream of photographs."""

    def __call__(self, *, seed: int) -> Iterator[Photograph]: ...


class TrainingCrops(torch.utils.data.Dataset[Tensors]):
    """Augmented crops of samples; crop number k uses its own generator, seeded by (seed, k).

    Every pass through the samples has its own random order.

    Parameters
    ----------
    samples : sequence of Sample
        For example a `MattingFolder`.
    augmentation : Augmentation
        Makes the crops.
    seed : int
        Seed of all random choices.
    start, count : int
        The crops have the numbers `start` to ``start + count - 1``.
    finish : callable, optional
        ``finish(sample, generator)`` turns a crop into the training input: a Sample, or arrays by name.
    largest, step : int, default 0 and 1
        If `largest` is above the augmentation's crop, crops have several sizes: each run of `step` crops has a random
        side between the two, a multiple of 32.

    Returns of item k
    -----------------
    parts : dict of (C, crop, crop) float32 tensors
        The parts that the samples have.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        augmentation: Augmentation,
        *,
        seed: int,
        start: int,
        count: int,
        finish: Callable[[Sample, np.random.Generator], Sample | Mapping[str, npt.NDArray[Any]]] | None = None,
        largest: int = 0,
        step: int = 1,
    ) -> None:
        self._samples, self._augmentation, self._finish = samples, augmentation, finish
        self._largest, self._step = largest, step
        self._seed, self._start, self._count = seed, start, count
        self._order = _ShuffledPasses(seed, len(samples))

    def __len__(self) -> int:
        """Return the number of crops."""
        return self._count

    def __getitem__(self, index: int) -> Tensors:
        """Return the parts of one crop."""
        number = self._start + index
        place, _ = self._order(number)
        generator = np.random.default_rng([self._seed, 1, number])
        sample = self._augmentation_of(number)(self._samples[place], generator)
        return _to_tensors(sample if self._finish is None else self._finish(sample, generator))

    def _augmentation_of(self, number: int) -> Augmentation:
        """Return the augmentation with the side of the run to which crop `number` belongs."""
        low, high = self._augmentation.crop, max(self._largest, self._augmentation.crop)
        if low == high:
            return self._augmentation
        generator = np.random.default_rng([self._seed, 2, number // self._step])
        side = int(generator.integers(low // SIDE_STEP, high // SIDE_STEP + 1)) * SIDE_STEP
        return dataclasses.replace(self._augmentation, crop=side)


class FusedCrops(torch.utils.data.Dataset[Tensors]):
    """Layers of fused photographs, as uint8; sample k depends on the seed and k alone.

    `unpack` turns a batch of these layers into what `fuse_photographs` returns, on the batch's device.

    In each pass through the photographs, every photograph is the foreground once and the background once.

    Parameters
    ----------
    photographs : sequence of (h, w, 3) arrays
        For example `Photographs`.
    draw : callable
        ``draw(front, behind, generator=...)`` returns a Sample; see `layers_of_photographs`.
    seed, start, count : int
        As in `TrainingCrops`.
    """

    def __init__(
        self, photographs: Sequence[Photograph], draw: DrawSample, *, seed: int, start: int, count: int
    ) -> None:
        self._photographs, self._draw, self._seed, self._start, self._count = photographs, draw, seed, start, count
        self._order = _ShuffledPasses(seed, len(photographs))

    def __len__(self) -> int:
        """Return the number of samples."""
        return self._count

    def __getitem__(self, index: int) -> Tensors:
        """Return the parts of one sample.

        The background of a sample is the foreground of the next one, so that `Photographs` reads it only once.
        """
        number, seed = self._start + index, [self._seed, 1, self._start + index]
        front, behind = (self._photographs[place] for place in self._order(number))
        while behind is front:  # one of the two files is unreadable, and `Photographs` gave the other in its place
            number += 1
            behind = self._photographs[self._order(number)[1]]
        return _to_tensors(self._draw(front, behind, generator=np.random.default_rng(seed)))


class FusedStream(torch.utils.data.IterableDataset[Tensors]):
    """Layers of fused photographs from a stream; a loader's workers share the batches. See `unpack`.

    Parameters
    ----------
    open_stream : callable
        ``open_stream(seed=...)`` returns an endless iterator of photographs, the worker's own part; see
        `stream_photographs`.
    draw : callable
        As in `FusedCrops`.
    seed : int
        Seed of all random choices.
    batches, batch_size : int
        Number of batches of this process, and of samples in a batch.
    process : int, default 0
        Number of this process among the processes that train together.
    """

    def __init__(
        self, open_stream: OpenStream, draw: DrawSample, *, seed: int, batches: int, batch_size: int, process: int = 0
    ) -> None:
        self._open_stream, self._draw, self._seed, self._process = open_stream, draw, seed, process
        self._batches, self._batch_size = batches, batch_size

    def __len__(self) -> int:
        """Return the number of samples of all workers together."""
        return self._batches * self._batch_size

    def __iter__(self) -> Iterator[Tensors]:
        """Yield this worker's samples: each photograph in front of the one that came before it."""
        worker = torch.utils.data.get_worker_info()
        place, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        generator = np.random.default_rng([self._seed, place, self._process])
        photographs = iter(self._open_stream(seed=self._seed))
        behind = next(photographs, None)
        if behind is None:
            raise ValueError(
                f"the stream has nothing for worker {place} of {workers}, expected as many shards as "
                "there are workers in all processes, or more"
            )
        for _ in range(len(range(place, self._batches, workers)) * self._batch_size):
            front = next(photographs)
            if np.array_equal(front, behind):  # a new pass may begin with the photograph that ended the last one
                front = _next_different(photographs, behind)
            yield _to_tensors(self._draw(front, behind, generator=generator))
            behind = front


def _next_different(photographs: Iterator[Photograph], behind: Photograph) -> Photograph:
    """Return the next photograph that differs from `behind`."""
    for front in itertools.islice(photographs, MOST_EQUAL):
        if not np.array_equal(front, behind):
            return front
    raise ValueError(f"{MOST_EQUAL} photographs of the stream are the same, expected different ones")


class _ShuffledPasses:
    """Endless passes through n items, each in its own random order.

    Called with a number k, returns the k-th item of all passes, and the item after it in the same pass; after the last
    item of a pass comes its first.
    """

    def __init__(self, seed: int, length: int) -> None:
        self._seed, self._length = seed, length
        self._pass: int | None = None
        self._permutation: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def __call__(self, number: int) -> tuple[int, int]:
        number_of_pass, place = divmod(number, self._length)
        if self._pass != number_of_pass:
            self._pass = number_of_pass
            self._permutation = np.random.default_rng([self._seed, 0, number_of_pass]).permutation(self._length)
        return int(self._permutation[place]), int(self._permutation[(place + 1) % self._length])


def collate(samples: Sequence[Tensors]) -> Tensors:
    """Return a batch of samples: tensors (B, C, H, W) by name, in channels-last memory format.

    The channels of the samples' colours are interleaved in memory, and this format copies them without reordering.
    """
    rows = [{name: part.permute(1, 2, 0) for name, part in sample.items()} for sample in samples]
    batch = torch.utils.data.default_collate(rows)
    return {name: part.permute(0, 3, 1, 2) for name, part in batch.items()}


def unpack(batch: Tensors) -> Tensors:
    """Return a batch of uint8 layers as float32 with the composited image; a batch with an image is returned as it is.

    The trimap becomes 0, 0.5 and 1.
    """
    if "image" in batch:
        return batch
    foreground, background, alpha = (batch[name].float() * (1 / 255) for name in ("foreground", "background", "alpha"))
    image = (alpha * foreground + (1 - alpha) * background).clamp(0, 1)
    return {
        "image": image,
        "alpha": alpha,
        "trimap": batch["trimap"].float() / 2,
        "foreground": foreground,
        "background": background,
    }


def _to_tensors(sample: Sample | Mapping[str, npt.NDArray[Any]]) -> Tensors:
    """Return the parts that are present in a sample, or in arrays by name, as tensors (C, H, W)."""
    parts = sample._asdict() if isinstance(sample, Sample) else sample
    return {name: _to_tensor(array) for name, array in parts.items() if name != "name" and array is not None}


def _to_tensor(array: npt.NDArray[Any]) -> torch.Tensor:
    """Return an array (H, W) or (H, W, 3) as a tensor (C, H, W), which may share its memory."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
