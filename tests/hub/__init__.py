"""An imitation of the Hugging Face Hub, for tests: what is shown with it is the kit's side, not what the Hub accepts."""

from tests.hub.faults import rate_limit, retry_after
from tests.hub.server import Hub

__all__ = ["Hub", "rate_limit", "retry_after"]
