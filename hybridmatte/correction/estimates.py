"""Estimates of the classical solvers, which the correction network starts from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte.linalg.threads import threads_for
from hybridmatte.methods.flow_neighbors import FlowMemory
from hybridmatte.methods.information_flow import solve_flow
from hybridmatte.methods.shared_sampling import sampled_pixels
from hybridmatte.systems.expansion import expand_problem
from hybridmatte.systems.problem import Problem, check_problem
from hybridmatte.trimap import depth_inside

__all__ = [
    "BASE_SOLVER",
    "EXPANDED_CONFIDENCE",
    "Guess",
    "PixelEstimates",
    "SolverEstimates",
    "as_planes",
    "expanded_trimap",
    "known_distances",
    "run_solvers",
    "solve_base",
    "solver_estimates",
]

BASE_SOLVER = "information_flow"  # the best single solver: the network corrects its alpha
EXPANSION = 12.0  # radius in pixels, as in `solve_information_flow`; pixels that it makes known are not corrected
EXPANDED_CONFIDENCE = 0.998  # of 1,158,184 pixels that took a known neighbour's alpha (20 photographs), 0.21% are wrong
RTOL = 4e-4  # of the solver without a start; at half of this, the corrected alpha has the same errors
START_RTOL = 3e-3  # of the solver with a start: the errors of its alpha are those of the start, and smooth
DISTANCE_SCALE = 4.0  # divides log(1 + pixels): a distance of 54 pixels becomes 1


class SolverEstimates(NamedTuple):
    """The input of the correction: an image, its known pixels, and two estimates of alpha.

    All planes are float32 and have the same height and width.

    Attributes
    ----------
    image : (3, H, W) array
        RGB in [0, 1].
    known : (H, W) array
        0 on the known background, 1 on the known foreground, 0.5 on unknown pixels.
    alpha : (H, W) array
        Alpha of `BASE_SOLVER`, in [0, 1].
    samples : (8, H, W) array
        Alpha, confidence, foreground colour and background colour of `sample_alpha`, in [0, 1].
    distances : (2, H, W) array
        Distances to the known foreground and to the known background, as log(1 + pixels) / 4.
    """

    image: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]
    samples: npt.NDArray[np.float32]
    distances: npt.NDArray[np.float32]

    def crop(self, rows: slice, columns: slice) -> SolverEstimates:
        """Return the estimates in a rectangle, as views."""
        return SolverEstimates(*(plane[..., rows, columns] for plane in self))


class PixelEstimates(NamedTuple):
    """`SolverEstimates` of a whole image, in less memory: samples are kept for the unknown pixels alone.

    Attributes
    ----------
    image : (H, W, 3) array
        RGB in [0, 1].
    known, alpha, distances
        As in `SolverEstimates`.
    pixels : (n,) int64 array
        The unknown pixels, ascending.
    samples : (n, 8) array
        Alpha, confidence, foreground colour and background colour of `sample_alpha`, in [0, 1].
    """

    image: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]
    distances: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.int64]
    samples: npt.NDArray[np.float32]

    def crop(self, rows: slice, columns: slice) -> SolverEstimates:
        """Return the planes of a rectangle. The layers of a known pixel have its colour, and its confidence is 1."""
        image, known = as_planes(self.image[rows, columns]), self.known[rows, columns]
        samples = np.empty((8, *known.shape), np.float32)
        samples[0], samples[1] = known == 1, 1
        samples[2:5] = samples[5:8] = image
        samples[:, known == 0.5] = self.samples[self._pixels_in(rows, columns)].T
        return SolverEstimates(image, known, self.alpha[rows, columns], samples, self.distances[:, rows, columns])

    def planes(self) -> SolverEstimates:
        """Return the planes of the whole image."""
        return self.crop(slice(None), slice(None))

    def _pixels_in(self, rows: slice, columns: slice) -> npt.NDArray[np.int64]:
        """Return the positions in `pixels` of those in a rectangle, row by row."""
        height, width = self.known.shape
        first, last, _ = columns.indices(width)
        edges = np.arange(*rows.indices(height))[:, None] * width + [first, last]
        spans = np.searchsorted(self.pixels, edges)
        return np.concatenate([np.arange(*span) for span in spans])


class Guess(NamedTuple):
    """What is known of alpha beside the trimap; three planes (H, W) float32.

    prior and confidence are those of `Problem`, or both None; start and rtol are those of `solve_flow`.
    """

    prior: npt.NDArray[np.float32] | None
    confidence: npt.NDArray[np.float32] | None
    start: npt.NDArray[np.float32]
    rtol: float = START_RTOL


def solver_estimates(problem: Problem, memory: FlowMemory | None = None) -> PixelEstimates:
    """Expand the known regions of a checked problem that has unknown pixels, and run both solvers."""
    return run_solvers(problem.image, expanded_trimap(problem), memory)


def expanded_trimap(problem: Problem) -> npt.NDArray[np.float32]:
    """Return the trimap (H, W) of 0, 0.5 and 1 of a checked problem whose known regions are expanded."""
    return expand_problem(problem, EXPANSION).trimap


def run_solvers(
    image: npt.NDArray[np.float32],
    known: npt.NDArray[np.float32],
    memory: FlowMemory | None = None,
    guess: Guess | None = None,
) -> PixelEstimates:
    """Run information flow and shared sampling on an image (H, W, 3) and a trimap of 0, 0.5 and 1, without expansion.

    With a memory, a later call for the same image with more known pixels reuses the neighbours that were found before.
    """
    alpha = solve_base(image, known, memory, guess)
    with threads_for((known == 0.5).sum()):
        pixels, samples = sampled_pixels(image, known)
    return PixelEstimates(image, known, alpha, known_distances(known), pixels, samples)


def solve_base(
    image: npt.NDArray[np.float32],
    known: npt.NDArray[np.float32],
    memory: FlowMemory | None = None,
    guess: Guess | None = None,
) -> npt.NDArray[np.float32]:
    """Run `BASE_SOLVER` on an image and a trimap of 0, 0.5 and 1, without expansion; the rest is as `run_solvers`."""
    if guess is None:
        return solve_flow(check_problem(image, known), memory=memory, rtol=RTOL)
    problem = check_problem(image, known, guess.prior, guess.confidence)
    return solve_flow(problem, memory=memory, start=guess.start, rtol=guess.rtol)


def as_planes(*arrays: npt.NDArray) -> npt.NDArray[np.float32]:
    """Return arrays (H, W) and (H, W, C) as one float32 array (channels, H, W), channels in the order given."""
    planes = [np.moveaxis(np.atleast_3d(array), 2, 0) for array in arrays]
    return np.concatenate(planes, out=np.empty((sum(map(len, planes)), *planes[0].shape[1:]), np.float32))


def known_distances(known: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return `SolverEstimates.distances` for a trimap of 0, 0.5 and 1 that has foreground and background."""
    logarithms = np.stack([depth_inside(known != value) for value in (1, 0)])
    np.log1p(logarithms, out=logarithms)
    logarithms /= np.float32(DISTANCE_SCALE)
    return logarithms
