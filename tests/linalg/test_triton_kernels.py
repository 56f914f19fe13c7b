"""The Triton kernels of the stencil solve: in Triton's interpreter they equal the tensor operations, and they compile.

The interpreter is chosen when Triton is imported, so that those tests run in a process of their own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hybridmatte.linalg import _conjugate_gradient_torch
from hybridmatte.linalg._conjugate_gradient_torch import conjugate_gradient_tensors
from hybridmatte.linalg._grid_torch import LATER_BLOCKS, TensorGrid, block_steps
from hybridmatte.linalg._multigrid_torch import _dense
from hybridmatte.methods._closed_form_torch import closed_form_weights
from hybridmatte.systems._stencil_torch import TensorStencilSystem, masked_entries
from tests.synthetic import soft_disk

pytest.importorskip("triton")
from hybridmatte.linalg import _conjugate_gradient_triton as conjugate_gradient  # noqa: E402
from hybridmatte.linalg import _grid_triton as kernels  # noqa: E402
from hybridmatte.methods import _closed_form_triton as entries_kernels  # noqa: E402

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
interpreted = pytest.mark.skipif(not INTERPRETED, reason="run by test_in_the_interpreter")
SHAPES = [(3, 3), (5, 70), (21, 13), (17, 131)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.mark.skipif(INTERPRETED, reason="runs this file")
@pytest.mark.slow
def test_in_the_interpreter():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": root}
    run = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    assert "passed" in run.stdout


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(7)


def scene(shape, *, right_half_known=False):
    """Return image (3, H, W), is_unknown and known alpha of a noisy scene; some tiles have no unknown pixel."""
    made = soft_disk(shape, noise=0.05)
    trimap = torch.from_numpy(made.trimap)
    trimap[0, 0] = 1.0
    if right_half_known:
        trimap[:, shape[1] // 2 :] = 0.0
    return torch.from_numpy(made.image).permute(2, 0, 1), (trimap > 0) & (trimap < 1), (trimap == 1).double()


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


@interpreted
@every_shape
@pytest.mark.parametrize("with_confidence", [False, True])
def test_entries(shape, with_confidence, generator):
    image, is_unknown, known = scene(shape, right_half_known=shape[1] > 100)
    confidence = torch.rand(shape, generator=generator, dtype=torch.float64) if with_confidence else None
    expected = masked_entries(*closed_form_weights(image, 1e-7), is_unknown, known, confidence)
    found = entries_kernels.closed_form_entries(image, 1e-7, is_unknown, known, confidence)
    for left, right in zip(found[1:], expected[1:], strict=True):
        assert difference(left, right) < (1e-12 if left.dtype == torch.float64 else 1e-6)


@interpreted
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


@interpreted
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


@interpreted
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


@interpreted
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


@interpreted
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


@interpreted
def test_exact_and_empty_right_hand_sides(monkeypatch):
    """A preconditioner that is the inverse gives a residual of 0, after which no scalar may become NaN."""
    monkeypatch.setattr(_conjugate_gradient_torch, "runs_triton", lambda _: True)
    rhs = torch.ones((3, 7), dtype=torch.float64)
    for given in (rhs, 0 * rhs):
        result = conjugate_gradient_tensors(lambda x: 2 * x, given, lambda r: r / 2, rtol=1e-8, maxiter=50)
        assert result.converged
        assert torch.equal(result.x, given / 2)


def _signatures():
    """Return (kernel, types of its arguments, constants, warps) for all that a solve compiles."""
    pixels, blocks = ({"TILE_Y": y, "TILE_X": x} for y, x in (kernels.PIXEL_TILE, kernels.BLOCK_TILE))
    sizes, single, double = ["i32", "i32"], "*fp32", "*fp64"
    for has_rhs, has_step in ((False, False), (True, False), (False, True), (True, True)):
        flags = {"HAS_RHS": has_rhs, "HAS_STEP": has_step}
        yield kernels.block_product_kernel, ["*i32", *[single] * 5, *sizes], flags | blocks, 8
        for dtype in (single, double):
            yield kernels.product_kernel, ["*i32", *[dtype] * 6, *sizes], flags | pixels, 16
    yield kernels.scaled_kernel, ["*i32", *[single] * 3, *sizes], blocks, 8
    for n, side, tile, warps in ((1, 4, pixels, 16), (4, 3, blocks, 2)):
        flags = {"N": n, "SIDE": side}
        yield kernels.restricted_kernel, ["*i32", *[single] * 3, *sizes * 2], flags | blocks, 8
        for has_to in (False, True):
            yield (
                kernels.prolonged_kernel,
                ["*i32", *[single] * 4, *sizes * 2],
                {"HAS_TO": has_to} | flags | tile,
                warps,
            )
    chunk = {"CHUNK": conjugate_gradient.CHUNK}
    for dtype in (single, double):
        yield conjugate_gradient.dots_kernel, [dtype, *[double] * 3, "i32"], chunk, 8
        yield conjugate_gradient.direction_kernel, [dtype, *[double] * 2, "i32"], chunk, 8
        yield entries_kernels.windows_kernel, ["*i32", dtype, double, double, *sizes], pixels, 16
        planes = ["*i32", dtype, double, "*u8"]
        yield entries_kernels.weights_kernel, [*planes, double, single, *sizes], pixels, 16
        for has_confidence in (False, True):
            flags = {"HAS_CONFIDENCE": has_confidence}
            yield entries_kernels.diagonal_kernel, [*planes, *[double] * 4, *sizes], flags | pixels, 16
    yield conjugate_gradient.dot_kernel, [*[double] * 3, "i32"], chunk, 8
    yield conjugate_gradient.step_kernel, [*[double] * 6, "i32"], chunk, 8


def test_dense_matrix_of_a_level(generator):
    """The coarsest level's inverse once took vectors in another order, which doubled the iterations."""
    shape = (3, 5)
    matrix = torch.randn((5, 4, 4, *shape), generator=generator)
    matrix[0] += matrix[0].transpose(0, 1).clone()
    for k, step in enumerate(LATER_BLOCKS, start=1):
        inside = torch.zeros(shape)
        inside[block_steps(shape, step)[0]] = 1.0
        matrix[k] *= inside
    x = torch.randn((4, *shape), generator=generator)
    expected = TensorGrid(torch.ones(shape)).block_product(matrix, x)
    assert difference((_dense(matrix) @ x.reshape(-1)).reshape(x.shape), expected) < 1e-5


@pytest.mark.skipif(INTERPRETED, reason="the interpreter compiles nothing")
@pytest.mark.slow
def test_kernels_compile_without_a_device():
    """Type errors that the interpreter does not see."""
    triton = pytest.importorskip("triton")
    target = triton.backends.compiler.GPUTarget("cuda", 90, 32)
    for kernel, types, constants, warps in _signatures():
        names = [*kernel.arg_names]
        signature = dict(zip(names, types + ["constexpr"] * len(constants), strict=True))
        places = {(names.index(name),): value for name, value in constants.items()}
        source = triton.compiler.ASTSource(kernel, signature, places)
        assert "ptx" in triton.compile(source, target=target, options={"num_warps": warps}).asm


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.gpu
def test_nothing_waits_for_the_device():
    """A product and a V-cycle neither synchronise nor copy to the host."""
    image, is_unknown, known = (tensor.cuda() for tensor in scene((301, 403)))
    entries = entries_kernels.closed_form_entries(image, 1e-7, is_unknown, known, None)
    system = TensorStencilSystem(entries, image, is_unknown, method="closed_form")
    torch.cuda.set_sync_debug_mode("error")
    try:
        result = system.precondition(system.matvec(system.known_rhs))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(result).all()
