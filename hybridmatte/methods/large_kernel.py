"""Large kernel matting (He et al. 2010): alpha is affine in colour in windows of many pixels.

Minimised is ``a' L a`` with the known pixels fixed, over the windows k of side w that lie in the image and hold i and
j:

    L_ij = sum_k (delta_ij - (1 + (I_i - mu_k)' (S_k + epsilon / w^2)^-1 (I_j - mu_k)) / w^2)

The matrix is too large to store. A product with it takes box sums, by running sums, over the windows that hold an
unknown pixel; the kernels are in ``_large_kernel_numba``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from hybridmatte._validation import check_image, check_number, check_window_size
from hybridmatte.linalg.conjugate_gradient import Vector
from hybridmatte.linalg.jacobi import jacobi
from hybridmatte.linalg.layout import UnknownLayout, make_layout
from hybridmatte.methods import _large_kernel_numba as kernels
from hybridmatte.systems.problem import check_problem
from hybridmatte.systems.solve import LinearSystem, solve_problem

__all__ = ["LargeKernelSystem", "large_kernel_laplacian", "large_kernel_system", "solve_large_kernel"]

FLOOR = 1e-9  # of the diagonal, relative to the number of windows that hold the pixel


def solve_large_kernel(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    window_size: int = 21,
    epsilon: float = 1e-7,
    prior: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
    rtol: float = 1e-9,
    maxiter: int = 1000,
) -> npt.NDArray[np.float32]:
    """Estimate alpha by closed-form matting with large windows.

    The model is that of `solve_cf`, alpha affine in colour, over windows of 21 x 21 pixels. Alpha spreads further in
    one iteration, so results are better in wide unknown regions and holes, and worse for details smaller than the
    window. Running sums make the cost independent of the window: about 9 microseconds per unknown pixel on two cores,
    and 600 bytes for each pixel within `window_size - 1` of an unknown one. Where only rounding errors would determine
    alpha, unknown pixels are background.

    Parameters
    ----------
    image, trimap, prior, confidence, maxiter
        As in `solve_cf`; the Laplacian's diagonal is about `window_size` squared, so give the confidence on that scale.
    window_size : int, default 21
        Side of the windows in pixels, odd, at least 3.
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units; larger is smoother.
    rtol : float, default 1e-9
        As in `solve_cf`. In pictures of few colours, only `epsilon` may determine alpha, by 1e-7 of the other weights;
        at 1e-6 such pixels are wrong by up to 1. Photographs converge to 1e-4 at 1e-6, in three quarters of the time.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`; the image must hold at least one window.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] K. He, J. Sun, X. Tang. Fast matting using large kernel matting Laplacian matrices. CVPR 2010.
    """
    problem = check_problem(image, trimap, prior, confidence)
    window_size = check_window_size(window_size)
    build = partial(large_kernel_system, window_size=window_size, epsilon=check_number(epsilon, "epsilon", above=0))
    return solve_problem(problem, build, method="large_kernel", reach=window_size - 1, rtol=rtol, maxiter=maxiter)


def large_kernel_laplacian(image: npt.ArrayLike, *, window_size: int = 21, epsilon: float = 1e-7) -> LinearOperator:
    """Return the large kernel matting Laplacian of an image as a linear operator.

    A row couples a pixel with `(2 * window_size - 1)^2` others, too many to store. A product takes a few passes of
    running sums, whatever the window.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled, grey and RGBA converted. Never modified.
    window_size : int, default 21
        Side of the windows in pixels, odd, at least 3.
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units, times the pixels of a window.

    Returns
    -------
    laplacian : (H * W, H * W) scipy.sparse.linalg.LinearOperator, float64
        Symmetric positive semidefinite; constants are in its null space. It takes about 500 bytes a pixel.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    ``L_ij = sum_k (delta_ij - (1 + (I_i - mu_k)' (S_k + epsilon / w^2)^-1 (I_j - mu_k)) / w^2)`` over the windows k of
    side w that lie in the image and hold i and j.

    References
    ----------
    .. [1] K. He, J. Sun, X. Tang. Fast matting using large kernel matting Laplacian matrices. CVPR 2010.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian = large_kernel_laplacian(np.random.default_rng(0).random((9, 8, 3)), window_size=5)
    >>> laplacian.shape, bool(abs(laplacian @ np.ones(72)).max() < 1e-10)
    ((72, 72), True)
    """
    pixels = check_image(image)
    window_size, epsilon = check_window_size(window_size), check_number(epsilon, "epsilon", above=0)
    shape = pixels.shape[:2]
    system = large_kernel_system(
        pixels, np.ones(shape, bool), np.zeros(shape, np.float32), window_size=window_size, epsilon=epsilon
    )
    cells = np.flatnonzero(system.pixels >= 0)

    def matvec(x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        values = np.zeros(system.layout.n_cells)
        values[cells] = np.ravel(x)
        return system.matvec(values)[cells]

    return LinearOperator((len(cells), len(cells)), matvec=matvec, rmatvec=matvec, dtype=np.float64)


class LargeKernelSystem(LinearSystem):
    """``A x = rhs`` for the large kernel Laplacian; vectors have one entry for each cell of a layout.

    Attributes
    ----------
    layout : UnknownLayout
        Cells for the unknown pixels and for a margin of ``window_size - 1`` pixels around them. The margin extends
        `radius` rows above the image. Only unknown pixels count as pixels of the layout.
    radius : int
        Half the window's side in pixels, rounded down.
    is_window : (n_cells,) bool array
        Cells at which a window is centred that lies in the image and holds an unknown pixel.
    forms : (9, n_cells) float64 array
        Mean colour of each window, and the triangular factors of the scaled inverse of its covariance.
    colors : (3, n_cells) float64 array
        Colours of the unknown pixels, relative to mid-grey like those of the forms.
    counts : (n_cells,) float64 array
        Number of windows that hold a pixel, plus the prior's confidence.
    diagonal, rhs : (n_cells,) float64 arrays
        Diagonal and right-hand side; 0 for cells without a pixel.
    """

    layout: UnknownLayout
    radius: int
    is_window: npt.NDArray[np.bool_]
    forms: npt.NDArray[np.float64]
    colors: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]

    def __init__(self, layout: UnknownLayout, radius: int, is_window: npt.NDArray[np.bool_]) -> None:
        n = layout.n_cells
        self.layout, self.radius, self.is_window, self.pixels = layout, radius, is_window, layout.pixels
        self.forms, self.colors, self.counts = np.zeros((9, n)), np.zeros((3, n)), np.zeros(n)
        self.diagonal, self.rhs = np.zeros(n), np.zeros(n)
        self._lines, self._scratch, self._product = np.zeros((4, n)), np.zeros((4, n)), np.zeros(n)

    @property
    def area(self) -> float:
        """Number of pixels of a window."""
        return (2.0 * self.radius + 1.0) ** 2

    def matvec(self, x: Vector) -> npt.NDArray[np.float64]:
        """Return A x in a buffer that the next call overwrites."""
        kernels.color_products(self.pixels, self.colors, x, self._lines)
        self.box_sums(self._lines)
        return self._subtract_regressions(x, self._product)

    def preconditioner(self) -> Callable[[Vector], Vector]:
        """Return division by the diagonal, which suffices: large windows make a well-conditioned matrix."""
        return jacobi(self.diagonal)

    def add_prior(self, prior: npt.NDArray[Any], confidence: npt.NDArray[Any]) -> None:
        """Add ``(a - prior)' diag(confidence) (a - prior)`` to what is minimised; both are planes (H, W)."""
        super().add_prior(prior, confidence)
        self.counts = self.counts + self.gather(confidence)

    def box_sums(self, planes: npt.NDArray[np.float64]) -> None:
        """Replace each of the planes (at most 4, n_cells) by its sums over the windows."""
        layout = self.layout
        kernels.box_sums(
            layout.segments, layout.row_start, layout.spans, self.radius, planes, self._scratch[: len(planes)]
        )

    def assemble(self, image: npt.NDArray[np.float32], known_alpha: npt.NDArray[Any], epsilon: float) -> None:
        """Compute forms, counts, diagonal and right-hand side; `known_alpha` (H, W) is 0 on unknown pixels."""
        layout = self.layout
        unit = _color_unit(self.area)
        steps = np.rint((image.astype(np.float64) - 0.5) / unit).astype(np.int64)
        for channel in range(3):
            self.colors[channel] = self.gather(steps[:, :, channel] * unit)
        kernels.window_forms(
            steps,
            known_alpha.astype(np.int64),
            self.radius,
            epsilon,
            unit,
            layout.segments,
            layout.row_start,
            layout.bands,
            self.is_window,
            self.forms,
            self._lines,
        )
        self._subtract_regressions(np.zeros(layout.n_cells), self.rhs)
        self.rhs *= -1.0
        self._assemble_diagonal()

    def _subtract_regressions(self, x: Vector, out: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Write counts * x minus the sums, over the windows, of the regressions whose sums are in `_lines`."""
        kernels.fit_lines(self.forms, self.area, self.is_window, self._lines)
        self.box_sums(self._lines)
        kernels.subtract_lines(self.pixels, self.colors, self.counts, x, self._lines, out)
        return out

    def _assemble_diagonal(self) -> None:
        """Compute counts n_i, and the diagonal n_i - sum_k (1 / w^2 + (I_i - mu_k)' V_k (I_i - mu_k)).

        The diagonal of a pixel whose colour is unique in its windows is small against the rounding errors of its terms.
        Only the preconditioner takes it, so a lower bound relative to the counts keeps it positive.
        """
        mean, (l10, l20, l21), pivots = np.split(self.forms, 3)
        planes = np.zeros((4, self.layout.n_cells))

        def total(plane: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
            planes[0] = plane
            self.box_sums(planes[:1])
            return planes[0].copy()

        is_pixel = self.pixels >= 0
        self.counts = np.where(is_pixel, np.rint(total(self.is_window)), 0.0)
        one, zero = np.ones_like(l10), np.zeros_like(l10)
        factor = np.stack([[one, -l10, l10 * l21 - l20], [zero, one, -l21], [zero, zero, one]])
        slope = np.einsum("abn,bn,cbn->acn", factor, pivots, factor)
        pull = np.einsum("abn,bn->an", slope, mean)
        explained = self.counts / self.area + total(np.einsum("an,an->n", mean, pull))
        for a in range(3):
            explained -= 2.0 * self.colors[a] * total(pull[a])
            for b in range(3):
                explained += self.colors[a] * self.colors[b] * total(slope[a, b])
        self._scratch[:] = 0.0
        self.diagonal = np.maximum(self.counts - explained, FLOOR * self.counts)


def large_kernel_system(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.float32],
    *,
    window_size: int = 21,
    epsilon: float = 1e-7,
) -> LargeKernelSystem:
    """Return the `LargeKernelSystem` of an image with the known pixels eliminated."""
    radius = window_size // 2
    layout = _layout_with_margin(is_unknown, radius)
    system = LargeKernelSystem(layout, radius, _window_centers(is_unknown, layout, radius))
    system.assemble(image, np.where(is_unknown, 0, known_alpha), epsilon)
    return system


def _color_unit(area: float) -> float:
    """Return the step, a power of 2, to which colours are rounded: 2^-27 for windows of 21 x 21 pixels.

    The sum of the products of `area` colours of at most 0.5 is then exact in 64 bits. So flat and grey windows stay
    flat and grey, whatever pixels the running sums have passed.
    """
    return 2.0 ** -int((64.0 - np.log2(area)) / 2.0)


def _layout_with_margin(is_unknown: npt.NDArray[np.bool_], radius: int) -> UnknownLayout:
    """Return the layout of the unknown pixels with a margin of 2 radius pixels, whose cells hold no pixel.

    Running sums start from 0 above the margin, so the layout holds `radius` more rows above the image.
    """
    padded = np.pad(is_unknown, ((radius, 0), (0, 0)))
    wide = make_layout(_dilated(padded, 2 * radius), rows=(-1, radius, -radius - 1), radius=1)
    pixels = wide.pixels - radius * is_unknown.shape[1]
    is_pixel = (pixels >= 0) & is_unknown.ravel()[np.maximum(pixels, 0)]
    return UnknownLayout(
        is_unknown.shape,
        wide.n_cells,
        np.where(is_pixel, pixels, -1).astype(np.int32),
        wide.segments,
        wide.row_start,
        wide.spans,
        wide.chunks,
        wide.bands,
    )


def _window_centers(is_unknown: npt.NDArray[np.bool_], layout: UnknownLayout, radius: int) -> npt.NDArray[np.bool_]:
    """Return the cells (n_cells,) at which a window is centred that lies in the image and holds an unknown pixel."""
    centers = np.zeros_like(is_unknown)
    inside = (slice(radius, max(centers.shape[0] - radius, 0)), slice(radius, max(centers.shape[1] - radius, 0)))
    centers[inside] = _dilated(is_unknown, radius)[inside]
    is_window = np.zeros(layout.n_cells, bool)
    for y, first, last, cell in layout.segments:
        if y >= radius:
            is_window[cell : cell + last - first] = centers[y - radius, first:last]
    return is_window


def _dilated(mask: npt.NDArray[np.bool_], radius: int) -> npt.NDArray[np.bool_]:
    """Return the dilation of a mask by a square of side 2 radius + 1."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)).astype(bool)
