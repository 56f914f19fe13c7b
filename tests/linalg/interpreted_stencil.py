"""The Triton kernels of the stencil solve against the tensor operations; run in Triton's interpreter."""

import pytest
import torch

from hybridmatte.linalg import _conjugate_gradient_torch
from hybridmatte.linalg import _conjugate_gradient_triton as conjugate_gradient
from hybridmatte.linalg import _grid_triton as kernels
from hybridmatte.linalg._conjugate_gradient_torch import conjugate_gradient_tensors
from hybridmatte.linalg._grid_torch import LATER_BLOCKS, TensorGrid, block_steps
from hybridmatte.methods import _closed_form_triton as entries_kernels
from hybridmatte.methods._closed_form_torch import closed_form_weights
from hybridmatte.systems._stencil_torch import TensorStencilSystem, masked_entries
from tests.linalg.stencil_scene import scene

SHAPES = [(3, 3), (5, 70), (21, 13), (17, 131)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(7)


def a_mask(shape, generator):
    """Return a mask (H, W) that is empty at the left."""
    mask = torch.rand(shape, generator=generator) > 0.3
    mask[:, : shape[1] // 2] = False
    mask[0, -1] = True
    return mask


def difference(left, right):
    assert left.dtype == right.dtype
    assert left.shape == right.shape
    return (left - right).abs().max().item()


@every_shape
@pytest.mark.parametrize("with_confidence", [False, True])
def test_entries(shape, with_confidence, generator):
    image, is_unknown, known = scene(shape, right_half_known=shape[1] > 100)
    confidence = torch.rand(shape, generator=generator, dtype=torch.float64) if with_confidence else None
    expected = masked_entries(*closed_form_weights(image, 1e-7), is_unknown, known, confidence)
    found = entries_kernels.closed_form_entries(image, 1e-7, is_unknown, known, confidence)
    for left, right in zip(found[1:], expected[1:], strict=True):
        assert difference(left, right) < (1e-12 if left.dtype == torch.float64 else 1e-6)


@every_shape
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_products(shape, dtype, generator):
    image, is_unknown, known = scene(shape, right_half_known=shape[1] > 100)
    entries = masked_entries(*closed_form_weights(image, 1e-7), is_unknown, known, None)
    weights, diagonal = entries.weights.to(dtype), (entries.diagonal * is_unknown).to(dtype)
    x, rhs, step = torch.randn((3, *shape), generator=generator, dtype=dtype) * is_unknown
    grid, tolerance = kernels.TritonGrid(is_unknown), 1e-12 if dtype == torch.float64 else 1e-5
    for given in ({}, {"rhs": rhs}, {"step": step}, {"rhs": rhs, "step": step}):
        expected = entries.grid.product(weights, diagonal, x, **given)
        assert difference(grid.product(weights, diagonal, x, **given), expected) < tolerance


@pytest.mark.parametrize("shape", [(1, 3), (7, 9), (5, 70)], ids=str)
def test_products_of_blocks(shape, generator):
    mask = a_mask(shape, generator)
    matrix = torch.randn((5, 4, 4, *shape), generator=generator) * mask
    for k, step in enumerate(LATER_BLOCKS, start=1):
        inside = torch.zeros(shape)
        inside[block_steps(shape, step)[0]] = 1.0
        matrix[k] *= inside * torch.roll(mask, (-step[0], -step[1]), (0, 1))
    x, rhs = torch.randn((2, 4, *shape), generator=generator) * mask
    step = torch.randn((4, 4, *shape), generator=generator) * mask
    plain, grid = TensorGrid(mask), kernels.TritonGrid(mask, kernels.BLOCK_TILE)
    assert difference(grid.scaled(step, x), plain.scaled(step, x)) < 1e-5
    for given in ({}, {"rhs": rhs}, {"step": step}, {"rhs": rhs, "step": step}):
        assert difference(grid.block_product(matrix, x, **given), plain.block_product(matrix, x, **given)) < 1e-4


@pytest.mark.parametrize("shape", [(1, 3), (7, 9), (17, 131)], ids=str)
@pytest.mark.parametrize(("n", "side"), [(1, 4), (4, 3)])
def test_restriction_and_prolongation(shape, n, side, generator):
    mask = a_mask(shape, generator)
    basis = torch.randn((n, 4, *shape), generator=generator) * mask
    fine = torch.randn((n, *shape), generator=generator) * mask
    plain, grid = TensorGrid(mask), kernels.TritonGrid(mask, kernels.PIXEL_TILE if n == 1 else kernels.BLOCK_TILE)
    coarse = plain.restricted(basis, fine, side)
    assert difference(grid.restricted(basis, fine, side), coarse) < 1e-5
    for to in (None, fine):
        expected = plain.prolonged(basis, coarse, side, to=to)
        assert difference(grid.prolonged(basis, coarse, side, to=to), expected) < 1e-5


def test_cycle(monkeypatch):
    """The V-cycle through two levels of blocks, 2 x 10 and 1 x 4."""
    monkeypatch.setattr("hybridmatte.linalg._multigrid_torch.COARSEST", 12)
    image, is_unknown, known = scene((8, 40))
    plain = masked_entries(*closed_form_weights(image, 1e-3), is_unknown, known, None)
    cycles = []
    for entries in (plain, entries_kernels.closed_form_entries(image, 1e-3, is_unknown, known, None)):
        system = TensorStencilSystem(entries, image, is_unknown, method="closed_form")
        cycles.append(system.precondition(plain.known_rhs))
    assert difference(*cycles) < 1e-4 * cycles[0].abs().max()


@pytest.mark.parametrize("maxiter", [2, 100])
def test_conjugate_gradients(maxiter, generator, monkeypatch):
    """The kernels make the steps of the tensor operations, and stop at most 3 later."""
    diagonal = torch.linspace(1.0, 3.0, 5000, dtype=torch.float64).reshape(50, 100)
    rhs = torch.randn(diagonal.shape, generator=generator, dtype=torch.float64)
    arguments = (lambda x: diagonal * x, rhs, lambda r: (r / diagonal.sqrt()).float())
    expected = conjugate_gradient_tensors(*arguments, rtol=1e-10, maxiter=maxiter)
    monkeypatch.setattr(_conjugate_gradient_torch, "runs_triton", lambda _: True)
    found = conjugate_gradient_tensors(*arguments, rtol=1e-10, maxiter=maxiter)
    assert expected.converged == found.converged == (maxiter == 100)
    assert expected.iterations <= found.iterations <= expected.iterations + conjugate_gradient.CHECK - 1
    assert difference(found.x, expected.x) < 1e-9


def test_exact_and_empty_right_hand_sides(monkeypatch):
    """A preconditioner that is the inverse gives a residual of 0, after which no scalar may become NaN."""
    monkeypatch.setattr(_conjugate_gradient_torch, "runs_triton", lambda _: True)
    rhs = torch.ones((3, 7), dtype=torch.float64)
    for given in (rhs, 0 * rhs):
        result = conjugate_gradient_tensors(lambda x: 2 * x, given, lambda r: r / 2, rtol=1e-8, maxiter=50)
        assert result.converged
        assert torch.equal(result.x, given / 2)
