"""AWS-managed policies: the documents AWS attaches to the names that everybody uses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class ManagedPolicy:
    """One AWS-managed policy, as GetPolicy and GetPolicyVersion show it."""

    name: str
    path: str
    document: str
    version: str
    created: datetime
    updated: datetime
    policy_id: str
    description: str

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::aws:policy{self.path}{self.name}"


@cache
def managed_policies() -> dict[str, ManagedPolicy]:
    """Return all AWS-managed policies of the lab by ARN (facts iam.md section 11, documents of 2026-08-22)."""
    entries: list[dict[str, Any]] = json.loads(
        resources.files("ecrlab.aws").joinpath("managed_policies.json").read_text()
    )
    policies = (
        ManagedPolicy(
            name=entry["name"],
            path=entry["path"],
            document=json.dumps(entry["document"], indent=4),
            version=entry["version"],
            created=datetime.fromisoformat(entry["created"]),
            updated=datetime.fromisoformat(entry["updated"]),
            policy_id=entry["id"],
            description=entry["description"],
        )
        for entry in entries
    )
    return {policy.arn: policy for policy in policies}
