"""Old name of `from_mask` and `from_image`, until the other rooms use the new names."""

from hybridmatte.automatic.from_image import PEOPLE_SIDE  # noqa: F401
from hybridmatte.automatic.from_image import matte_from_image as matte_alone  # noqa: F401
from hybridmatte.automatic.from_image import predict_shrunk as seen_small  # noqa: F401
from hybridmatte.automatic.from_mask import INSIDE_MIN as NOTHING  # noqa: F401
from hybridmatte.automatic.from_mask import (  # noqa: F401
    check_method,
    check_outline,
    describe_method,
    fit_mask,
    matte_from_mask,
)


def how_made(method, network, *, has_mask=True):
    """Old form of `describe_method`."""
    return describe_method(method, has_network=network is not None, has_mask=has_mask)
