"""Old name of `_window_statistics_numba`."""

from hybridmatte.correction._window_statistics_numba import *  # noqa: F403
