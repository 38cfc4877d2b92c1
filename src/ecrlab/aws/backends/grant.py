"""What a backend of Amazon ECR knows of a request that it let in, for the hooks that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.record import Record


@dataclass(frozen=True, slots=True)
class PrivateGrant:
    """Who asks, at which registry, and from where.

    ``account`` and ``region`` are the registry's. ``decisions`` has one entry for each question that was put to IAM
    about the request: the X-ray's own list, so that what a hook asks is shown too.
    """

    principal: Principal
    account: str
    region: str
    source_ip: str
    user_agent: str
    decisions: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PublicGrant:
    """Who asks, None for anybody; ``record`` is where a refusal is explained for the X-ray."""

    principal: Principal | None
    record: Record
