"""The stencil solve of tensors: its Triton kernels in the interpreter and compiled, and the coarsest level."""

import pytest
import torch

from hybridmatte.linalg._grid_torch import LATER_BLOCKS, TensorGrid, block_steps
from hybridmatte.linalg._multigrid_torch import _dense
from hybridmatte.systems._stencil_torch import TensorStencilSystem
from tests.linalg.stencil_scene import scene
from tests.triton_interpreter import run_interpreted


@pytest.mark.slow
def test_in_the_interpreter():
    run_interpreted("linalg/interpreted_stencil.py")


def test_dense_matrix_of_a_level():
    """The coarsest level's inverse once took vectors in another order, which doubled the iterations."""
    shape, generator = (3, 5), torch.Generator().manual_seed(7)
    matrix = torch.randn((5, 4, 4, *shape), generator=generator)
    matrix[0] += matrix[0].transpose(0, 1).clone()
    for k, step in enumerate(LATER_BLOCKS, start=1):
        inside = torch.zeros(shape)
        inside[block_steps(shape, step)[0]] = 1.0
        matrix[k] *= inside
    x = torch.randn((4, *shape), generator=generator)
    expected = TensorGrid(torch.ones(shape)).block_product(matrix, x)
    assert torch.allclose((_dense(matrix) @ x.reshape(-1)).reshape(x.shape), expected, atol=1e-5)


def _signatures():
    """Return (kernel, types of its arguments, constants, warps) for all that a solve compiles."""
    from hybridmatte.linalg import _conjugate_gradient_triton as conjugate_gradient
    from hybridmatte.linalg import _grid_triton as kernels
    from hybridmatte.methods import _closed_form_triton as entries_kernels

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
    entries_kernels = pytest.importorskip("hybridmatte.methods._closed_form_triton")
    entries = entries_kernels.closed_form_entries(image, 1e-7, is_unknown, known, None)
    system = TensorStencilSystem(entries, image, is_unknown, method="closed_form")
    torch.cuda.set_sync_debug_mode("error")
    try:
        result = system.precondition(system.matvec(system.known_rhs))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(result).all()
