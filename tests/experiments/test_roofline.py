"""The experiment on the stages of the solvers knows every kernel that they call."""

from functools import partial

import pytest

from experiments.roofline import METHODS
from experiments.roofline.observation import observe
from experiments.roofline.stages import label
from hybridmatte import solve
from tests.synthetic import soft_disk


@pytest.mark.parametrize("method", METHODS)
def test_every_kernel_has_a_stage(method):
    image, trimap, _ = soft_disk((240, 320))  # 28,000 unknown pixels, enough for several coarse levels
    found = observe(partial(solve, image, trimap, method=METHODS[method]), label)
    assert {name.split(":")[0] for name in found.stages} == {"build", "set-up", "iteration"}
    assert found.iterations[0] > 0


def test_a_kernel_without_a_stage_is_named():
    with pytest.raises(ValueError, match="'_other_numba._run' has no stage"):
        label("_other_numba._run", True, ())
