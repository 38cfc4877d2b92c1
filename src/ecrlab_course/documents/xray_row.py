"""What a row of the X-ray holds: the JSON that the lab's control interface gives, by name and type."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Asked(TypedDict):
    """One question that a request put to IAM, with the answer."""

    action: str
    resource: str
    decision: Literal["allowed", "denied"]
    reason: str
    explanation: str
    opened: NotRequired[dict[str, Any]]
    """All that led to it; `ecrlab.client.decision_text.flat` fills what an old row does not have."""


class Row(TypedDict):
    """One request that reached the lab, as `ecrlab.xray.XRay.record` writes it."""

    seq: int
    time: str
    """Lab time, ISO 8601."""
    wall: float
    client: str
    """The program's short name: "docker", "aws", "boto3"."""
    user_agent: str
    principal: str | None
    account: str | None
    region: str | None
    service: str
    """ "registry", "public", "hub" or "mirror"; "ecr", "iam" or another of AWS's APIs."""
    method: str
    path: str
    operation: str | None
    """The API's operation; None for a request to a registry."""
    action: str | None
    """Of the deciding question: the first that was denied, else the first; None when IAM was not asked."""
    resource: str | None
    decision: Literal["allowed", "denied", "not asked"]
    reason: str
    decisions: list[Asked]
    status: int
    error: str | None
    said: str
    """The sentence of a registry's error."""
    shows: NotRequired[dict[str, Any]]
    """What the answer said beside: the hub's pull limit, the end of a token, a repository that the push made."""
    bytes_in: int
    bytes_out: int
    origin: NotRequired[str]
    """The Region that `bytes_in` came from, in rows of what ECR copies from another one."""
    duration_ms: float
