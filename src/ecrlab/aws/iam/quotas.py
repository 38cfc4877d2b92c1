"""How many of each IAM takes, and how long a policy may be."""

from __future__ import annotations

from ecrlab.aws.iam.errors import limit_exceeded
from ecrlab.aws.operations import Call

KEYS_PER_USER = 2
POLICIES_PER_HOLDER = 10
GROUPS_PER_USER = 10
# How many of each an account may have (AWS: IAM User Guide, IAM and AWS STS quotas; facts I029 for roles).
QUOTAS = {"users": 5000, "groups": 300, "roles": 1000, "policies": 1500}
VERSIONS_PER_POLICY = 5
# Characters of all inline policies together, white space not counted (facts I029).
INLINE_LIMIT = {"users": 2048, "groups": 5120, "roles": 10240}
MANAGED_LIMIT = 6144
TRUST_LIMIT = 2048
TAG_LIMIT = 50


def refuse_too_many(call: Call, kind: str) -> None:
    """Raise LimitExceeded when the account has all the users, groups, roles or policies that it may have."""
    quota = QUOTAS[kind]
    if len(call.cloud.identities.all(kind, call.account)) >= quota:
        raise limit_exceeded(f"Cannot exceed quota for {kind.title()}PerAccount: {quota}")
