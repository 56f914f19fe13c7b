"""The forms of each loss that are compared: ours, ours with the similarity given, and the unfolded one."""

from collections.abc import Callable

import cv2
import torch

from baselines import losses as baseline
from experiments.bench_losses import FORMS
from experiments.example_photographs import temple_photograph
from hybridmatte import losses, read_image, window_topk

OURS = {
    "affinity_loss": losses.affinity_loss,
    "dc_loss": losses.dc_loss,
    "ddc_loss": losses.ddc_loss,
    "ddc_hinge_loss": losses.ddc_hinge_loss,
}
UNFOLDED = {
    "affinity_loss": baseline.affinity_loss,
    "dc_loss": baseline.dc_loss,
    "ddc_loss": baseline.ddc_loss,
    "ddc_hinge_loss": baseline.ddc_hinge_loss,
}


def photograph(side: int, batch: int = 1) -> torch.Tensor:
    """Return scikit-learn's photograph of a temple as a batch (B, 3, side, side), shifted from one to the next."""
    image = cv2.resize(read_image(temple_photograph()), (side, side), interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)
    image = torch.from_numpy(image).permute(2, 0, 1).contiguous()
    return torch.stack([image.roll(17 * index, dims=2) for index in range(batch)])


def prepare(form: str, loss: str, image: torch.Tensor, window_size: int) -> Callable[[], tuple[float, torch.Tensor]]:
    """Return a function that runs one form of a loss forward and backward and returns value and gradient."""
    alpha = image[:, :1].flip(3).requires_grad_()  # unlike the image, so that no pair lies on a kink
    if form == FORMS[2]:
        function, options = UNFOLDED[loss], {"window_size": window_size}
    elif form == FORMS[0]:
        function, options = OURS[loss], {"window_size": window_size, "padding": "zeros"}
    else:
        function, options = OURS[loss], {"similarity": window_topk(image, window_size, padding="zeros")}

    def call():
        alpha.grad = None
        value = function(alpha, image, **options)
        value.backward()
        if image.device.type == "cuda":
            torch.cuda.synchronize()
        return value.item(), alpha.grad

    return call
