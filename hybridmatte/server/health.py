"""Whether the service is ready for work. Imports nothing heavy."""

from __future__ import annotations

from typing import Any

from hybridmatte.server.settings import Settings
from hybridmatte.server.workers import Workers

__all__ = ["health_of"]


def health_of(settings: Settings, workers: Workers) -> dict[str, Any]:
    """Return the state of the workers: "warming up", "ready", or "failing" if none can be started.

    Unless it is "ready", reason says why in words, and seconds how long that has lasted.
    """
    status = "ready" if workers.is_ready else "failing" if workers.is_failing else "warming up"
    return {
        "status": status,
        "reason": workers.reason,
        "seconds": None if workers.is_ready else round(workers.warming_seconds, 1),
        "workers": len(workers.workers),
        "working": workers.n_busy,
        "waiting": workers.n_waiting,
        "needs_token": settings.token is not None,
    }
