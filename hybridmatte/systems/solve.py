"""The one path from a checked problem to alpha: assemble the linear system, precondition it, solve it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_integer, check_number
from hybridmatte.errors import ConvergenceWarning, warn_caller
from hybridmatte.linalg.bicgstab import bicgstab
from hybridmatte.linalg.conjugate_gradient import (
    KrylovResult,
    Vector,
    conjugate_gradient,
    refined_conjugate_gradient,
)
from hybridmatte.linalg.threads import threads_for
from hybridmatte.systems.problem import Problem
from hybridmatte.systems.regions import independent_regions

__all__ = [
    "Build",
    "SMALL_RTOL",
    "SMALL_SYSTEM",
    "LinearSystem",
    "ProblemSolver",
    "check_stopping",
    "solve_problem",
    "solve_system",
    "warn_unconverged",
]

RIDGES = {"float32": (1e-6, 1e-5), "float64": (1e-12, 1e-10, 1e-8)}  # relative to the diagonal
MARGIN = 30.0  # a ridge barely above the rounding errors would magnify the first guess
SMALL_SYSTEM = 4000  # unknowns
SMALL_RTOL = 1e-12  # of small systems

Plane = npt.NDArray[Any]  # (H, W)


class LinearSystem(ABC):
    """The linear system ``A x = rhs`` over the unknown pixels of an image, with the known pixels eliminated.

    Attributes
    ----------
    pixels : (n,) int32 array
        Flat pixel index of each entry of a vector; -1 for an entry that holds no pixel, which is 0 in all vectors.
    diagonal : (n,) array
        Diagonal of A; 0 for entries without a pixel.
    rhs : (n,) array
        Right-hand side; its precision is that of the solution.
    start : (n,) array or None
        First guess for the solution, if there is a better one than zero.
    single_matvec : callable or None
        Product of A, rounded to float32, with a float32 vector, once there is a preconditioner. Conjugate gradients use
        it if there is one.
    is_symmetric : bool
        Whether A is symmetric positive definite. If not, the system is solved by BiCGSTAB.
    """

    pixels: npt.NDArray[np.int32]
    diagonal: npt.NDArray[Any]
    rhs: npt.NDArray[Any]
    start: npt.NDArray[Any] | None = None
    single_matvec: Callable[[Vector], Vector] | None = None
    is_symmetric: bool = True

    @abstractmethod
    def matvec(self, x: Vector) -> Vector:
        """Return A x, in a buffer that the next call may overwrite."""

    @abstractmethod
    def preconditioner(self) -> Callable[[Vector], Vector]:
        """Return a function that approximates A^-1 times a residual."""

    def add_prior(self, prior: Plane, confidence: Plane) -> None:
        """Add ``(a - prior)' diag(confidence) (a - prior)`` to what is minimised; both are planes (H, W)."""
        weight = self.gather(confidence)
        self.diagonal = self.diagonal + weight
        self.rhs = self.rhs + weight * self.gather(prior)

    def gather(self, plane: Plane) -> npt.NDArray[np.float64]:
        """Return the values of a plane (H, W) at the pixels, (n,); 0 for entries without a pixel."""
        is_pixel = self.pixels >= 0
        values = np.zeros(len(self.pixels))
        values[is_pixel] = plane.ravel()[self.pixels[is_pixel]]
        return values

    def pixel_values(self, x: Vector) -> Vector:
        """Return the alpha of the pixels, in the order of `pixels`, from a solution x (n,)."""
        return x[self.pixels >= 0]


Build = Callable[[npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.float32]], LinearSystem]
"""Assembles the system of an image (H, W, 3), a mask of unknown pixels (H, W) and the known alpha (H, W)."""


def check_stopping(rtol: float, maxiter: int) -> tuple[float, int]:
    """Return the stopping rule of an iterative solver, checked."""
    return check_number(rtol, "rtol", above=0, high=0.1), check_integer(maxiter, "maxiter", low=1)


def solve_system(
    system: LinearSystem,
    precondition: Callable[[Vector], Vector],
    rhs: Vector,
    *,
    start: Vector | None = None,
    rtol: float,
    maxiter: int,
) -> KrylovResult:
    """Solve a linear system for one right-hand side by preconditioned conjugate gradients, or BiCGSTAB.

    A symmetric system that rounding errors make indefinite is solved with a ridge: ``(A + ridge D) x = rhs + ridge D
    start`` with the diagonal D of A. The ridge is `MARGIN` times the least of `RIDGES` with which conjugate gradients
    do not break down. So unknowns that nothing else determines keep the first guess, or 0 without one.

    A large system with a product in single precision is first solved by conjugate gradients in single precision with
    residuals in double precision. If they fail, those in double precision follow.
    """
    if not system.is_symmetric:
        return bicgstab(system.matvec, rhs, precondition, rtol=rtol, maxiter=maxiter)

    def solve_with_ridge(ridge: float) -> KrylovResult:
        weight = (ridge * system.diagonal).astype(rhs.dtype)
        return conjugate_gradient(
            lambda x: system.matvec(x) + weight * x,
            rhs if start is None else rhs + weight * start,
            precondition,
            x0=start,
            rtol=rtol,
            maxiter=maxiter,
        )

    if system.single_matvec is not None and rhs.dtype == np.float64 and rhs.size > SMALL_SYSTEM:
        with suppress(np.linalg.LinAlgError):
            return refined_conjugate_gradient(
                system.matvec, system.single_matvec, rhs, precondition, x0=start, rtol=rtol, maxiter=maxiter
            )
    try:
        return conjugate_gradient(system.matvec, rhs, precondition, x0=start, rtol=rtol, maxiter=maxiter)
    except np.linalg.LinAlgError:
        ridge = _least_ridge(solve_with_ridge, RIDGES[rhs.dtype.name])
    return solve_with_ridge(MARGIN * ridge)


def _least_ridge(solve_with_ridge: Callable[[float], KrylovResult], ridges: Sequence[float]) -> float:
    """Return the first ridge with which the solve does not break down; raise the breakdown of the last if none is."""
    for ridge in ridges:
        try:
            solve_with_ridge(ridge)
        except np.linalg.LinAlgError:
            if ridge == ridges[-1]:
                raise
        else:
            break
    return ridge


def solve_problem(
    problem: Problem,
    build: Build,
    *,
    method: str,
    reach: int | None = None,
    rtol: float,
    maxiter: int,
    small_rtol: float = SMALL_RTOL,
) -> npt.NDArray[np.float32]:
    """Return alpha (H, W) of a checked problem.

    If the Laplacian is local, parts of the unknown region that it does not connect are independent systems. They are
    solved one after the other, and each is freed before the next is assembled. A system that is singular up to rounding
    errors is solved with a ridge, see `solve_system`.

    Parameters
    ----------
    problem : Problem
    build : callable
        Assembles the `LinearSystem` of an image, a mask of unknown pixels and the known alpha.
    method : str
        Name for messages.
    reach : int, optional
        Largest distance in x or y, in pixels, between two pixels with an entry in the Laplacian. Without it, pixels may
        be connected anywhere, and the unknown region is one system.
    rtol, maxiter
        Stopping rule, for each system.
    small_rtol : float, default 1e-12
        The stricter rule for systems of up to `SMALL_SYSTEM` unknowns: it costs little, and with few known pixels,
        alphas that leave a larger residual differ by more than 0.1. Not needed where the start is near the solution.

    Raises
    ------
    ValueError
        If the Laplacian does not reach some unknown pixel.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    rtol, maxiter = check_stopping(rtol, maxiter)
    alpha, worst = None, None
    for part in _parts(problem, build, reach, method):
        result = part.solve(part.system.rhs, part.system.start, rtol, maxiter, small_rtol)
        alpha = problem.known_alpha.copy() if alpha is None else alpha  # not while the first part needs its memory
        alpha[part.crop][part.is_unknown] = np.clip(result.x, 0.0, 1.0)
        worst = _worse(worst, result)
    warn_unconverged(worst, rtol, method)
    return problem.known_alpha.copy() if alpha is None else alpha


class ProblemSolver:
    """The systems of a problem with their preconditioners, kept to solve for several right-hand sides.

    Parameters are those of `solve_problem`; memory is that of all systems together.
    """

    def __init__(
        self, problem: Problem, build: Build, *, method: str, reach: int | None = None, rtol: float, maxiter: int
    ) -> None:
        self._known = problem.known_alpha
        (self._rtol, self._maxiter), self._method = check_stopping(rtol, maxiter), method
        self._systems = list(_parts(problem, build, reach, method))

    def solve(self, rhs: Plane | None = None, rtol: float | None = None) -> npt.NDArray[np.float64]:
        """Return the solution (H, W), not clipped, for the known alphas and the prior or for another right-hand side.

        Parameters
        ----------
        rhs : (H, W) array, optional
            Right-hand side on the unknown pixels, in place of that of the known alphas and the prior.
        rtol : float, optional
            Wanted residual, in place of the solver's own.

        Returns
        -------
        solution : (H, W) float64 array
            On known pixels the known alpha, or 0 if `rhs` is given.

        Warns
        -----
        ConvergenceWarning
            If `maxiter` iterations do not reach `rtol`.
        """
        plane = self._known.astype(np.float64) if rhs is None else np.zeros(self._known.shape)
        rtol = self._rtol if rtol is None else rtol
        worst = None
        for part in self._systems:
            given, start = (
                (part.system.rhs, part.system.start) if rhs is None else (part.system.gather(rhs[part.crop]), None)
            )
            result = part.solve(given, start, rtol, self._maxiter)
            plane[part.crop][part.is_unknown] = result.x
            worst = _worse(worst, result)
        warn_unconverged(worst, rtol, self._method)
        return plane


class _Part(NamedTuple):
    """An independent part of a problem: its crop, its unknown pixels in the crop, their system, a preconditioner."""

    crop: tuple[slice, slice]
    is_unknown: npt.NDArray[np.bool_]
    system: LinearSystem
    precondition: Callable[[Vector], Vector]

    def solve(
        self, rhs: Vector, start: Vector | None, rtol: float, maxiter: int, small_rtol: float = SMALL_RTOL
    ) -> KrylovResult:
        """Return the result for a right-hand side; its x are the alphas of the part's pixels in row-major order."""
        n_unknowns = int(self.is_unknown.sum())
        wanted = min(rtol, small_rtol) if n_unknowns <= SMALL_SYSTEM and rhs.dtype == np.float64 else rtol
        with threads_for(n_unknowns):
            result = solve_system(self.system, self.precondition, rhs, start=start, rtol=wanted, maxiter=maxiter)
        pixels = self.system.pixels[self.system.pixels >= 0]
        values = np.empty(self.is_unknown.shape, result.x.dtype)
        values.ravel()[pixels] = self.system.pixel_values(result.x)
        return result._replace(x=values[self.is_unknown], converged=result.converged or result.residual <= rtol)


def _parts(problem: Problem, build: Build, reach: int | None, method: str) -> Iterator[_Part]:
    """Yield the independent parts of a problem, each with its system; none if no pixel is unknown."""
    if not problem.is_unknown.any():
        return
    whole = [((slice(None), slice(None)), problem.is_unknown)]
    for crop, is_unknown in whole if reach is None else independent_regions(problem.is_unknown, reach):
        with threads_for(int(is_unknown.sum())):
            system = build(
                np.ascontiguousarray(problem.image[crop]), is_unknown, np.ascontiguousarray(problem.known_alpha[crop])
            )
            if problem.prior is not None and problem.confidence is not None:
                system.add_prior(problem.prior[crop], problem.confidence[crop])
            if ((system.pixels >= 0) & (system.diagonal <= 0.0)).any():
                raise ValueError(
                    f"trimap has unknown pixels that no window of {method} inside the image reaches, "
                    "expected none; the methods random_walk and knn can answer"
                )
            precondition = system.preconditioner()
        yield _Part(crop, is_unknown, system, precondition)


def _worse(one: KrylovResult | None, other: KrylovResult) -> KrylovResult:
    """Return the result with the larger residual, without its x."""
    return other._replace(x=None) if one is None or other.residual > one.residual else one


def warn_unconverged(result: KrylovResult | None, rtol: float, method: str) -> None:
    """Give a `ConvergenceWarning` if a Krylov method stopped before it reached the wanted residual."""
    if result is not None and not result.converged:
        warn_caller(
            f"{method} reached a relative residual of {result.residual:.1e} after {result.iterations} "
            f"iterations, wanted {rtol:.1e}; raise maxiter or rtol",
            ConvergenceWarning,
        )
