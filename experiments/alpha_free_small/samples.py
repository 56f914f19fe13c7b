"""The photographs of the experiment and their labels."""

import numpy as np

from experiments.common import alphamatting_cases, data_folder
from experiments.demo import IMAGE, TRIMAP
from hybridmatte import read_alpha, read_image, read_trimap, trimap_from_alpha
from hybridmatte._validation import to_float
from hybridmatte.data import Sample

BAND = 12  # pixels, of the trimaps made for the animals


def test_samples(data):
    """Return the twelve photographs with narrow trimaps and true alphas."""
    return [Sample(case.name, image=case.image.astype("float32"), trimap=case.trimap, alpha=case.alpha)
            for case in alphamatting_cases(data, trimaps=("trimap1",))]


def other_samples(data):
    """Return seven animals and the demo's flower with trimaps; the animals' are made from a published network's alphas.

    Those alphas are not used otherwise.
    """
    samples, folder = [], data_folder(data) / "animals"
    for path in sorted((folder / "image").glob("*.jpg")):
        trimap = trimap_from_alpha(read_alpha(folder / "alpha_predicted" / f"{path.stem}.png"), erode=BAND, dilate=BAND)
        samples.append(Sample(path.stem, image=to_float(read_image(path), "image"), trimap=trimap))
    return [*samples, flower()]


def without_alpha(samples):
    """Return the samples with nothing but image and trimap."""
    return [sample._replace(alpha=None) for sample in samples]


def halved(sample):
    """Return a sample at half size; a pixel of the trimap is known where all four of its pixels agree."""
    height, width = (side // 2 * 2 for side in sample.trimap.shape)

    def mean(plane):
        return np.float32(plane[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).mean(axis=(1, 3)).squeeze())

    trimap = mean(sample.trimap)
    trimap[(trimap > 0) & (trimap < 1)] = 0.5
    alpha = None if sample.alpha is None else mean(sample.alpha)
    return sample._replace(image=mean(sample.image), trimap=trimap, alpha=alpha)


def flower():
    """Return the demo's photograph and trimap."""
    return Sample("flower", image=to_float(read_image(IMAGE), "image"), trimap=read_trimap(TRIMAP))
