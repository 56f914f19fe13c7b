"""Solves as layers: the arrays' answers, and gradients by implicit differentiation."""

from functools import partial

import numpy as np
import pytest
import torch

import hybridmatte
from hybridmatte.losses import ddc_loss
from hybridmatte.methods._closed_form_torch import closed_form_layer
from hybridmatte.methods._knn_torch import knn_layer
from hybridmatte.methods.knn import KnnOptions
from hybridmatte.systems import differentiable
from tests.synthetic import constant, hard_edge, soft_disk

SOLVERS = {"cf": hybridmatte.solve_cf, "knn": hybridmatte.solve_knn}
every_solver = pytest.mark.parametrize("name", SOLVERS)


def to_tensors(*scenes, dtype=torch.float32):
    """Return image (B, 3, H, W) and trimap (B, 1, H, W) of made scenes."""
    image = torch.stack([torch.from_numpy(scene.image).permute(2, 0, 1) for scene in scenes])
    return image.to(dtype), torch.stack([torch.from_numpy(scene.trimap)[None] for scene in scenes]).to(dtype)


def small_problem(seed=0, epsilon_scale=1.0):
    """Return image, trimap, prior and confidence of a 6 x 7 image in float64, alpha inside (0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand((2, 3, 6, 7), generator=generator, dtype=torch.float64)
    trimap = torch.full((2, 1, 6, 7), 0.5, dtype=torch.float64)
    trimap[..., 0], trimap[..., -1] = 0.0, 1.0
    prior = 0.3 + 0.4 * torch.rand(trimap.shape, generator=generator, dtype=torch.float64)
    confidence = epsilon_scale * (0.5 + torch.rand(trimap.shape, generator=generator, dtype=torch.float64))
    return image, trimap, prior, confidence


@every_solver
def test_batch_equals_the_arrays(name):
    scenes = [soft_disk(), soft_disk(seed=3)]
    image, trimap = to_tensors(*scenes)
    alpha = SOLVERS[name](image, trimap)
    assert alpha.shape == trimap.shape
    assert alpha.dtype == torch.float32
    for found, scene in zip(alpha[:, 0], scenes, strict=True):
        assert np.abs(found.numpy() - SOLVERS[name](scene.image, scene.trimap)).max() < 1e-4


def test_planes_of_a_strided_trimap_stand_in_order():
    """Kernels on a device read planes row by row; a transposed trimap gave them the smoother's steps in disorder."""
    image, trimap = to_tensors(soft_disk())
    strided = trimap.transpose(2, 3).contiguous().transpose(2, 3)
    layer = closed_form_layer(1e-7, rtol=1e-8, maxiter=500, on_device=True)
    solver = layer.make(image[0], strided[0, 0], None, None)
    assert not strided[0, 0].is_contiguous()
    assert solver.is_unknown.is_contiguous()
    assert solver._system.precondition._step.is_contiguous()


@pytest.mark.gpu
def test_strided_tensors_on_the_device():
    image, trimap = (tensor.cuda() for tensor in to_tensors(soft_disk()))
    strided = (tensor.transpose(2, 3).contiguous().transpose(2, 3) for tensor in (image, trimap))
    assert (hybridmatte.solve_cf(*strided) - hybridmatte.solve_cf(image, trimap)).abs().max() < 1e-6


@every_solver
def test_prior_equals_the_arrays(name):
    scene = soft_disk()
    image, trimap = to_tensors(scene)
    prior = torch.rand(trimap.shape, generator=torch.Generator().manual_seed(0))
    alpha = SOLVERS[name](image, trimap, prior=prior, confidence=0.7)
    expected = SOLVERS[name](scene.image, scene.trimap, prior=prior[0, 0].numpy(), confidence=0.7)
    assert np.abs(alpha[0, 0].numpy() - expected).max() < 1e-4


@pytest.mark.slow
@every_solver
def test_gradient_to_prior_and_confidence(name):
    image, trimap, prior, confidence = small_problem()
    options = {"n_neighbors": (5, 4)} if name == "knn" else {}

    def solve(prior, confidence):
        return SOLVERS[name](image, trimap, prior=prior, confidence=confidence, rtol=1e-10, **options)

    assert torch.autograd.gradcheck(solve, (prior.requires_grad_(), confidence.requires_grad_()), nondet_tol=1e-9)


@pytest.mark.parametrize("with_prior", [False, True], ids=["plain", "prior"])
def test_gradient_to_the_image(with_prior):
    image, trimap, prior, confidence = small_problem(seed=1)
    options = {"prior": prior, "confidence": confidence} if with_prior else {}

    def solve(image):
        return hybridmatte.solve_cf(image, trimap, epsilon=0.1, rtol=1e-10, **options)

    assert torch.autograd.gradcheck(solve, image.requires_grad_(), nondet_tol=1e-9)


def test_image_gradient_does_not_depend_on_the_strips(monkeypatch):
    gradients = []
    for strip in (2, 64):
        monkeypatch.setattr(differentiable, "STRIP", strip)
        image, trimap, *_ = small_problem()
        hybridmatte.solve_cf(image.requires_grad_(), trimap, epsilon=1e-3).square().sum().backward()
        gradients.append(image.grad)
    assert torch.allclose(*gradients, rtol=1e-9)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    "call",
    [
        lambda image, _: hybridmatte.window_topk(image),
        lambda image, trimap: ddc_loss(trimap, image),
        hybridmatte.solve_cf,
        hybridmatte.solve_knn,
    ],
    ids=["similarity", "loss", "cf", "knn"],
)
def test_torch_keeps_its_number_of_threads(call, n_threads):
    """Numba's OpenMP loops would set it to theirs, and change the rounding of all that follows."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        call(*to_tensors(soft_disk()))
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)


@every_solver
def test_known_pixels_and_clipped_ones_carry_no_gradient(name):
    scene = hard_edge()
    image, trimap = to_tensors(scene)
    prior = torch.full_like(trimap, 0.5, requires_grad=True)
    alpha = SOLVERS[name](image, trimap, prior=prior, confidence=1e-3)
    alpha[trimap != 0.5].sum().backward()
    assert torch.equal(prior.grad, torch.zeros_like(prior))


def test_all_known_is_the_trimap_itself():
    scene = soft_disk()
    image, _ = to_tensors(scene)
    trimap = torch.from_numpy(scene.alpha > 0.5).float()[None, None]
    prior = torch.full_like(trimap, 0.5, requires_grad=True)
    alpha = hybridmatte.solve_cf(image, trimap, prior=prior)
    assert torch.equal(alpha, trimap)
    alpha.sum().backward()
    assert torch.equal(prior.grad, torch.zeros_like(prior))


def test_half_precision_comes_back_as_it_came():
    image, trimap = to_tensors(soft_disk())
    half = hybridmatte.solve_cf(image.half(), trimap.half())
    assert half.dtype == torch.float16
    assert (half.float() - hybridmatte.solve_cf(image.half().float(), trimap)).abs().max() < 1e-3


@every_solver
def test_warns_when_either_pass_falls_short(name):
    image, trimap = to_tensors(soft_disk())
    prior = torch.full_like(trimap, 0.4, requires_grad=True)
    with pytest.warns(hybridmatte.ConvergenceWarning):
        alpha = SOLVERS[name](image, trimap, prior=prior, confidence=1e-3, maxiter=1)
    with pytest.warns(hybridmatte.ConvergenceWarning):
        alpha.square().sum().backward()


def test_constant_image_is_solved():
    image, trimap = to_tensors(constant((25, 31)))
    assert torch.isfinite(hybridmatte.solve_cf(image, trimap)).all()


@every_solver
def test_a_network_learns_through_the_solve(name):
    """Descent on the prior's logits through the solve brings alpha near its target."""
    scene = soft_disk()
    image, trimap = to_tensors(scene)
    target = torch.from_numpy(scene.alpha)[None, None]
    logits = torch.zeros_like(trimap, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    errors = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = (SOLVERS[name](image, trimap, prior=logits.sigmoid(), confidence=5.0) - target).abs().mean()
        loss.backward()
        optimizer.step()
        errors.append(loss.item())
    assert errors[-1] < 0.5 * errors[0]


@every_solver
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda image, trimap: (image, trimap.transpose(2, 3)), ValueError, "but trimap has shape"),
        (lambda image, trimap: (image, trimap.double()), TypeError, "expected one dtype"),
        (lambda image, trimap: (image, trimap.to("meta")), ValueError, "expected one device"),
        (lambda image, trimap: (image * 300, trimap), ValueError, "expected finite RGB in"),
        (lambda image, trimap: (image, trimap.requires_grad_()), ValueError, "trimap requires a gradient"),
        (lambda image, trimap: (image, torch.full_like(trimap, 0.5)), ValueError, "trimap has no foreground"),
        (lambda image, trimap: (image, trimap.numpy()), TypeError, "trimap is a ndarray, expected a torch tensor"),
    ],
    ids=["transposed", "dtype", "device", "range", "gradient", "all unknown", "array"],
)
def test_bad_input(name, change, error, message):
    with pytest.raises(error, match=message):
        SOLVERS[name](*change(*to_tensors(soft_disk())))


def test_no_gradient_to_the_image_of_knn():
    image, trimap = to_tensors(soft_disk())
    with pytest.raises(ValueError, match="image requires a gradient, but none flows to it"):
        hybridmatte.solve_knn(image.requires_grad_(), trimap)


def test_confidence_needs_a_prior():
    image, trimap = to_tensors(soft_disk())
    with pytest.raises(ValueError, match="confidence came without a prior"):
        hybridmatte.solve_cf(image, trimap, confidence=0.3)


@pytest.fixture
def by_device():
    """Solve as other devices do, on the CPU: by_device["cf"](image, trimap, ...)."""

    def solver(layer, options):
        def solve(image, trimap, prior=None, confidence=None, *, rtol=1e-8, maxiter=500):
            on_device = layer(options, rtol=rtol, maxiter=maxiter, on_device=True)
            return differentiable.solve_batch(on_device, image, trimap, prior, confidence)

        return solve

    return {
        "cf": solver(closed_form_layer, 1e-7),
        "stiff": solver(closed_form_layer, 0.1),
        "knn": solver(knn_layer, KnnOptions()),
        "soft": solver(knn_layer, KnnOptions(kernel="soft")),
    }


class TestOtherDevices:
    @every_solver
    @pytest.mark.parametrize("shape", [(29, 37), (64, 80), (71, 53)])
    def test_equals_the_kernels(self, by_device, name, shape):
        scene = soft_disk(shape)
        alpha = by_device[name](*to_tensors(scene))
        assert np.abs(alpha[0, 0].numpy() - SOLVERS[name](scene.image, scene.trimap, rtol=1e-8)).max() < 1e-4

    def test_soft_weights(self, by_device):
        scene = soft_disk((64, 80), noise=0.05)
        alpha = by_device["soft"](*to_tensors(scene))
        expected = hybridmatte.solve_knn(scene.image, scene.trimap, kernel="soft", rtol=1e-8)
        assert np.abs(alpha[0, 0].numpy() - expected).max() < 1e-4

    @every_solver
    def test_prior_and_batch(self, by_device, name):
        scenes = [soft_disk(), soft_disk(seed=5)]
        image, trimap = to_tensors(*scenes)
        prior = torch.rand(trimap.shape, generator=torch.Generator().manual_seed(0))
        alpha = by_device[name](image, trimap, prior, 0.4)
        assert (alpha - SOLVERS[name](image, trimap, prior=prior, confidence=0.4)).abs().max() < 1e-4

    @pytest.mark.parametrize("name", ["stiff", "knn"])
    def test_gradients(self, by_device, name):
        inputs = [tensor[:1, :, :4, -4:].clone() for tensor in small_problem()]
        inputs[1][..., 0] = 0.0
        for tensor in (*inputs[:1] * (name == "stiff"), *inputs[2:]):
            tensor.requires_grad_()
        assert torch.autograd.gradcheck(partial(by_device[name], rtol=1e-10), inputs, nondet_tol=1e-9)

    @every_solver
    def test_few_iterations(self, by_device, name):
        image, trimap = to_tensors(soft_disk((122, 166)))
        with pytest.warns(hybridmatte.ConvergenceWarning, match={"cf": "closed_form", "knn": "knn"}[name]):
            by_device[name](image, trimap, maxiter=3)
        by_device[name](image, trimap, maxiter={"cf": 45, "knn": 150}[name])

    @every_solver
    def test_all_known_and_missing_regions(self, by_device, name):
        image, trimap = to_tensors(soft_disk())
        known = (trimap > 0.6).float()
        assert torch.equal(by_device[name](image, known), known)
        with pytest.raises(ValueError, match="trimap has no foreground pixel in image 0 of the batch"):
            by_device[name](image, trimap.clamp(max=0.5))

    def test_constant_image_of_knn(self, by_device):
        """All distances in colour are equal: the nearest are those nearest in the image."""
        assert torch.isfinite(by_device["knn"](*to_tensors(constant((25, 31))))).all()

    @every_solver
    @pytest.mark.gpu
    def test_on_the_device_itself(self, name):
        scene = soft_disk((64, 80))
        image, trimap = (tensor.cuda() for tensor in to_tensors(scene))
        prior = torch.full_like(trimap, 0.5, requires_grad=True)
        alpha = SOLVERS[name](image, trimap, prior=prior, confidence=1e-3)
        assert alpha.device == image.device
        expected = SOLVERS[name](scene.image, scene.trimap, prior=np.full(scene.trimap.shape, 0.5), confidence=1e-3)
        assert np.abs(alpha[0, 0].detach().cpu().numpy() - expected).max() < 1e-4
        alpha.sum().backward()
        assert torch.isfinite(prior.grad).all()
        assert prior.grad.abs().sum() > 0

    @pytest.mark.gpu
    @pytest.mark.parametrize("shape", [(5, 7), (29, 37), (301, 403), (800, 600)], ids=str)
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_closed_form_on_the_device(self, shape, dtype):
        """Alphas and gradients of CUDA tensors equal those of the CPU, with channels last too."""
        image, trimap = (tensor.to(dtype) for tensor in to_tensors(soft_disk(shape)))
        trimap[..., 0, 0], trimap[..., -1, -1] = 1.0, 0.0
        prior = torch.rand(trimap.shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
        results = []
        for device in ("cpu", "cuda"):
            leaves = [tensor.to(device).clone().requires_grad_() for tensor in (image, prior)]
            given = leaves[0].contiguous(memory_format=torch.channels_last)
            alpha = hybridmatte.solve_cf(given, trimap.to(device), epsilon=1e-3, prior=leaves[1], confidence=0.1)
            (alpha * prior.to(device)).sum().backward()
            results.append([tensor.detach().cpu() for tensor in (alpha, leaves[0].grad, leaves[1].grad)])
        for here, there in zip(*results, strict=True):
            assert (here - there).abs().max() < 1e-4 * max(1.0, here.abs().max())

    @pytest.mark.gpu
    def test_few_iterations_at_6_megapixels(self):
        image, trimap = (tensor.cuda() for tensor in to_tensors(soft_disk((2000, 3000))))
        hybridmatte.solve_cf(image, trimap, maxiter=200)
