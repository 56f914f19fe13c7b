"""Training samples as tensors, each a function of the seed and its number alone."""

import dataclasses
import itertools

import numpy as np
import torch

__all__ = ["FusedCrops", "FusedStream", "TrainingCrops", "collate", "unpack"]

SIDES = 32  # pixels, of which sides of crops of several sizes are multiples
ALIKE = 1000  # photographs in a row that end a stream if they are the same


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
    finish : callable, optional
        ``finish(sample, generator)`` to what is learned from, of the crop: a Sample, or arrays by name.
    largest, step : int, default 0 and 1
        Where largest is above the augmentation's crop, each run of `step` crops has a side of its own between, a
        multiple of 32.

    Returns of item k
    -----------------
    parts : dict of (C, crop, crop) float32 tensors
        Those that the samples have.
    """

    def __init__(self, samples, augmentation, *, seed, start, count, finish=None, largest=0, step=1):
        self._samples, self._augmentation, self._finish = samples, augmentation, finish
        self._largest, self._step = largest, step
        self._seed, self._start, self._count = seed, start, count
        self._order = _Order(seed, len(samples))

    def __len__(self):
        """Return how many crops there are."""
        return self._count

    def __getitem__(self, index):
        """Return the parts of one crop."""
        number = self._start + index
        place, _ = self._order(number)
        generator = np.random.default_rng([self._seed, 1, number])
        sample = self._sized(number)(self._samples[place], generator)
        return to_tensors(sample if self._finish is None else self._finish(sample, generator))

    def _sized(self, number):
        """Return the augmentation at the side that the step of crop `number` has."""
        low, high = self._augmentation.crop, max(self._largest, self._augmentation.crop)
        if low == high:
            return self._augmentation
        generator = np.random.default_rng([self._seed, 2, number // self._step])
        side = int(generator.integers(low // SIDES, high // SIDES + 1)) * SIDES
        return dataclasses.replace(self._augmentation, crop=side)


class FusedCrops(torch.utils.data.Dataset):
    """Layers of fused photographs without end, in bytes; sample k is a function of the seed and k.

    `unpack` makes a batch of them what `fuse_photographs` returns, on the device that it lies on by then.

    Every photograph is once in front and once behind in a run through them all.

    Parameters
    ----------
    photographs : sequence of (h, w, 3) arrays
        E.g. `Photographs`.
    draw : callable
        ``draw(front, behind, generator=...)`` to a Sample, see `layers_of_photographs`.
    seed, start, count : int
        As in `TrainingCrops`.
    """

    def __init__(self, photographs, draw, *, seed, start, count):
        self._photographs, self._draw, self._seed, self._start, self._count = photographs, draw, seed, start, count
        self._order = _Order(seed, len(photographs))

    def __len__(self):
        """Return how many samples there are."""
        return self._count

    def __getitem__(self, index):
        """Return the parts of one sample; the photograph behind is the next one's front, read but once in a row."""
        number, seed = self._start + index, [self._seed, 1, self._start + index]
        front, behind = (self._photographs[place] for place in self._order(number))
        while behind is front:  # one of them cannot be read, and the other came in its place
            number += 1
            behind = self._photographs[self._order(number)[1]]
        return to_tensors(self._draw(front, behind, generator=np.random.default_rng(seed)))


class FusedStream(torch.utils.data.IterableDataset):
    """Layers of fused photographs of a stream, in whole batches, dealt out over a loader's workers; see `unpack`.

    Parameters
    ----------
    open_stream : callable
        ``open_stream(seed=...)`` to an endless iterator of photographs, a worker's own; see `stream_photographs`.
    draw : callable
        As in `FusedCrops`.
    seed : int
    batches, batch_size : int
        Of this process.
    process : int, default 0
        Number of this process among those that train together.
    """

    def __init__(self, open_stream, draw, *, seed, batches, batch_size, process=0):
        self._open_stream, self._draw, self._seed, self._process = open_stream, draw, seed, process
        self._batches, self._batch_size = batches, batch_size

    def __len__(self):
        """Return how many samples all workers yield."""
        return self._batches * self._batch_size

    def __iter__(self):
        """Yield this worker's samples, each photograph before the one that came before it."""
        worker = torch.utils.data.get_worker_info()
        place, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        generator = np.random.default_rng([self._seed, place, self._process])
        photographs = iter(self._open_stream(seed=self._seed))
        behind = next(photographs, None)
        if behind is None:
            raise ValueError(f"the stream has nothing for worker {place} of {workers}, expected as many shards as "
                             "there are workers in all processes, or more")
        for _ in range(len(range(place, self._batches, workers)) * self._batch_size):
            front = next(photographs)
            if np.array_equal(front, behind):
                front = self._another(photographs, behind)
            yield to_tensors(self._draw(front, behind, generator=generator))
            behind = front


    def _another(self, photographs, behind):
        """Return the next photograph that is not the one before: shuffled laps may begin with the last one's end."""
        for front in itertools.islice(photographs, ALIKE):
            if not np.array_equal(front, behind):
                return front
        raise ValueError(f"{ALIKE} photographs of the stream are the same, expected different ones")


class _Order:
    """The place of number k among n, and of the next in the same lap; every lap is in an order of its own."""

    def __init__(self, seed, length):
        self._seed, self._length, self._lap = seed, length, (None, None)

    def __call__(self, number):
        lap, place = divmod(number, self._length)
        if self._lap[0] != lap:
            self._lap = lap, np.random.default_rng([self._seed, 0, lap]).permutation(self._length)
        order = self._lap[1]
        return int(order[place]), int(order[(place + 1) % self._length])


def collate(samples):
    """Return a batch of samples, name to tensor (B, C, H, W), channels last: colours are moved as they lie, in rows."""
    rows = [{name: part.permute(1, 2, 0) for name, part in sample.items()} for sample in samples]
    batch = torch.utils.data.default_collate(rows)
    return {name: part.permute(0, 3, 1, 2) for name, part in batch.items()}


def unpack(batch):
    """Return a batch with image and in float32, its layers composed; one that has an image is returned as it is."""
    if "image" in batch:
        return batch
    foreground, background, alpha = (batch[name].float() * (1 / 255) for name in ("foreground", "background", "alpha"))
    image = (alpha * foreground + (1 - alpha) * background).clamp(0, 1)
    return {"image": image, "alpha": alpha, "trimap": batch["trimap"].float() / 2, "foreground": foreground,
            "background": background}


def to_tensors(sample):
    """Return the parts that a sample, or a dict, has, name to tensor (C, H, W)."""
    parts = sample if isinstance(sample, dict) else sample._asdict()
    return {name: to_tensor(array) for name, array in parts.items() if name != "name" and array is not None}


def to_tensor(array):
    """Return an array (H, W) or (H, W, 3) as a tensor (C, H, W), which may share its memory."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
