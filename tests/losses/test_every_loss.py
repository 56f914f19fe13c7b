"""Properties of every loss: gradient, invariances, refusal of bad input, and the module with the same signature."""

import inspect
from functools import partial

import pytest
import torch

from hybridmatte import losses
from hybridmatte.losses.pyramid import downsample, upsample
from tests.losses.cases import EVERY_LOSS, batch


def function_of(name):
    """Return a loss without the options that the tests fix."""
    loss = EVERY_LOSS[name][0]
    return loss.func if isinstance(loss, partial) else loss


def inputs_of(name, data):
    """Return a loss and its inputs, alpha first."""
    loss, names = EVERY_LOSS[name]
    return loss, [data["alpha"], *(data[other] for other in names)]


every_loss = pytest.mark.parametrize("name", EVERY_LOSS)
of_region = pytest.mark.parametrize(
    "name", ["l1", "composition", "laplacian_pyramid", "gradient", "gradient_penalty", "hard_mining"]
)


@pytest.mark.slow
@every_loss
def test_gradient_in_float64(name):
    loss, (alpha, *others) = inputs_of(name, batch((2, 7, 9)))
    assert torch.autograd.gradcheck(lambda a: loss(a, *others), alpha.requires_grad_())


@of_region
def test_gradient_within_a_region(name):
    data = batch((2, 7, 9))
    loss, (alpha, *others) = inputs_of(name, data)
    region = (data["trimap"] == 0.5).to(alpha.dtype)
    assert torch.autograd.gradcheck(lambda a: loss(a, *others, region=region), alpha.requires_grad_())


@every_loss
@pytest.mark.parametrize("flip", [(2,), (3,)], ids=["up-down", "left-right"])
def test_same_for_flips(name, flip):
    data = batch((2, 17, 33))  # sides that stay odd: halving an even one keeps pixels that a flip does not
    loss, tensors = inputs_of(name, data)
    flipped = loss(*(tensor.flip(flip) for tensor in tensors))
    assert flipped.item() == pytest.approx(loss(*tensors).item(), rel=1e-12)


@every_loss
def test_same_for_any_order_of_the_batch(name):
    loss, tensors = inputs_of(name, batch((3, 12, 11)))
    turned = loss(*(tensor.roll(1, dims=0) for tensor in tensors))
    assert turned.item() == pytest.approx(loss(*tensors).item(), rel=1e-12)


@every_loss
def test_zero_where_alpha_is_right(name):
    data = batch()
    if name in ("dc", "ddc", "symmetric_ddc", "alpha_free"):
        pytest.skip("has a positive least value on a random image")
    data["image"] = torch.full_like(data["image"], 0.5)
    data["foreground"] = data["background"] = data["image"]
    data["trimap"] = torch.ones_like(data["alpha"])
    data["alpha"] = data["target"] = torch.ones_like(data["alpha"])
    loss, tensors = inputs_of(name, data)
    assert loss(*tensors).item() == pytest.approx(0, abs=1e-9)


@of_region
def test_empty_region_gives_zero_and_a_zero_gradient(name):
    loss, (alpha, *others) = inputs_of(name, batch())
    value = loss(alpha.requires_grad_(), *others, region=torch.zeros_like(alpha))
    value.backward()
    assert value.item() == 0.0
    assert torch.equal(alpha.grad, torch.zeros_like(alpha))


def test_nothing_known_gives_zero_and_a_zero_gradient():
    alpha = batch()["alpha"].requires_grad_()
    losses.known_loss(alpha, torch.full_like(alpha, 0.5)).backward()
    assert torch.equal(alpha.grad, torch.zeros_like(alpha))


@of_region
def test_pixels_outside_the_region_do_not_count(name):
    data = batch()
    if name in ("laplacian_pyramid", "gradient"):
        pytest.skip("its filters reach over the region's edge")
    region = (data["trimap"] == 0.5).to(data["alpha"].dtype)
    loss, (alpha, *others) = inputs_of(name, data)
    changed = torch.where(region > 0, alpha, 1 - alpha)
    assert loss(changed, *others, region=region).item() == loss(alpha, *others, region=region).item()


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_promoted_inside(name, dtype):
    data = {key: value.to(dtype) for key, value in batch().items()}
    loss, tensors = inputs_of(name, data)
    value = loss(*tensors)
    assert value.dtype == dtype
    assert value.item() == loss(*(tensor.float() for tensor in tensors)).to(dtype).item()


@every_loss
def test_refuses_what_does_not_fit(name):
    loss, (alpha, *others) = inputs_of(name, batch())
    with pytest.raises(ValueError, match=r"has shape .* but alpha has shape"):
        loss(alpha, *(other.transpose(2, 3) for other in others))
    with pytest.raises(TypeError, match="has dtype torch.float32 but alpha has dtype torch.float64"):
        loss(alpha, *(other.float() for other in others))
    with pytest.raises(TypeError, match="alpha is a ndarray, expected a torch tensor"):
        loss(alpha.numpy(), *others)
    with pytest.raises(TypeError, match="alpha has dtype torch.uint8, expected floating point"):
        loss((255 * alpha).byte(), *others)
    with pytest.raises(ValueError, match=r"alpha has shape \(2, 13, 17\), expected \(B, 1, H, W\)"):
        loss(alpha[:, 0], *others)
    with pytest.raises(ValueError, match="is on meta but alpha is on cpu"):
        loss(alpha, *(other.to("meta") for other in others))


@every_loss
def test_refuses_a_gradient_where_none_flows(name):
    loss, (alpha, first, *others) = inputs_of(name, batch())
    with pytest.raises(ValueError, match=r"requires a gradient, but none flows to it; pass \w+.detach()"):
        loss(alpha, first.requires_grad_(), *others)


MODULES = {
    "affinity": losses.AffinityLoss,
    "dc": losses.DCLoss,
    "ddc": losses.DDCLoss,
    "hinge": losses.DDCHingeLoss,
    "known": losses.KnownLoss,
    "alpha_free": losses.AlphaFreeLoss,
    "l1": losses.L1Loss,
    "l2": losses.L2Loss,
    "composition": losses.CompositionLoss,
    "laplacian_pyramid": losses.LaplacianPyramidLoss,
    "gradient": losses.GradientLoss,
    "gradient_penalty": losses.GradientPenaltyLoss,
    "hard_mining": losses.HardMiningLoss,
    "matting_laplacian": losses.MattingLaplacianLoss,
}


@pytest.mark.parametrize("name", MODULES)
def test_module_is_the_function(name):
    loss, tensors = inputs_of(name, batch())
    module = MODULES[name](**getattr(loss, "keywords", {}))
    assert module(*tensors).item() == loss(*tensors).item()
    for option, value in getattr(loss, "keywords", {}).items():
        assert f"{option}={value}" in repr(module)


def test_every_function_has_its_module():
    functions = {getattr(losses, name) for name in losses.__all__ if name.endswith("_loss")}
    assert {function_of(name) for name in MODULES} == functions
    assert set(MODULES.values()) == {getattr(losses, name) for name in losses.__all__ if name.endswith("Loss")}


@pytest.mark.parametrize("name", MODULES)
def test_module_has_the_signature_of_its_function(name):
    """Options, with the same defaults and types, are given to the constructor, the tensors to the call."""
    parameters = inspect.signature(function_of(name)).parameters.values()
    is_option = {
        parameter.name: parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in ("similarity", "region")
        for parameter in parameters
    }
    options = list(inspect.signature(MODULES[name].__init__).parameters.values())[1:]
    tensors = list(inspect.signature(MODULES[name].forward).parameters.values())[1:]
    assert options == [parameter for parameter in parameters if is_option[parameter.name]]
    assert tensors == [parameter for parameter in parameters if not is_option[parameter.name]]


@pytest.mark.parametrize("name", MODULES)
def test_module_refuses_unknown_options(name):
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'window'"):
        MODULES[name](window=11)


def test_composition_gradient_flows_to_the_layers():
    data = batch((1, 4, 5))
    foreground, background = data["foreground"].requires_grad_(), data["background"].requires_grad_()
    losses.composition_loss(data["alpha"], data["image"], foreground, background).backward()
    assert foreground.grad.abs().sum() > 0
    assert background.grad.abs().sum() > 0


@pytest.mark.parametrize("width", [32, 33])
def test_ramps_have_no_band(width):
    """A ramp is reproduced from its coarser level: only the border and the coarsest level contribute."""
    ramp = torch.arange(float(width), dtype=torch.float64).repeat(1, 1, 24, 1) / width
    band = ramp - upsample(downsample(ramp), ramp.shape[2:])
    assert band[..., 8:-8, 8:-8].abs().max() < 1e-12


def test_nan_outside_the_region_does_not_count():
    data = batch()
    region = (data["trimap"] == 0.5).to(data["alpha"].dtype)
    target = torch.where(region > 0, data["target"], torch.nan)
    for loss in (losses.l1_loss, losses.laplacian_pyramid_loss):
        assert torch.isfinite(loss(data["alpha"], target, region=region))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda plane: losses.known_loss(plane, plane * 255), "trimap has values from"),
        (lambda plane: losses.known_loss(plane, plane * torch.nan), "trimap has NaN"),
        (lambda plane: losses.l1_loss(plane, plane * 255), "target has values from"),
        (lambda plane: losses.l1_loss(plane, plane, region=plane * torch.nan), "region has NaN"),
    ],
    ids=["trimap of 255", "trimap of NaN", "target of 255", "region of NaN"],
)
def test_values_out_of_range(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.linspace(0.1, 1.0, 12).reshape(1, 1, 3, 4))


def test_region_of_booleans():
    alpha, target = torch.rand(2, 1, 1, 6, 7, generator=torch.Generator().manual_seed(0))
    is_counted = alpha > 0.3
    assert losses.l1_loss(alpha, target, region=is_counted) == losses.l1_loss(alpha, target, region=is_counted.float())


@pytest.mark.parametrize("loss", [losses.gradient_loss, losses.laplacian_pyramid_loss])
def test_autocast_does_not_lower_the_precision(loss):
    alpha, target = torch.rand(2, 1, 1, 24, 31, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(alpha, target)
    assert inside == loss(alpha, target)
