"""The window top-K of tensors on a CUDA device, by one Triton kernel: the twin of ``_window_torch.topk_shifts``.

Each lane searches the window of one pixel and keeps its K best places in registers, sorted by squared distance. A place
is inserted before the first kept one that is strictly farther. Places come in row-major order, so ties stay in it. The
multiplications and additions are not fused, and the square root is correctly rounded: the result has the bits of
`topk_shifts`.
"""

import torch
import triton
import triton.language as tl

BLOCK = 128  # pixels of one program


@triton.jit
def _insert(squared, step, nearest, steps, K: tl.constexpr):
    """Return the sorted squared distances and their steps, with one more place put in and the farthest dropped."""
    new_nearest = (tl.minimum(nearest[0], squared),)
    new_steps = (tl.where(squared < nearest[0], step, steps[0]),)
    for k in tl.static_range(1, K):
        moved = tl.where(squared < nearest[k - 1], steps[k - 1], step)
        new_nearest = new_nearest + (tl.maximum(nearest[k - 1], tl.minimum(nearest[k], squared)),)
        new_steps = new_steps + (tl.where(squared < nearest[k], moved, steps[k]),)
    return new_nearest, new_steps


@triton.jit
def _topk_kernel(
    image,
    distances,
    offsets,
    height,
    width,
    margin,
    n_blocks,
    outside,
    WINDOW: tl.constexpr,
    K: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the K nearest places of BLOCK pixels; colours outside the image (B, 3, H, W) have the value `outside`."""
    program = tl.program_id(0)
    index, n_pixels = (program // n_blocks).to(tl.int64), height * width
    pixel = (program % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    is_pixel = pixel < n_pixels
    y, x = pixel // width, pixel % width
    red = image + index * 3 * n_pixels
    green = red + n_pixels
    blue = green + n_pixels
    own_red = tl.load(red + pixel, mask=is_pixel, other=0.0)
    own_green = tl.load(green + pixel, mask=is_pixel, other=0.0)
    own_blue = tl.load(blue + pixel, mask=is_pixel, other=0.0)
    nearest = (tl.full((BLOCK,), float("inf"), tl.float32),) * K
    steps = (tl.zeros((BLOCK,), tl.int32),) * K
    for row in range(WINDOW):
        dy = row - WINDOW // 2
        is_row = is_pixel & (y + dy >= 0) & (y + dy < height)
        for column in range(WINDOW):
            dx = column - WINDOW // 2
            is_inside = is_row & (x + dx >= 0) & (x + dx < width)
            place = pixel + dy * width + dx
            r = tl.load(red + place, mask=is_inside, other=outside) - own_red
            g = tl.load(green + place, mask=is_inside, other=outside) - own_green
            b = tl.load(blue + place, mask=is_inside, other=outside) - own_blue
            step = tl.full((BLOCK,), 0, tl.int32) + (dy * (width + 2 * margin) + dx)
            nearest, steps = _insert(r * r + g * g + b * b, step, nearest, steps, K)
    first = (index * n_pixels + pixel) * K
    for k in tl.static_range(K):
        tl.store(distances + first + k, tl.sqrt_rn(nearest[k]), mask=is_pixel)
        tl.store(offsets + first + k, steps[k], mask=is_pixel)


def topk_triton(
    image: torch.Tensor, window_size: int, margin: int, n_neighbors: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the same as `topk_batch`, of an image without its margin; more than 64 neighbours would not fit."""
    image = image.contiguous()
    batch, _, height, width = image.shape
    distances = torch.empty((batch, height, width, n_neighbors), device=image.device)
    offsets = torch.empty(distances.shape, dtype=torch.int32, device=image.device)
    n_blocks = triton.cdiv(height * width, BLOCK)
    with torch.cuda.device_of(image):
        _topk_kernel[(batch * n_blocks,)](
            image,
            distances,
            offsets,
            height,
            width,
            margin,
            n_blocks,
            0.0 if margin else float("inf"),
            WINDOW=window_size,
            K=n_neighbors,
            BLOCK=BLOCK,
            num_warps=BLOCK // 32,
            enable_fp_fusion=False,  # a fused multiplication and addition would round once, and change ties
        )
    return distances, offsets
