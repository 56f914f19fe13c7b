"""Closed-form matting by tensor operations alone, on any device: dense grids instead of lists of unknown pixels.

The same system as `closed_form_system` with the same coarse functions {1, R, G, B} on blocks of 4 x 4 pixels; plain
aggregation on every level, so that each keeps a 3 x 3 pattern of 4 x 4 matrices. Tensors of blocks are (h, w, ...).
"""

import torch
from torch.nn.functional import pad

LATER = tuple((dy, dx) for dy in range(3) for dx in range(-2, 3) if (dy, dx) > (0, 0))
NEAR = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
BLOCK = 4  # side in pixels of the first level's blocks
COARSEST = 64  # blocks that are few enough for a dense inverse
DAMPING = 1.6  # of the smoother, over the estimate of its largest eigenvalue
DEPENDENT = 1e-6  # squared norm, relative, at which a colour counts as constant over a block


def closed_form_weights(image, epsilon):
    """Return the closed-form Laplacian of an image (3, H, W): later weights (12, H, W) and diagonal (H, W), float64."""
    height, width = image.shape[1:]
    weights = torch.zeros((len(LATER), height, width), dtype=torch.float64, device=image.device)
    diagonal = torch.zeros((height, width), dtype=torch.float64, device=image.device)
    rows, columns = height - 2, width - 2
    places = [divmod(p, 3) for p in range(9)]
    windows = torch.stack([image[:, y:y + rows, x:x + columns].double() for y, x in places])
    windows = windows - windows.mean(dim=0)
    covariance = torch.einsum("pihw,pjhw->hwij", windows, windows) / 9
    covariance += torch.eye(3, dtype=torch.float64, device=image.device) * (epsilon / 9)
    turned = torch.einsum("hwij,pjhw->pihw", torch.linalg.inv(covariance), windows)
    for p, (y, x) in enumerate(places):
        for q in range(p, 9):
            entry = (1.0 + (windows[p] * turned[q]).sum(dim=0)) / 9.0
            here = (slice(y, y + rows), slice(x, x + columns))
            if p == q:
                diagonal[here] += 1.0 - entry
            else:
                step = (places[q][0] - y, places[q][1] - x)
                weights[LATER.index(step)][here] -= entry
    return weights, diagonal


class DeviceSystem:
    """``A x = rhs`` on the unknown pixels of one image, with its preconditioner; tensors (H, W), 0 on known pixels.

    Parameters
    ----------
    image : (3, H, W) tensor
    is_unknown : (H, W) bool tensor
    known_alpha : (H, W) tensor, 0 on unknown pixels
    confidence : (H, W) tensor or None
    epsilon : float

    Raises
    ------
    ValueError
        If no window inside the image reaches an unknown pixel.
    """

    def __init__(self, image, is_unknown, known_alpha, confidence, epsilon):
        weights, diagonal = closed_form_weights(image, epsilon)
        self._weights = weights
        mask = is_unknown.double()
        self.known_rhs = -self._apply(weights, torch.zeros_like(diagonal), known_alpha.double()) * mask
        for index, step in enumerate(LATER):
            weights[index] *= mask * shifted(mask, step)
        self.diagonal = torch.where(is_unknown, diagonal + (0.0 if confidence is None else confidence), 1.0)
        self.mask = mask

        if (is_unknown & (self.diagonal <= 0.0)).any():
            raise ValueError("trimap has unknown pixels that no window of closed_form inside the image reaches, "
                             "expected none")
        self.precondition = DeviceMultigrid(self, image)

    def multiply(self, x):
        """Return A x in float64."""
        return self._apply(self._weights, self.diagonal, x)

    def gather(self, plane):
        """Return a plane (H, W) with zeros on known pixels."""
        return plane * self.mask

    def scatter(self, x, plane):
        """Return a plane (H, W) with x on the unknown pixels."""
        return torch.where(self.mask > 0.0, x, plane)

    def single(self):
        """Return the function that multiplies in float32."""
        weights, diagonal = self._weights.float(), self.diagonal.float()
        return lambda x: self._apply(weights, diagonal, x)

    def weights_to(self, step):
        """Return the entries from each pixel to the one `step` away, either way, float32."""
        if step in LATER:
            return self._weights[LATER.index(step)].float()
        back = (-step[0], -step[1])
        return shifted(self._weights[LATER.index(back)], step).float()

    @staticmethod
    def _apply(weights, diagonal, x):
        result = diagonal * x
        for index, step in enumerate(LATER):
            result += weights[index] * shifted(x, step)
            result += shifted(weights[index] * x, (-step[0], -step[1]))
        return result


def shifted(plane, step):
    """Return the plane's values `step` = (dy, dx) away, around the border; weights across the border are 0."""
    return torch.roll(plane, (-step[0], -step[1]), dims=(0, 1))


def orthonormal(functions):
    """Return an orthonormal basis Q (..., n, 4) of the columns, 0 where dependent, and R with functions = Q R."""
    basis = functions.clone()
    triangle = torch.zeros((*functions.shape[:-2], 4, 4), dtype=functions.dtype, device=functions.device)
    start = functions.square().sum(dim=-2)
    for c in range(4):
        square = basis[..., c].square().sum(dim=-1)
        kept = square > DEPENDENT * start[..., c]
        length = torch.where(kept, square.sqrt(), 1.0)
        basis[..., c] = torch.where(kept[..., None], basis[..., c] / length[..., None], 0.0)
        triangle[..., c, c] = torch.where(kept, length, 0.0)
        for later in range(c + 1, 4):
            product = (basis[..., c] * basis[..., later]).sum(dim=-1)
            triangle[..., c, later] = product
            basis[..., later] -= product[..., None] * basis[..., c]
    return basis, triangle


def in_blocks(plane, side):
    """Return an (H, W, ...) tensor as (h, w, side * side, ...), zeros filling the last blocks."""
    rows, columns = (-plane.shape[k] % side for k in (0, 1))
    plane = pad(plane, (0, 0) * (plane.ndim - 2) + (0, columns, 0, rows))
    shape = plane.shape[0] // side, side, plane.shape[1] // side, side, *plane.shape[2:]
    plane = plane.reshape(shape).transpose(1, 2)
    return plane.reshape(shape[0], shape[2], side * side, *shape[4:])


def from_blocks(blocks, side, shape):
    """Undo `in_blocks` for a plane of a given shape."""
    h, w = blocks.shape[:2]
    plane = blocks.reshape(h, w, side, side, *blocks.shape[3:]).transpose(1, 2)
    return plane.reshape(h * side, w * side, *blocks.shape[3:])[:shape[0], :shape[1]]


def largest_eigenvalue(multiply, scale, like, iterations=12):
    """Estimate the largest eigenvalue of ``scale(multiply(x))`` by power iterations."""
    generator = torch.Generator(device=like.device).manual_seed(0)
    x = torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)
    value = 1.0
    for _ in range(iterations):
        x = scale(multiply(x))
        value = torch.linalg.vector_norm(x).item()
        x = x / max(value, 1e-30)
    return 1.1 * value


class _Blocks:
    """A level of blocks: matrix (9, h, w, 4, 4), smoother, and the basis that joins its blocks two by two."""

    def __init__(self, matrix, triangle):
        self.matrix, self.shape = matrix, matrix.shape[1:3]
        own = matrix[NEAR.index((0, 0))]
        empty = torch.diagonal(own, dim1=-2, dim2=-1) <= 0
        own += torch.diag_embed(empty.to(own.dtype))
        self._inverse = torch.linalg.inv(own.double()).float()
        if self.shape[0] * self.shape[1] <= COARSEST:
            self.below = None
            self._solve = torch.linalg.inv(self._dense().double()).float()
            return
        scale = largest_eigenvalue(self.multiply, self._scaled, own[..., 0])
        self._step = self._inverse * (DAMPING / scale)
        functions = in_blocks(triangle, 2)
        h, w = functions.shape[:2]
        basis, parent_triangle = orthonormal(functions.reshape(h, w, 16, 4))
        self._basis = basis.reshape(h, w, 4, 4, 4)
        self.below = _Blocks(self._coarse_matrix(), parent_triangle)

    def multiply(self, x):
        """Return the product with x (h, w, 4)."""
        return sum(_times(self.matrix[k], shifted(x, step)) for k, step in enumerate(NEAR))

    def cycle(self, rhs):
        """Return an approximate solution."""
        if self.below is None:
            return (self._solve @ rhs.reshape(-1)).reshape(rhs.shape)
        x = _times(self._step, rhs)
        residual = in_blocks(rhs - self.multiply(x), 2)
        coarse = self.below.cycle(torch.einsum("hwmpq,hwmp->hwq", self._basis, residual))
        x = x + from_blocks(torch.einsum("hwmpq,hwq->hwmp", self._basis, coarse), 2, self.shape)
        return x + _times(self._step, rhs - self.multiply(x))

    def _scaled(self, x):
        return _times(self._inverse, x)

    def _coarse_matrix(self):
        """Return P' A P for the basis of 2 x 2 blocks."""
        h, w = self._basis.shape[:2]
        coarse = torch.zeros((9, h, w, 4, 4), dtype=self.matrix.dtype, device=self.matrix.device)
        for k, (dy, dx) in enumerate(NEAR):
            members = in_blocks(self.matrix[k], 2)
            for m in range(4):
                y, x = m // 2 + dy, m % 2 + dx
                parent, other = (y // 2, x // 2), (y % 2) * 2 + x % 2
                right = shifted(self._basis[:, :, other], parent)
                left = self._basis[:, :, m].transpose(-1, -2)
                coarse[NEAR.index(parent)] += left @ members[:, :, m] @ right
        return coarse

    def _dense(self):
        h, w = self.shape
        dense = torch.zeros((h * w, 4, h * w, 4), dtype=self.matrix.dtype, device=self.matrix.device)
        for k, (dy, dx) in enumerate(NEAR):
            for i in range(h * w):
                y, x = i // w + dy, i % w + dx
                if 0 <= y < h and 0 <= x < w:
                    dense[i, :, y * w + x, :] = self.matrix[k, i // w, i % w]
        return dense.reshape(4 * h * w, 4 * h * w)


def _times(matrices, vectors):
    return (matrices @ vectors[..., None])[..., 0]


class DeviceMultigrid:
    """The V-cycle over a `DeviceSystem`: one damped Jacobi step before and after on every level, in float32."""

    def __init__(self, system, image):
        self._shape, self._multiply = system.mask.shape, system.single()
        inverse = (system.mask / system.diagonal).float()
        scale = largest_eigenvalue(self._multiply, lambda x: inverse * x, inverse)
        self._step = inverse * (DAMPING / scale)
        functions = torch.cat([torch.ones_like(image[:1]), image]).float() * system.mask.float()
        self._basis, triangle = orthonormal(in_blocks(functions.permute(1, 2, 0), BLOCK))
        self._blocks = _Blocks(self._block_matrix(system), triangle)

    def __call__(self, residual):
        """Return the cycle's approximation of A^-1 residual, float32."""
        rhs = residual.float()
        x = self._step * rhs
        below = in_blocks(rhs - self._multiply(x), BLOCK)
        coarse = self._blocks.cycle(torch.einsum("hwpq,hwp->hwq", self._basis, below))
        x = x + from_blocks(torch.einsum("hwpq,hwq->hwp", self._basis, coarse), BLOCK, self._shape)
        return x + self._step * (rhs - self._multiply(x))

    def _block_matrix(self, system):
        """Return P' A P for the basis of pixel blocks."""
        h, w = self._basis.shape[:2]
        matrix = torch.zeros((9, h, w, 4, 4), device=self._basis.device)
        steps = [(0, 0), *LATER, *((-dy, -dx) for dy, dx in LATER)]
        for step in steps:
            plane = (system.diagonal * system.mask).float() if step == (0, 0) else system.weights_to(step)
            entries = in_blocks(plane, BLOCK)
            for p in range(BLOCK**2):
                y, x = p // BLOCK + step[0], p % BLOCK + step[1]
                block, other = (y // BLOCK, x // BLOCK), (y % BLOCK) * BLOCK + x % BLOCK
                right = shifted(self._basis[:, :, other], block)
                left = self._basis[:, :, p] * entries[:, :, p, None]
                matrix[NEAR.index(block)] += left[..., :, None] * right[..., None, :]
        return matrix
