"""Roles that a service of the lab acts in: its own service-linked roles, and a role that a learner gave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecrlab.aws.authorization.ask import ask
from ecrlab.aws.authorization.targets import Target
from ecrlab.aws.context import RequestContext
from ecrlab.aws.identity.identities import Document, Principal, new_id, parsed
from ecrlab.policy import Decision, Policies, Request, evaluate

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud


@dataclass(frozen=True)
class ServiceRole:
    """A service-linked role: its name, the service that assumes it, and its AWS-managed policy's name."""

    name: str
    service: str
    policy: str

    @property
    def path(self) -> str:
        return f"/aws-service-role/{self.service}/"


REPLICATION = ServiceRole(
    "AWSServiceRoleForECRReplication", "replication.ecr.amazonaws.com", "ECRReplicationServiceRolePolicy"
)
TEMPLATES = ServiceRole("AWSServiceRoleForECRTemplate", "ecr.amazonaws.com", "ECRTemplateServiceRolePolicy")


PULL_THROUGH = ServiceRole(
    "AWSServiceRoleForECRPullThroughCache",
    "pullthroughcache.ecr.amazonaws.com",
    "AWSECRPullThroughCache_ServiceRolePolicy",
)


def service_role(cloud: Cloud, account: str, role: ServiceRole, now: float) -> Document:
    """Return a service-linked role of an account, made when it is missing (facts E115, I076, I077)."""
    found = cloud.identities.get("roles", account, role.name)
    if found is not None:
        return found
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"'
        f'{role.service}"}},"Action":"sts:AssumeRole"}}]}}'
    )
    made: Document = {
        "name": role.name,
        "path": role.path,
        "id": new_id("AROA"),
        "arn": f"arn:aws:iam::{account}:role{role.path}{role.name}",
        "created": now,
        "trust": trust,
        "description": None,
        "max_session": 3600,
        "boundary": None,
        "tags": {},
        "inline": {},
        "attached": [f"arn:aws:iam::aws:policy/aws-service-role/{role.policy}"],
    }
    cloud.identities.put("roles", account, made)
    return made


def assumed(role: Document, session: str) -> Principal:
    """Return the principal of a session that a service has of a role."""
    account = role["arn"].split(":")[4]
    user_id = f"{role['id']}:{session}"
    context: dict[str, str | tuple[str, ...]] = {
        "aws:PrincipalArn": role["arn"],
        "aws:PrincipalAccount": account,
        "aws:PrincipalType": "AssumedRole",
        "aws:userid": user_id,
    }
    context.update({f"aws:PrincipalTag/{tag}": value for tag, value in role["tags"].items()})
    arn = f"arn:aws:sts::{account}:assumed-role/{role['name']}/{session}"
    return Principal("session", account, arn, user_id, role["name"], role["id"], "", None, context, role)


def trusts(role: Document, service: str) -> bool:
    """Tell whether a service may assume a role by its trust policy."""
    account = role["arn"].split(":")[4]
    request = Request(service, "sts:AssumeRole", role["arn"], account)
    return evaluate(request, Policies(resource=parsed(role["trust"], "trust"))).allowed


def ask_as(
    cloud: Cloud,
    who: Principal,
    action: str,
    target: Target,
    region: str,
    decisions: list[dict[str, Any]] | None = None,
) -> Decision:
    """Put a question to IAM for a service that acts in a role."""
    return ask(
        cloud,
        who,
        action,
        target,
        RequestContext(region, cloud.clock.time(), "127.0.0.1", who.name),
        decisions=[] if decisions is None else decisions,
    )
