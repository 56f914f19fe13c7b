"""Locks that a forked process finds open."""

from __future__ import annotations

import os
from threading import Lock

__all__ = ["ProcessLock"]


class ProcessLock:
    """A lock for ``with``. A forked process finds it open, whichever thread of its parent held it.

    A forked process has one thread, the one that forked. It would wait for ever for a lock that another thread held.
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
