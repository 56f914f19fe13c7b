"""The photographs of the experiment and their labels."""

from experiments.common import alphamatting_cases, data_folder
from experiments.demo import IMAGE, TRIMAP
from hybridmatte import read_alpha, read_image, read_trimap, trimap_from_alpha
from hybridmatte._array import to_float
from hybridmatte.data import Sample

BAND = 12  # pixels, of the trimaps made for the animals


def test_samples(data):
    """Return the twelve photographs with narrow trimaps and true alphas."""
    return [Sample(case.name, image=case.image.astype("float32"), trimap=case.trimap, alpha=case.alpha)
            for case in alphamatting_cases(data, trimaps=("trimap1",))]


def training_samples(data, with_alpha=False):
    """Return images and trimaps: the twelve, seven animals and the demo's flower; or the twelve with true alphas.

    The animals' trimaps are made from a published network's alphas, which are not used otherwise.
    """
    twelve = test_samples(data)
    if with_alpha:
        return twelve
    samples = [sample._replace(alpha=None) for sample in twelve]
    folder = data_folder(data) / "animals"
    for path in sorted((folder / "image").glob("*.jpg")):
        trimap = trimap_from_alpha(read_alpha(folder / "alpha_predicted" / f"{path.stem}.png"), erode=BAND, dilate=BAND)
        samples.append(Sample(path.stem, image=to_float(read_image(path), "image"), trimap=trimap))
    return [*samples, flower()]


def flower():
    """Return the demo's photograph and trimap."""
    return Sample("flower", image=to_float(read_image(IMAGE), "image"), trimap=read_trimap(TRIMAP))
