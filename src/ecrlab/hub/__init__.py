"""A registry in the style of Docker Hub, over the same `ecrlab.oci` and `ecrlab.store` as the local ECR.

It stands in for Docker Hub in lessons and tests, at an address of this machine, and says so in its answers. Facts about
Docker Hub are named as in docs/facts/hub.md (H…) and docs/facts/errors.md (err); those about its HTTP
API are from Docker's own API reference. What differs is listed in `ecrlab.hub.differences`.
"""

from ecrlab.hub.errors import HubError
from ecrlab.hub.hub import LEARNER, Hub
from ecrlab.hub.names import REGISTRY

__all__ = ["LEARNER", "REGISTRY", "Hub", "HubError"]
