"""Random crops, turns, colours and trimaps for training."""

from dataclasses import dataclass

import numpy as np

from hybridmatte._validation import check_integer, check_number, check_plane
from hybridmatte.data.folders import Sample
from hybridmatte.foreground import composite
from hybridmatte.trimap import depth_inside, split_trimap

__all__ = ["Augmentation", "random_trimap"]

INTERPOLATIONS = (1, 2, 4)  # cv2's INTER_LINEAR, INTER_CUBIC, INTER_LANCZOS4
MARGIN = 4  # pixels of the crop around the piece of an image that it is interpolated from
COLOURS = ("image", "foreground", "background")


def random_trimap(alpha, generator, *, widths=(1, 29)):
    """Make a trimap from alpha by erosion of its opaque and its clear part, each by a random width.

    Parameters
    ----------
    alpha : (H, W) array
        In [0, 1].
    generator : numpy.random.Generator
    widths : (int, int), default (1, 29)
        Least and largest width in pixels, as is usual for Composition-1k; a thin part may vanish altogether.

    Returns
    -------
    trimap : (H, W) float32 array
        0, 0.5 and 1.

    Examples
    --------
    >>> alpha = np.zeros((64, 64))
    >>> alpha[:, 32:] = 1
    >>> random_trimap(alpha, np.random.default_rng(0), widths=(3, 3))[0, 27:37].tolist()
    [0.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0]
    """
    alpha = check_plane(alpha, "alpha")
    low, high = (check_integer(width, "widths", low=0) for width in widths)
    trimap = np.full(alpha.shape, 0.5, np.float32)
    for value, region in ((0.0, alpha <= 1 / 255), (1.0, alpha >= 254 / 255)):
        trimap[depth_inside(region) > generator.integers(low, high + 1)] = value
    return trimap


@dataclass(frozen=True)
class Augmentation:
    """What is done to a sample before training, each with a probability or a range.

    Parameters
    ----------
    crop : int
        Side in pixels of the square that is cut out.
    sizes : (float, float)
        Range of the square's side in the image, in units of `crop`: below 1 enlarges. Drawn log-uniformly.
    unknown : float
        Probability that the square is centred on an unknown pixel, or, without trimap, on a mixed one.
    flip : float
        Probability of mirroring left and right.
    degrees : float
        Largest turn, either way.
    shear : float
        Largest angle in degrees by which columns lean, either way.
    brightness, contrast, saturation : float
        Largest relative change of each, either way.
    hue : float
        Largest turn of the hue in degrees, either way.
    """

    crop: int = 512
    sizes: tuple = (1.0, 1.5)
    unknown: float = 0.9
    flip: float = 0.5
    degrees: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self):
        """Check all values."""
        check_integer(self.crop, "crop", low=16)
        low, high = (check_number(size, "sizes", above=0) for size in self.sizes)
        if low > high:
            raise ValueError(f"sizes are {self.sizes}, expected the smaller first")
        for name in ("unknown", "flip"):
            check_number(getattr(self, name), name, low=0, high=1)
        for name in ("brightness", "contrast", "saturation"):
            check_number(getattr(self, name), name, low=0, high=0.99)
        check_number(self.degrees, "degrees", low=0, high=180)
        check_number(self.shear, "shear", low=0, high=60)
        check_number(self.hue, "hue", low=0, high=180)

    def __call__(self, sample, generator):
        """Return the sample's parts cut out, turned and recoloured alike; trimaps stay 0, 0.5 and 1.

        Colours of uint8 stay so, for speed: they are interpolated linearly, averaged before only where they shrink to
        half or less, and their hue is turned in steps of 2 degrees. Of a sample without
        image, foreground and background are cut and recoloured each in its own way, and composed then.
        """
        if sample.image is None and sample.foreground is not None and sample.background is not None:
            return self._composed(sample, generator)
        matrix, interpolation = self._placement(sample, generator)
        parts = {name: self._cut(name, array, matrix, interpolation) for name, array in sample._asdict().items()
                 if name != "name" and array is not None}
        change = self.draw_colours(generator)
        for name in COLOURS:
            if name in parts:
                parts[name] = recolour(parts[name], *change)
        if {"image", "alpha", "foreground", "background"} <= parts.keys():  # each was recoloured by its own mean
            parts["image"] = composite(parts["foreground"], parts["alpha"], parts["background"])
        return sample._replace(**parts)

    def _composed(self, sample, generator):
        """Return the crop of a sample of layers, of which trimap and image are made where it has none."""
        cut = self(sample._replace(background=None), generator)
        background = self(Sample(sample.name, background=sample.background), generator).background
        trimap = random_trimap(cut.alpha, generator) if cut.trimap is None else cut.trimap
        image = composite(cut.foreground, cut.alpha, background)
        return cut._replace(image=image, background=background, trimap=trimap)

    def _placement(self, sample, generator):
        """Draw the affine map from the crop to the image, and how to interpolate."""
        height, width = next(part for part in sample[1:] if part is not None).shape[:2]
        side = self.crop * np.exp(generator.uniform(*np.log(self.sizes)))
        side = min(side, height, width) if min(height, width) >= self.crop * self.sizes[0] else side
        center = generator.uniform(size=2) * (height - 1, width - 1)
        draw, pick = generator.uniform(size=2)
        places = mixed_places(sample) if draw < self.unknown else ()
        if len(places):
            center = np.array(divmod(places[int(pick * len(places))], width), float)
        half = (side - 1) / 2
        center = [np.clip(c, min(half, (n - 1) / 2), max(n - 1 - half, (n - 1) / 2))
                  for c, n in zip(center, (height, width), strict=True)]
        angle = np.radians(generator.uniform(-self.degrees, self.degrees))
        mirror = -1.0 if generator.uniform() < self.flip else 1.0
        scale = side / self.crop
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear[:, 0] *= mirror
        if self.shear:
            linear[:, 1] += np.tan(np.radians(generator.uniform(-self.shear, self.shear))) * linear[:, 0]
        shift = np.array([center[1], center[0]]) - linear @ np.full(2, (self.crop - 1) / 2)
        return np.column_stack([linear, shift]), INTERPOLATIONS[generator.integers(len(INTERPOLATIONS))]

    def _cut(self, name, array, matrix, interpolation):
        """Return one part of the crop; what is made smaller is averaged first, so that nothing flickers."""
        import cv2

        is_label = name in ("trimap", "mask")
        if array.dtype == np.uint8:
            interpolation = cv2.INTER_LINEAR
        piece, matrix = self._shrunk_piece(array, matrix, cv2.INTER_NEAREST if is_label else cv2.INTER_AREA)
        flags = (cv2.INTER_NEAREST if is_label else interpolation) | cv2.WARP_INVERSE_MAP
        cut = cv2.warpAffine(piece, matrix, (self.crop, self.crop), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        return cut if cut.dtype == np.uint8 else cut.clip(0.0, 1.0)

    def _shrunk_piece(self, array, matrix, how):
        """Return the piece of an array that a crop needs, no finer than the crop, and the map from crop to piece."""
        import cv2

        scale = max(float(np.hypot(*matrix[:, 0])), 1.0)
        ends = (self.crop - 1) * np.array([[0, 1, 0, 1], [0, 0, 1, 1]])
        corners = matrix[:, :2] @ ends + matrix[:, 2:]
        low = np.maximum(np.floor(corners.min(axis=1) - MARGIN * scale), 0).astype(int)
        high = np.ceil(corners.max(axis=1) + MARGIN * scale).astype(int) + 1
        piece, matrix = array[low[1]:high[1], low[0]:high[0]], matrix - np.column_stack([np.zeros((2, 2)), low])
        if scale == 1.0 or (array.dtype == np.uint8 and scale < 2.0):
            return np.ascontiguousarray(piece), matrix
        before = np.array(piece.shape[1::-1])
        after = np.maximum(np.round(before / scale), 1).astype(int)
        ratio = (after / before)[:, None]
        matrix = ratio * (matrix + [0.0, 0.0, 0.5]) - [0.0, 0.0, 0.5]
        return cv2.resize(piece, tuple(int(side) for side in after), interpolation=how), matrix

    def draw_colours(self, generator):
        """Draw brightness, contrast and saturation as factors, and the turn of the hue in degrees."""
        relative = generator.uniform(-1.0, 1.0, 4)
        factors = 1.0 + relative[:3] * (self.brightness, self.contrast, self.saturation)
        return *factors, relative[3] * self.hue


def mixed_places(sample):
    """Return the flat indices of a sample's unknown pixels, or, without trimap, of those that alpha calls mixed."""
    if sample.trimap is not None:
        return np.flatnonzero(split_trimap(sample.trimap).is_unknown)
    return () if sample.alpha is None else np.flatnonzero((sample.alpha > 0) & (sample.alpha < 1))


def recolour(image, brightness, contrast, saturation, hue):
    """Return an image (H, W, 3), float32 or uint8, with changed colours: factors, and degrees of hue."""
    import cv2

    if (brightness, contrast, saturation, hue) == (1.0, 1.0, 1.0, 0.0):
        return image
    is_bytes = image.dtype == np.uint8
    if hue != 0.0 or saturation != 1.0:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        hsv = turn_bytes(hsv, saturation, hue) if is_bytes else turn(hsv, saturation, hue)
        image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    if brightness == contrast == 1.0:
        return image
    mean = image.mean()
    if is_bytes:
        values = (np.arange(256) - mean) * contrast + mean * brightness
        return cv2.LUT(image, np.rint(values.clip(0, 255)).astype(np.uint8))
    return ((image - mean) * contrast + mean * brightness).clip(0.0, 1.0).astype(np.float32)


def turn(hsv, saturation, hue):
    """Change hue, 0 to 360, and saturation, 0 to 1, in place."""
    hsv[:, :, 0] = (hsv[:, :, 0] + hue) % 360.0
    hsv[:, :, 1] = (hsv[:, :, 1] * saturation).clip(0.0, 1.0)
    return hsv


def turn_bytes(hsv, saturation, hue):
    """Change hue, 0 to 179 in steps of 2 degrees, and saturation, 0 to 255, by a table."""
    import cv2

    values = np.arange(256)
    table = [(values + round(hue / 2)) % 180, np.rint(values * saturation).clip(0, 255), values]
    return cv2.LUT(hsv, np.stack(table, axis=-1).astype(np.uint8)[None])
