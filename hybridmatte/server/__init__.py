"""The HTTP service with its page, ``hybridmatte serve``, and a client for it.

The service needs the extra ``app``; the client needs nothing but hybridmatte.
"""

from hybridmatte._lazy import lazy_names

_MODULE_OF = {"Answer": "client", "Client": "client", "ServiceError": "client"}

__all__ = ["Answer", "Client", "ServiceError"]  # noqa: F822
__getattr__ = lazy_names(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
