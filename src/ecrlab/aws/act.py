"""What a service does by itself in somebody's account: X-ray and CloudTrail show it as they show a request."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ecrlab.aws.identity.identities import Principal


@dataclass(frozen=True)
class Act:
    """One act. ``principal`` is the role that ``service`` (such as "replication.ecr.amazonaws.com") acts in.

    ``account`` and ``region`` are of the registry that is acted on; ``decisions`` is what IAM was asked; ``code`` and
    ``message`` say why it was refused, None when it was done. ``moved``: the bytes of an image that came into the
    registry by it, from the Region ``origin``. ``api`` is the service whose operation it is, ``result`` its answer.
    """

    operation: str
    service: str
    principal: Principal
    account: str
    region: str
    parameters: Mapping[str, Any]
    decisions: list[dict[str, Any]]
    code: str | None = None
    message: str | None = None
    moved: int = 0
    origin: str | None = None
    api: str = "ecr"
    result: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
