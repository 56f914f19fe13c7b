from hybridmatte.server.client import Answer as Answer
from hybridmatte.server.client import Client as Client
from hybridmatte.server.client import ServiceError as ServiceError

__all__ = ["Answer", "Client", "ServiceError"]
