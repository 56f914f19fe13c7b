"""The forms of each loss that are compared: ours, ours with the similarity given, and the unfolded one."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
LOSSES = ("affinity_loss", "dc_loss", "ddc_loss", "ddc_hinge_loss")
FORMS = ("hybridmatte", "hybridmatte, similarity given", "unfolded")


@dataclass(frozen=True)
class Config:
    """config.toml, key for key."""

    threads: int
    rounds: int
    side: int
    window_size: int


def photograph(side, batch=1):
    """Return scikit-learn's photograph of a temple as a batch (B, 3, side, side), shifted from one to the next."""
    import cv2
    import torch

    from experiments.guide_pictures.scenes import BACKDROP
    from hybridmatte import read_image

    image = cv2.resize(read_image(BACKDROP), (side, side), interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)
    image = torch.from_numpy(image).permute(2, 0, 1).contiguous()
    return torch.stack([image.roll(17 * index, dims=2) for index in range(batch)])


def prepare(form, loss, image, window_size):
    """Return a function that runs one form of a loss forward and backward and returns value and gradient."""
    import torch

    from baselines import losses as baseline
    from hybridmatte import losses, window_topk

    alpha = image[:, :1].flip(3).requires_grad_()  # unlike the image, so that no pair lies on a kink
    if form == "unfolded":
        function, options = getattr(baseline, loss), {"window_size": window_size}
    elif form == "hybridmatte":
        function, options = getattr(losses, loss), {"window_size": window_size, "padding": "zeros"}
    else:
        function = getattr(losses, loss)
        options = {"similarity": window_topk(image, window_size, padding="zeros")}

    def run():
        alpha.grad = None
        value = function(alpha, image, **options)
        value.backward()
        if image.device.type == "cuda":
            torch.cuda.synchronize()
        return value.item(), alpha.grad

    return run
