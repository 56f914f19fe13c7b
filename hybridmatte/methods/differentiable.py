"""Classical solves as layers: tensors in and out, gradients by implicit differentiation.

With A = L_uu + C, the solve is ``A x = C p - L_uk a_k``. For the gradient g of some loss in x, one more solve gives
y = A^-1 g, and with y and x filled up by zeros and the known alphas

    dloss/dp = C y        dloss/dC = y (p - x)        dloss/dI = -d(y' L(I) x)/dI
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from hybridmatte._validation import check_number
from hybridmatte._validation_torch import (
    check_image_batch,
    check_no_gradient,
    check_together,
    promote,
    split_planes,
    torch_threads,
)
from hybridmatte.linalg.threads import threads_for
from hybridmatte.systems._problem_torch import check_prior_batch
from hybridmatte.systems.problem import check_problem, check_stopping, warn_unconverged

__all__ = ["solve_cf_batch", "solve_knn_batch"]

STRIP = 64  # rows of windows differentiated at a time


class _Layer(NamedTuple):
    """A solve that can be differentiated.

    make takes image (3, H, W), trimap, prior and confidence (H, W) or None, and returns a solver with ``is_unknown``
    and ``solve(rhs=None)``, both (H, W) tensors on the image's device, the latter float64. form gives ``y' L x``, (B,),
    of two batches of alphas and one of images, or is None if no gradient flows to the image.
    """

    make: callable
    form: callable


class _ArraySolver:
    """A classical solver on the CPU, which takes a `Problem` and solves for planes, in tensors."""

    def __init__(self, make, image, trimap, prior, confidence):
        image = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        prior, confidence = (plane if plane is None else plane.contiguous().numpy() for plane in (prior, confidence))
        problem = check_problem(image, trimap.contiguous().numpy(), prior, confidence)
        # in float64 where the tensors are
        problem = problem._replace(image=image, prior=prior, confidence=confidence)
        self.is_unknown, self._known = (torch.from_numpy(plane) for plane in (problem.is_unknown, problem.known_alpha))
        with torch_threads(), threads_for(problem.is_unknown.sum()):
            self._solver = make(problem) if problem.is_unknown.any() else None

    def solve(self, rhs=None):
        """Return the solution for the known alphas and the prior, or for the unknown pixels of a plane."""
        if self._solver is None:
            return self._known.double() if rhs is None else torch.zeros_like(rhs)
        with torch_threads():
            return torch.from_numpy(self._solver.solve(None if rhs is None else rhs.numpy()))


class _DeviceSolver:
    """A solver on the tensors' own device.

    build takes image, is_unknown, known_alpha and confidence, and returns a system with ``known_rhs``, ``multiply``,
    ``precondition``, ``gather`` from and ``scatter`` to planes.
    """

    def __init__(self, build, image, trimap, prior, confidence, *, rtol, maxiter, method):
        is_foreground, _, self.is_unknown = split_planes(trimap)
        self._known, self._system = is_foreground.double(), None
        self._stopping, self._method = {"rtol": rtol, "maxiter": maxiter}, method
        if self.is_unknown.any():
            weight = None if confidence is None else confidence.double()
            self._system = build(image, self.is_unknown, self._known, weight)
            drawn = 0.0 if weight is None else self._system.gather(weight * prior.double())
            self._rhs = self._system.known_rhs + drawn

    def solve(self, rhs=None):
        """Return the solution for the known alphas and the prior, or for the unknown pixels of a plane."""
        from hybridmatte.linalg._conjugate_gradient_torch import conjugate_gradient_tensors

        known = self._known if rhs is None else torch.zeros_like(rhs)
        if self._system is None:
            return known
        given = self._rhs if rhs is None else self._system.gather(rhs)
        result = conjugate_gradient_tensors(self._system.multiply, given, self._system.precondition, **self._stopping)
        warn_unconverged(result, self._stopping["rtol"], self._method)
        return self._system.scatter(result.x, known)


def solve_cf_batch(image, trimap, prior, confidence, rtol, maxiter, *, epsilon):
    """Solve a batch of tensors by closed-form matting; see `solve_cf`."""
    from hybridmatte.methods._closed_form_torch import closed_form_product
    from hybridmatte.methods.closed_form import closed_form_system
    from hybridmatte.systems.local import LocalSolver

    rtol, maxiter = check_stopping(rtol, maxiter)
    epsilon = check_number(epsilon, "epsilon", above=0)
    options = {"rtol": rtol, "maxiter": maxiter, "method": "closed_form"}
    if image.device.type == "cpu":
        build = partial(closed_form_system, epsilon=epsilon)
        make = partial(_ArraySolver, partial(LocalSolver, build=build, reach=2, **options))
    else:
        make = _closed_form_on_device(epsilon, **options)
    return _solve_batch(_Layer(make, partial(closed_form_product, epsilon=epsilon)), image, trimap, prior, confidence)


def solve_knn_batch(image, trimap, prior, confidence, rtol, maxiter, **options):
    """Solve a batch of tensors by KNN matting; see `solve_knn`."""
    from hybridmatte.methods.knn import knn_system
    from hybridmatte.systems.graph import GraphSolver

    rtol, maxiter = check_stopping(rtol, maxiter)
    stopping = {"rtol": rtol, "maxiter": maxiter, "method": "knn"}

    def make(problem):
        system = knn_system(problem.image, problem.is_unknown, problem.known_alpha, **options)
        return GraphSolver(problem, system, **stopping)

    is_array = image.device.type == "cpu"
    make = partial(_ArraySolver, make) if is_array else _knn_on_device(options, **stopping)
    return _solve_batch(_Layer(make, None), image, trimap, prior, confidence)


def _closed_form_on_device(epsilon, **options):
    """Return what makes a closed-form solver on the tensors' device, see `_Layer`."""
    from hybridmatte.linalg._multigrid_torch import DeviceSystem

    return partial(_DeviceSolver, partial(DeviceSystem, epsilon=epsilon), **options)


def _knn_on_device(parameters, **options):
    """Return what makes a KNN solver on the tensors' device, see `_Layer`."""
    from hybridmatte.methods._knn_torch import knn_tensor_links
    from hybridmatte.systems._graph_torch import DeviceGraph

    def build(image, is_unknown, known_alpha, confidence):
        links = knn_tensor_links(image, is_unknown, **parameters)
        return DeviceGraph(*links, is_unknown=is_unknown, known_alpha=known_alpha, confidence=confidence)

    return partial(_DeviceSolver, build, **options)


def _solve_batch(layer, image, trimap, prior, confidence):
    """Check tensors on the CPU and solve them; return alpha (B, 1, H, W) in the image's dtype."""
    check_together(trimap=trimap, image=image, prior=prior)
    check_no_gradient(trimap, "trimap")
    check_image_batch(image.detach())
    if layer.form is None:
        check_no_gradient(image, "image")
    confidence = check_prior_batch(trimap, prior, confidence)
    tensors = [tensor if tensor is None else promote(tensor) for tensor in (image, trimap, prior, confidence)]
    return _Solve.apply(*tensors, layer).to(image.dtype)


class _Solve(Function):
    """Forward: a solve an image; backward: another, with the same systems and preconditioners."""

    @staticmethod
    def forward(ctx, image, trimap, prior, confidence, layer):
        planes = [None if tensor is None else tensor.detach()[:, 0] for tensor in (trimap, prior, confidence)]
        solvers = [layer.make(image.detach()[index], *(plane if plane is None else plane[index] for plane in planes))
                   for index in range(len(image))]
        full = torch.stack([solver.solve() for solver in solvers])[:, None]
        is_unknown = torch.stack([solver.is_unknown for solver in solvers])[:, None]
        ctx.solvers, ctx.form = solvers, layer.form
        ctx.save_for_backward(image, prior, confidence, full, is_unknown & (full >= 0.0) & (full <= 1.0))
        return full.clamp(0.0, 1.0).to(image.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        image, prior, confidence, full, is_free = ctx.saved_tensors
        given = torch.where(is_free, grad_output.double(), 0.0)
        adjoint = torch.stack([solver.solve(given[index, 0]) for index, solver in enumerate(ctx.solvers)])[:, None]
        gradients = [None] * 5
        if ctx.needs_input_grad[0]:
            gradients[0] = -_image_gradient(ctx.form, adjoint, full, image).to(image.dtype)
        if ctx.needs_input_grad[2]:
            gradients[2] = (confidence.double() * adjoint).to(image.dtype)
        if ctx.needs_input_grad[3]:
            gradients[3] = (adjoint * (prior.double() - full)).to(image.dtype)
        return tuple(gradients)


def _image_gradient(form, adjoint, full, image):
    """Return the gradient of the form y' L(I) x with respect to the image, strip by strip."""
    result = torch.zeros_like(image, dtype=torch.float64)
    for start in range(0, max(image.shape[2] - 2, 1), STRIP):
        rows = slice(start, start + STRIP + 2)
        with torch.enable_grad():
            strip = image[:, :, rows].double().requires_grad_()
            value = form(adjoint[:, :, rows], full[:, :, rows], strip).sum()
            result[:, :, rows] += torch.autograd.grad(value, strip)[0]
    return result
