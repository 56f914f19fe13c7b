"""The large kernel matting Laplacian: the closed form over windows of many pixels, applied without being stored."""

from dataclasses import dataclass

import numpy as np

from hybridmatte._validation import check_image, check_number, check_window_size
from hybridmatte.linalg.layout import UnknownLayout, make_layout

__all__ = ["LargeKernelSystem", "large_kernel_laplacian", "large_kernel_system"]


def large_kernel_laplacian(image, *, window_size=21, epsilon=1e-7):
    """Return the large kernel matting Laplacian of an image as a linear operator.

    A row couples a pixel with `(2 * window_size - 1)^2` others, too many to store; the operator takes a few passes
    of running sums, whatever the window.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled, grey and RGBA converted. Never modified.
    window_size : int, default 21
        Side of the windows in pixels, odd, at least 3.
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units times the pixels of a window.

    Returns
    -------
    laplacian : (H * W, H * W) scipy.sparse.linalg.LinearOperator, float64
        Symmetric positive semidefinite; takes constants to zero. About 500 bytes a pixel.

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
    from scipy.sparse.linalg import LinearOperator

    image = check_image(image)
    shape = image.shape[:2]
    system = large_kernel_system(image, np.ones(shape, bool), np.zeros(shape, np.float32), window_size=window_size,
                                 epsilon=epsilon)
    cells = np.flatnonzero(system.layout.pixels >= 0)

    def matvec(x):
        values = np.zeros(system.layout.n_cells)
        values[cells] = np.ravel(x)
        return system.multiply(values)[cells]

    return LinearOperator((len(cells), len(cells)), matvec=matvec, rmatvec=matvec, dtype=np.float64)


@dataclass
class LargeKernelSystem:
    """The linear system of the large kernel Laplacian with the known pixels eliminated.

    Attributes
    ----------
    layout : UnknownLayout
        Cells for the unknown pixels and a rim of ``window_size - 1`` pixels around them, which reaches over the
        image's upper edge by `radius` rows; only unknown pixels count as pixels of the layout.
    radius : int
        Half the window's side in pixels, rounded down.
    diagonal, rhs : (n_cells,) float64 arrays
        Diagonal and right-hand side, 0 on cells without a pixel.
    forms : (9, n_cells) float64 array
        Each window's mean colour and scaled inverse covariance.
    counts : (n_cells,) float64 array
        Number of windows that hold a pixel, plus the prior's confidence.
    """

    layout: UnknownLayout
    radius: int
    is_window: np.ndarray
    forms: np.ndarray
    colors: np.ndarray
    counts: np.ndarray
    diagonal: np.ndarray
    rhs: np.ndarray

    def __post_init__(self):
        self._lines = np.zeros((4, self.layout.n_cells))
        self._scratch = np.zeros((4, self.layout.n_cells))
        self._product = np.zeros(self.layout.n_cells)

    def multiply(self, x):
        """Return A x in a buffer that the next call overwrites."""
        from hybridmatte.methods import _large_kernel_numba as kernels

        kernels.weigh(self.layout.pixels, self.colors, x, self._lines)
        self._sum(self._lines)
        return self._finish(x, self._product)

    def add_prior(self, prior, confidence):
        """Add ``(a - prior)' diag(confidence) (a - prior)``; both are (H, W) planes."""
        weight = self.layout.gather(confidence)
        self.counts += weight
        self.diagonal += weight
        self.rhs += weight * self.layout.gather(prior)

    def _finish(self, x, out):
        from hybridmatte.methods import _large_kernel_numba as kernels

        kernels.fit_lines(self.forms, (2.0 * self.radius + 1.0) ** 2, self.is_window, self._lines)
        self._sum(self._lines)
        kernels.subtract_lines(self.layout.pixels, self.colors, self.counts, x, self._lines, out)
        return out

    def _sum(self, planes):
        from hybridmatte.methods import _large_kernel_numba as kernels

        layout = self.layout
        kernels.box_sums(layout.segments, layout.row_start, layout.spans, self.radius, planes,
                         self._scratch[: len(planes)])


def large_kernel_system(image, is_unknown, known_alpha, *, window_size=21, epsilon=1e-7):
    """Return the `LargeKernelSystem` of an image with the known pixels eliminated."""
    from hybridmatte.methods import _large_kernel_numba as kernels

    window_size = check_window_size(window_size)
    epsilon = check_number(epsilon, "epsilon", above=0)
    radius = window_size // 2
    layout = _make_layout(is_unknown, radius)
    n = layout.n_cells
    is_window = _windows(is_unknown, layout, radius)
    system = LargeKernelSystem(layout, radius, is_window, np.zeros((9, n)), np.zeros((3, n)), np.zeros(n),
                               np.zeros(n), np.zeros(n))
    for channel in range(3):
        system.colors[channel] = layout.gather(image[:, :, channel])
    kernels.window_forms(image, np.where(is_unknown, 0, known_alpha), radius, epsilon, layout.segments,
                         layout.row_start, layout.bands, is_window, system.forms, system._lines)
    system._finish(np.zeros(n), system.rhs)
    system.rhs *= -1.0
    _fill_diagonal(system)
    return system


def _make_layout(is_unknown, radius):
    """Lay out the unknown pixels with a rim of 2 radius pixels, of which no cell counts as a pixel.

    Running sums start from 0 above the rim, so the layout holds `radius` rows more, above the image.
    """
    padded = np.pad(is_unknown, ((radius, 0), (0, 0)))
    rim = make_layout(_dilate(padded, 2 * radius), rows=(-1, radius, -radius - 1), radius=1)
    pixels = rim.pixels - radius * is_unknown.shape[1]
    is_pixel = (pixels >= 0) & is_unknown.ravel()[np.maximum(pixels, 0)]
    return UnknownLayout(is_unknown.shape, rim.n_cells, np.where(is_pixel, pixels, -1).astype(np.int32), rim.segments,
                         rim.row_start, rim.spans, rim.chunks, rim.bands)


def _windows(is_unknown, layout, radius):
    """Mark the cells at which a window is centred that lies in the image and holds an unknown pixel."""
    centers = np.zeros_like(is_unknown)
    inside = (slice(radius, max(centers.shape[0] - radius, 0)), slice(radius, max(centers.shape[1] - radius, 0)))
    centers[inside] = _dilate(is_unknown, radius)[inside]
    is_window = np.zeros(layout.n_cells, bool)
    for y, first, last, cell in layout.segments:
        if y >= radius:
            is_window[cell : cell + last - first] = centers[y - radius, first:last]
    return is_window


def _dilate(mask, radius):
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)).astype(bool)


def _fill_diagonal(system):
    """Fill counts, and the diagonal n_i - sum_k (1 / w^2 + (I_i - mu_k)' V_k (I_i - mu_k))."""
    area = (2.0 * system.radius + 1.0) ** 2
    mean, inverse = system.forms[:3], system.forms[3:]
    planes = np.zeros((4, system.layout.n_cells))
    scratch = system._scratch

    def total(plane):
        planes[0] = plane
        system._sum(planes[:1])
        return planes[0].copy()

    is_pixel = system.layout.pixels >= 0
    system.counts = np.where(is_pixel, np.rint(total(system.is_window)), 0.0)
    slope = np.stack([inverse[[0, 1, 2]], inverse[[1, 3, 4]], inverse[[2, 4, 5]]])
    pull = np.einsum("abn,bn->an", slope, mean)
    charge = system.counts / area + total(np.einsum("an,an->n", mean, pull))
    for a in range(3):
        charge -= 2.0 * system.colors[a] * total(pull[a])
        for b in range(3):
            charge += system.colors[a] * system.colors[b] * total(slope[a, b])
    scratch[:] = 0.0
    system.diagonal = np.where(is_pixel, system.counts - charge, 0.0)
