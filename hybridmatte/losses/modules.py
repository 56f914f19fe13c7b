"""Every loss as a module: the options at construction, the tensors at the call."""

import inspect

from torch import nn

from hybridmatte.losses.affinity import affinity_loss
from hybridmatte.losses.alpha_free import alpha_free_loss
from hybridmatte.losses.gradient import gradient_loss, gradient_penalty_loss
from hybridmatte.losses.known import known_loss
from hybridmatte.losses.matting_laplacian import matting_laplacian_loss
from hybridmatte.losses.pairs import dc_loss, ddc_hinge_loss, ddc_loss
from hybridmatte.losses.pyramid import laplacian_pyramid_loss
from hybridmatte.losses.supervised import composition_loss, hard_mining_loss, l1_loss, l2_loss

__all__ = [
    "AffinityLoss",
    "AlphaFreeLoss",
    "CompositionLoss",
    "DCLoss",
    "DDCHingeLoss",
    "DDCLoss",
    "GradientLoss",
    "GradientPenaltyLoss",
    "HardMiningLoss",
    "KnownLoss",
    "L1Loss",
    "L2Loss",
    "LaplacianPyramidLoss",
    "MattingLaplacianLoss",
]

TENSOR_OPTIONS = {"similarity", "region"}  # keywords that differ from call to call


class _Loss(nn.Module):
    """A loss function with its options fixed."""

    function = None

    def __init__(self, **options):
        super().__init__()
        allowed = [name for name, parameter in inspect.signature(type(self).function).parameters.items()
                   if parameter.kind is parameter.KEYWORD_ONLY and name not in TENSOR_OPTIONS]
        unknown = sorted(set(options) - set(allowed))
        if unknown:
            raise TypeError(f"{type(self).__name__} got the option {unknown[0]!r}, expected one of {allowed}")
        self.options = options

    def forward(self, *tensors, **more):
        """Return the loss of the function's tensors, in its order, alpha first."""
        return type(self).function(*tensors, **self.options, **more)

    def extra_repr(self):
        """Return the options for printing."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


def _module_of(name, loss):
    summary = loss.__doc__.splitlines()[0]
    document = f"{summary}\n\nModule form of `{loss.__name__}`: its options are given here, its tensors at the call."
    return type(name, (_Loss,), {"function": staticmethod(loss), "__doc__": document, "__module__": __name__})


AffinityLoss = _module_of("AffinityLoss", affinity_loss)
AlphaFreeLoss = _module_of("AlphaFreeLoss", alpha_free_loss)
CompositionLoss = _module_of("CompositionLoss", composition_loss)
DCLoss = _module_of("DCLoss", dc_loss)
DDCHingeLoss = _module_of("DDCHingeLoss", ddc_hinge_loss)
DDCLoss = _module_of("DDCLoss", ddc_loss)
GradientLoss = _module_of("GradientLoss", gradient_loss)
GradientPenaltyLoss = _module_of("GradientPenaltyLoss", gradient_penalty_loss)
HardMiningLoss = _module_of("HardMiningLoss", hard_mining_loss)
KnownLoss = _module_of("KnownLoss", known_loss)
L1Loss = _module_of("L1Loss", l1_loss)
L2Loss = _module_of("L2Loss", l2_loss)
LaplacianPyramidLoss = _module_of("LaplacianPyramidLoss", laplacian_pyramid_loss)
MattingLaplacianLoss = _module_of("MattingLaplacianLoss", matting_laplacian_loss)
