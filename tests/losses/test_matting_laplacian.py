"""The quadratic form of the closed-form Laplacian in torch against the sparse matrix."""

import pytest
import torch

from hybridmatte import closed_form_laplacian
from hybridmatte.losses import matting_laplacian_loss
from hybridmatte.methods._closed_form_torch import closed_form_product
from tests.losses.cases import batch
from tests.synthetic import soft_disk


@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
@pytest.mark.parametrize("source", ["noise", "scene"])
def test_equals_the_matrix(epsilon, source):
    data = batch((1, 29, 37))
    if source == "scene":
        scene = soft_disk()
        data["image"] = torch.from_numpy(scene.image).double().permute(2, 0, 1)[None]
    laplacian = closed_form_laplacian(data["image"][0].permute(1, 2, 0).numpy(), epsilon=epsilon)
    left, right = data["alpha"].ravel().numpy(), data["target"].ravel().numpy()
    loss = matting_laplacian_loss(data["alpha"], data["image"], epsilon=epsilon).item()
    assert loss == pytest.approx(left @ laplacian @ left / left.size, rel=1e-5)
    product = closed_form_product(data["alpha"], data["target"], data["image"], epsilon).item()
    assert product == pytest.approx(left @ laplacian @ right, rel=1e-4)


def test_gradient_to_the_image():
    data = batch((1, 5, 6))
    inputs = [data[name].requires_grad_() for name in ("alpha", "target", "image")]
    assert torch.autograd.gradcheck(lambda *tensors: closed_form_product(*tensors, 1e-2), inputs)


def test_zero_without_a_window():
    data = batch((1, 2, 9))
    assert matting_laplacian_loss(data["alpha"], data["image"]).item() == 0.0
