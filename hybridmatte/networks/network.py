"""What all networks share: image and perhaps trimap in, alpha out, at any size."""

from contextlib import contextmanager

import torch
from torch.nn.functional import pad

from hybridmatte._validation_torch import check_batch, check_together, split_planes

__all__ = ["CARD", "MattingNetwork", "count_planes", "model_card", "normalized", "padded_to", "predicting"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours
PLANES = {False: 0, True: 1, "one-hot": 3}


def model_card(usage):
    """Return the model card of a network that is saved, with what it is for and an example of its use."""
    return f"""---
{{{{ card_data }}}}
---

# A matting network of hybridmatte

{usage}
What it was trained on, by which configuration, how it scores and where it fails: not written yet.
"""


CARD = model_card("""From a photograph, and a trimap if `trimap` in `config.json` is not false, to alpha:

    from hybridmatte.networks import load_network, predict_alpha

    network = load_network("FOLDER, OR OWNER/NAME ON THE HUB")
    alpha = predict_alpha(network, image, trimap)

Or `hybridmatte predict FOLDER IMAGE [TRIMAP] -o ALPHA.png`.
""")


def count_planes(trimap):
    """Return the number of planes that an option ``trimap`` of False, True or "one-hot" adds to the image's three."""
    if not isinstance(trimap, (bool, str)) or trimap not in PLANES:
        raise ValueError(f"trimap is {trimap!r}, expected False, True or 'one-hot'")
    return PLANES[trimap]


def normalized(image, mean=MEAN, std=STD):
    """Return a batch of images less the mean colour, over the standard deviation."""
    mean, std = (image.new_tensor(values)[:, None, None] for values in (mean, std))
    return (image - mean) / std


def padded_to(planes, stride):
    """Return planes whose height and width are multiples of a stride, the last row and column repeated."""
    height, width = planes.shape[2:]
    return pad(planes, (0, -width % stride, 0, -height % stride), mode="replicate")


@contextmanager
def predicting(module):
    """Have a module in evaluation mode and without gradients for a while."""
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield module
    finally:
        module.train(was_training)


class MattingNetwork(torch.nn.Module):
    """A network from images, and trimaps if it takes them, to alphas.

    A subclass sets the attributes and writes ``estimate(planes)``, from (B, 3, 4 or 6, H, W), height and width
    multiples of its stride, to alpha (B, 1, H, W) in [0, 1].

    Attributes
    ----------
    trimap_planes : int
        0 for a network of the image alone; 1 where the trimap is the fourth plane; 3 where background, unknown and
        foreground are a plane each, 0 and 1.
    takes_trimap : bool
        Whether `forward` wants a trimap.
    stride : int
        Height and width are padded to multiples of it, by repeating the last row and column.
    mean, std : (3,) sequences
        Of the colours the encoder was trained with; the image is normalised by them inside.
    encoder_prefix : str or tuple of str
        What the names of the encoder's parameters begin with.
    has_fixed_size : bool
        Whether one ONNX file serves one size of image only.

    Shapes
    ------
    image : (B, 3, H, W), in [0, 1]
    trimap : (B, 1, H, W), background at most 0.1, foreground at least 0.9
    alpha : (B, 1, H, W)
    """

    trimap_planes = 0
    stride = 32
    encoder_prefix = "encoder."
    has_fixed_size = False
    mean, std = MEAN, STD

    @property
    def takes_trimap(self):
        """Whether `forward` wants a trimap."""
        return self.trimap_planes > 0

    def forward(self, image, trimap=None):
        """Return alpha (B, 1, H, W) in [0, 1] of a batch."""
        planes = self.prepared(image, trimap)
        return self.estimate(planes)[:, :, :image.shape[2], :image.shape[3]]

    def weighted_alphas(self, image, trimap=None):
        """Return pairs of a weight and an alpha that training charges, the weights of sum 1; one alpha for most."""
        return [(1.0, self(image, trimap))]

    def prepared(self, image, trimap=None):
        """Return the checked batch as `estimate` takes it."""
        if self.takes_trimap and trimap is None:
            raise ValueError("trimap is missing, expected one: the network was made with a trimap")
        if not self.takes_trimap and trimap is not None:
            raise ValueError("trimap came, expected none: the network was made without")
        check_batch(image, "image", 3)
        check_together(image=image, trimap=trimap)
        return self.padded(self.join(image, trimap))

    def predicting(self):
        """Be in evaluation mode and without gradients for a while."""
        return predicting(self)

    def padded(self, planes):
        """Return planes whose height and width are multiples of the stride, the last row and column repeated."""
        return padded_to(planes, self.stride)

    def join(self, image, trimap=None):
        """Return images normalised, with the trimap's planes behind their own."""
        planes = normalized(image, self.mean, self.std)
        if trimap is None:
            return planes
        if self.trimap_planes == 3:
            is_foreground, is_background, is_unknown = split_planes(trimap)
            trimap = torch.cat([is_background, is_unknown, is_foreground], dim=1).to(planes.dtype)
        return torch.cat([planes, trimap], dim=1)

    def estimate(self, planes):
        """Return alpha of what `join` returns."""
        raise NotImplementedError

    def layer_depths(self):
        """Return the number of encoder layers below each parameter's, name to int; heads and decoders come last.

        What layer-wise decay of the learning rate goes by: of n layers, those at depth k have k below them, and what
        belongs to none has n.
        """
        raise NotImplementedError
