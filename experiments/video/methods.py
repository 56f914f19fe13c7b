"""Methods that are compared: each takes a clip and the trimaps of its key frames, and returns its alphas."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from baselines.peers.pymatting import closed_form
from experiments.video import CONTROL, FAST, PEER, SEQUENCE, UNSMOOTHED
from hybridmatte import matte, matte_sequence
from hybridmatte.linalg.bicgstab import bicgstab
from hybridmatte.linalg.conjugate_gradient import KrylovResult, conjugate_gradient

Frames = Sequence[npt.NDArray[np.uint8]]
Keys = Mapping[int, npt.NDArray[np.uint8]]
Alphas = list[npt.NDArray[np.float32]]


def frame_by_frame(frames: Frames, keys: Keys) -> Alphas:
    """Return the alphas of `matte`."""
    return [matte(frame, keys[index]) for index, frame in enumerate(frames)]


def peer_frame_by_frame(frames: Frames, keys: Keys) -> Alphas:
    """Return the alphas of PyMatting's closed form."""
    return [np.float32(closed_form(frame / 255, keys[index] / 255)) for index, frame in enumerate(frames)]


def averaged(alphas: Alphas, keys: Keys) -> Alphas:
    """Return the mean of each alpha and its two neighbours, without following the motion; known pixels stay."""
    means = []
    for index, alpha in enumerate(alphas):
        mean = np.mean(alphas[max(index - 1, 0) : index + 2], axis=0)
        means.append(np.where(keys[index] == 128, np.float32(mean), alpha))
    return means


def sequence(frames: Frames, keys: Keys, **options: Any) -> Alphas:
    """Return the alphas of `matte_sequence`, from a trimap in every frame or in key frames only."""
    if len(keys) == len(frames):
        return list(matte_sequence(frames, trimaps=[keys[index] for index in range(len(frames))], **options))
    return list(matte_sequence(frames, keys=keys, **options))


RUN: dict[str, Callable[[Frames, Keys], Alphas]] = {
    CONTROL: frame_by_frame,
    PEER: peer_frame_by_frame,
    SEQUENCE: sequence,
    UNSMOOTHED: partial(sequence, smoothing=0),
    FAST: partial(sequence, quality="fast"),
}
CARRYING = (SEQUENCE, UNSMOOTHED, FAST)  # methods that need a trimap in key frames only


@dataclass
class Count:
    """Iterations of the package's linear solvers, and iterations times unknowns."""

    iterations: int = 0
    work: int = 0


@contextmanager
def counted() -> Iterator[Count]:
    """Count the iterations of every linear system that the package solves inside the `with` statement."""
    count = Count()

    def counting(solve: Callable[..., KrylovResult]) -> Callable[..., KrylovResult]:
        def solve_and_count(*arguments, **options):
            result = solve(*arguments, **options)
            count.iterations += result.iterations
            count.work += result.iterations * result.x.shape[0]
            return result

        return solve_and_count

    where = "hybridmatte.systems.solve"
    with (
        patch(f"{where}.conjugate_gradient", counting(conjugate_gradient)),
        patch(f"{where}.bicgstab", counting(bicgstab)),
    ):
        yield count
