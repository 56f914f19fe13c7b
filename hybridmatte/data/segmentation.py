"""Coarse, soft segmentations, as segmenters would give them: what Net-T learns from and is tested with."""

from collections.abc import Sequence

import numpy as np

from hybridmatte._validation import check_integer, check_number, check_plane
from hybridmatte.data.augmentation import random_trimap
from hybridmatte.data.folders import Sample
from hybridmatte.trimap import depth_inside

__all__ = ["AsRealTask", "AsTrimapTask", "TrimapTasks", "random_segmentation", "soft_segmentation"]

LARGEST = 59  # pixels of 512, the erosion and dilation of random segmentations
BLURS = (1, 21, 31, 41)  # pixels, sides of the Gaussian kernels of such a segmentation; 1 leaves it hard
KEPT = 0.9  # of the innermost depth: no erosion takes all


def random_segmentation(alpha, generator, *, width=LARGEST):
    """Make a coarse, soft segmentation from alpha: too small or too large by chance, its edge blurred.

    What is not background in a `random_trimap` of widths up to half of `width` is eroded by 1 to `width` pixels, then
    dilated by as many again, and blurred; a quarter stays hard, which the paper's do not, as masks that users have are.
    Erosion leaves the deepest tenth of an object, if nothing else.

    Parameters
    ----------
    alpha : (H, W) array
        In [0, 1].
    generator : numpy.random.Generator
    width : int, default 59
        Largest erosion and dilation in pixels, for objects of about 512.

    Returns
    -------
    segmentation : (H, W) float32 array
        In [0, 1].

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Section 4.1; the blur as in S. Sengupta et al., Background matting, CVPR 2020.
    """
    alpha, width = check_plane(alpha, "alpha"), check_integer(width, "width", low=2)
    is_inside = random_trimap(alpha, generator, widths=(1, width // 2)) > 0.25
    fewer, more = generator.integers(1, width + 1, 2)
    is_inside = ~_eroded(~_eroded(is_inside, fewer), more, kept=0.0)
    return _blurred(is_inside, BLURS[generator.integers(len(BLURS))] * width / LARGEST)


def soft_segmentation(mask, *, erode=20.0, blur=31.0):
    """Return a mask eroded and blurred: the input of Net-T as it is tested, and as made from a segmenter's mask.

    Parameters
    ----------
    mask : (H, W) array
        In [0, 1]; at least 0.5 is inside.
    erode : float, default 20
        Pixels; at least the deepest tenth of an object is left.
    blur : float, default 31
        Side of the Gaussian's kernel in pixels; below 3 there is none.

    Returns
    -------
    segmentation : (H, W) float32 array
        In [0, 1].
    """
    erode, blur = check_number(erode, "erode", low=0.0), check_number(blur, "blur", low=0.0)
    return _blurred(_eroded(check_plane(mask, "mask") >= 0.5, erode), blur)


def _eroded(is_inside, width, kept=KEPT):
    """Return the pixels deeper than a width, or than `kept` of the deepest, if that is less."""
    depth = depth_inside(is_inside)
    innermost = float(depth.max())
    return is_inside if innermost == np.inf else depth > min(width, kept * innermost if kept else width)


def _blurred(is_inside, side):
    """Return a mask blurred by a Gaussian whose kernel, were it cut off there, has that side."""
    import cv2

    plane = is_inside.astype(np.float32)
    sigma = 0.3 * ((side - 1) / 2 - 1) + 0.8  # OpenCV's rule
    return plane if side < 3 else cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE).clip(0, 1)


class AsTrimapTask:
    """Turns a crop with alpha into what Net-T learns from: image, random segmentation as mask, and the true trimap.

    Parameters
    ----------
    scale : float
        Of the paper's pixels: 15 of the trimap, 59 of the random segmentation.
    """

    def __init__(self, scale):
        self._scale, self._width = scale, max(round(LARGEST * scale), 2)

    def __call__(self, sample, generator):
        """Return the sample."""
        trimap = band_trimap(sample.alpha, self._scale)
        mask = random_segmentation(sample.alpha, generator, width=self._width)
        return Sample(sample.name, image=sample.image, mask=mask, trimap=trimap)


class TrimapTasks(Sequence):
    """Samples with image and alpha as Net-T is tested: a segmentation that is too small, and the true trimap.

    Parameters
    ----------
    samples : sequence of Sample
    scale : float, default 1
        Of the paper's pixels: 15 are eaten from both sides of alpha for the trimap, whose foreground and unknown
        region, eroded by `erode` and blurred by 31, are the segmentation.
    erode : float, default 20
        20, 30, 40 and 50 in the paper's Table 5.
    """

    def __init__(self, samples, scale=1.0, erode=20.0):
        self._samples, self._scale, self._erode = samples, scale, erode

    def __len__(self):
        """Return the number of samples."""
        return len(self._samples)

    def __getitem__(self, index):
        """Return one sample with mask and trimap, and its alpha."""
        sample = self._samples[index]
        trimap = band_trimap(sample.alpha, self._scale)
        mask = soft_segmentation(trimap, erode=self._erode * self._scale, blur=31 * self._scale)
        return sample._replace(trimap=trimap, mask=mask)


class AsRealTask:
    """Turns a crop with a mask into what adaptation to photographs learns from.

    That is the image, a soft segmentation as mask, a pseudo trimap, and a background cut from another photograph.

    Parameters
    ----------
    backgrounds : sequence of Sample
    augmentation : Augmentation
        Of the backgrounds.
    scale : float
        Of the paper's pixels: the mask is eroded by 15 of them for the foreground and dilated by 50 for the background.
        What is not background, eroded by 20 and blurred by 31, is the segmentation.
    """

    def __init__(self, backgrounds, augmentation, scale):
        self._backgrounds, self._augmentation, self._scale = backgrounds, augmentation, scale

    def __call__(self, sample, generator):
        """Return the sample."""
        background = self._backgrounds[int(generator.integers(len(self._backgrounds)))]
        background = self._augmentation(Sample(background.name, background=background.background), generator)
        trimap = pseudo_trimap(sample.mask, self._scale)
        return Sample(sample.name, image=sample.image, background=background.background, trimap=trimap,
                      mask=soft_segmentation(trimap, erode=20 * self._scale, blur=31 * self._scale))


def band_trimap(alpha, scale=1.0):
    """Return the trimap that Net-T is taught: 15 pixels, times a scale, eaten from both sides of alpha."""
    width = max(round(15 * scale), 1)
    return random_trimap(alpha, np.random.default_rng(0), widths=(width, width))  # nothing is left to chance


def pseudo_trimap(mask, scale=1.0):
    """Return a mask's trimap with 15 unknown pixels inside and 50 outside, times a scale; a region may vanish.

    References
    ----------
    .. [1] As `random_segmentation`. A.3.1.
    """
    is_inside = check_plane(mask, "mask") >= 0.5
    trimap = np.full(is_inside.shape, 0.5, np.float32)
    trimap[depth_inside(~is_inside) > 50 * scale] = 0.0
    trimap[depth_inside(is_inside) > 15 * scale] = 1.0
    return trimap
