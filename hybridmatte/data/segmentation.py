"""Coarse, soft segmentations like those of a segmenter: the training and test input of Net-T, the trimap network."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_integer, check_number, check_plane
from hybridmatte.data.augmentation import Augmentation, random_trimap
from hybridmatte.data.folders import Sample
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.trimap import depth_inside

__all__ = ["AsRealTask", "AsTrimapTask", "TrimapTasks", "random_segmentation", "soft_segmentation"]

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

LARGEST_WIDTH = 59  # pixels in an image of 512: largest erosion and dilation of a random segmentation
BLURS = (1, 21, 31, 41)  # pixels: sides of the Gaussian kernels of a random segmentation; 1 does not blur
LARGEST_SHARE = 0.9  # an erosion takes at most this share of the largest distance inside, so that something remains


def random_segmentation(alpha: npt.ArrayLike, generator: np.random.Generator, *, width: int = LARGEST_WIDTH) -> Plane:
    """Make a coarse, soft segmentation from alpha, which is too small or too large at random and has a blurred edge.

    The start is the foreground and unknown region of a `random_trimap`, whose widths are up to half of `width`. This
    region is eroded by 1 to `width` pixels, dilated by 1 to `width` pixels, and blurred. A quarter of the results is
    not blurred, unlike in the paper, because users also have hard masks. Erosion leaves at least the pixels that are
    deeper than 0.9 of the largest distance inside.

    Parameters
    ----------
    alpha : (H, W) array
        In [0, 1].
    generator : numpy.random.Generator
        Source of randomness.
    width : int, default 59
        Largest erosion and dilation in pixels; the default is for images of 512 pixels.

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
    erosion, dilation = generator.integers(1, width + 1, 2)
    is_inside = _dilated(_eroded(is_inside, erosion), dilation)
    return _blurred(is_inside, BLURS[generator.integers(len(BLURS))] * width / LARGEST_WIDTH)


def soft_segmentation(mask: npt.ArrayLike, *, erode: float = 20.0, blur: float = 31.0) -> Plane:
    """Return a mask eroded and blurred: the test input of Net-T, and its input for a segmenter's mask.

    Parameters
    ----------
    mask : (H, W) array
        In [0, 1]; values of at least 0.5 are inside.
    erode : float, default 20
        Erosion in pixels; at least the pixels deeper than 0.9 of the largest distance inside remain.
    blur : float, default 31
        Side of the Gaussian kernel in pixels; below 3, nothing is blurred.

    Returns
    -------
    segmentation : (H, W) float32 array
        In [0, 1].
    """
    erode, blur = check_number(erode, "erode", low=0.0), check_number(blur, "blur", low=0.0)
    return _blurred(_eroded(check_plane(mask, "mask") >= 0.5, erode), blur)


def _eroded(is_inside: Mask, width: float) -> Mask:
    """Return a mask eroded by a width, or by LARGEST_SHARE of its largest distance if that is less."""
    depth = depth_inside(is_inside)
    largest = float(depth.max())
    return is_inside if largest == np.inf else depth > min(width, LARGEST_SHARE * largest)


def _dilated(is_inside: Mask, width: float) -> Mask:
    """Return a mask dilated by a width."""
    return is_inside if not is_inside.any() else depth_inside(~is_inside) <= width


def _blurred(is_inside: Mask, side: float) -> Plane:
    """Return a mask blurred by a Gaussian of the width that OpenCV gives to a kernel of this side."""
    plane = is_inside.astype(np.float32)
    if side < 3:
        return plane
    sigma = 0.3 * ((side - 1) / 2 - 1) + 0.8  # OpenCV's rule
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE).clip(0, 1)


class AsTrimapTask:
    """Turns a crop with alpha into Net-T's training input: image, random segmentation as mask, and true trimap.

    Parameters
    ----------
    scale : float
        Factor on the paper's widths in pixels: 15 for the trimap, 59 for the random segmentation.
    """

    def __init__(self, scale: float) -> None:
        self._scale, self._width = scale, max(round(LARGEST_WIDTH * scale), 2)

    def __call__(self, sample: Sample, generator: np.random.Generator) -> Sample:
        """Return a sample with image, mask and trimap."""
        alpha = sample.require("alpha")
        trimap = band_trimap(alpha, self._scale)
        mask = random_segmentation(alpha, generator, width=self._width)
        return Sample(sample.name, image=sample.image, mask=mask, trimap=trimap)


class TrimapTasks(LazySequence[Sample]):
    """Samples in the form in which Net-T is tested: image, a segmentation that is too small, and true trimap.

    Parameters
    ----------
    samples : sequence of Sample
        With image and alpha.
    scale : float, default 1
        Factor on the paper's widths in pixels. The trimap comes from alpha, whose opaque and transparent regions are
        each eroded by 15. The segmentation is the trimap's foreground and unknown region, eroded by `erode` and blurred
        with a kernel of 31.
    erode : float, default 20
        Erosion of the segmentation; 20, 30, 40 and 50 in the paper's Table 5.
    """

    def __init__(self, samples: Sequence[Sample], scale: float = 1.0, erode: float = 20.0) -> None:
        self._samples, self._scale, self._erode = samples, scale, erode

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def _item(self, index: int) -> Sample:
        """Return one sample with mask and trimap, and its alpha."""
        sample = self._samples[index]
        trimap = band_trimap(sample.require("alpha"), self._scale)
        mask = soft_segmentation(trimap, erode=self._erode * self._scale, blur=31 * self._scale)
        return sample._replace(trimap=trimap, mask=mask)


class AsRealTask:
    """Turns a crop with a mask into the training input for adaptation to real photographs.

    The input is the image, a soft segmentation as mask, a pseudo trimap, and a background cropped from another
    photograph.

    Parameters
    ----------
    backgrounds : sequence of Sample
        With background.
    augmentation : Augmentation
        Applied to the backgrounds.
    scale : float
        Factor on the paper's widths in pixels. For the pseudo trimap, the mask is eroded by 15 to give the foreground,
        and dilated by 50 to exclude the background. The segmentation is the foreground and unknown region, eroded by 20
        and blurred with a kernel of 31.
    """

    def __init__(self, backgrounds: Sequence[Sample], augmentation: Augmentation, scale: float) -> None:
        self._backgrounds, self._augmentation, self._scale = backgrounds, augmentation, scale

    def __call__(self, sample: Sample, generator: np.random.Generator) -> Sample:
        """Return a sample with image, mask, trimap and background."""
        background = self._backgrounds[int(generator.integers(len(self._backgrounds)))]
        background = self._augmentation(Sample(background.name, background=background.background), generator)
        trimap = pseudo_trimap(sample.require("mask"), self._scale)
        return Sample(
            sample.name,
            image=sample.image,
            background=background.background,
            trimap=trimap,
            mask=soft_segmentation(trimap, erode=20 * self._scale, blur=31 * self._scale),
        )


def band_trimap(alpha: npt.ArrayLike, scale: float = 1.0) -> Plane:
    """Return the true trimap for training Net-T: opaque and transparent regions eroded by 15 pixels, times a scale."""
    width = max(round(15 * scale), 1)
    return random_trimap(alpha, np.random.default_rng(0), widths=(width, width))  # a range of one width: not random


def pseudo_trimap(mask: npt.ArrayLike, scale: float = 1.0) -> Plane:
    """Return the trimap of a mask with 15 unknown pixels inside its outline and 50 outside, times a scale.

    A region may vanish.

    References
    ----------
    .. [1] As `random_segmentation`. A.3.1.
    """
    is_inside = check_plane(mask, "mask") >= 0.5
    trimap = np.full(is_inside.shape, 0.5, np.float32)
    trimap[depth_inside(~is_inside) > 50 * scale] = 0.0
    trimap[depth_inside(is_inside) > 15 * scale] = 1.0
    return trimap
