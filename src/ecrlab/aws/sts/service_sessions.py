"""Sessions that a service of AWS takes of a learner's role: the trust policy decides, X-ray and CloudTrail have a row.

The credentials are real ones of this lab: with them the service signs its requests as anybody does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecrlab.aws.act import Act
from ecrlab.aws.authorization.explain import Asked
from ecrlab.aws.identity.identities import Document, Principal, parsed
from ecrlab.policy import Policies, Request, evaluate

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud


@dataclass(frozen=True)
class Service:
    """A service that assumes a role: its principal, and for whom it acts (``source`` is an ARN)."""

    name: str
    source: str


def _context(service: Service, account: str) -> dict[str, str | tuple[str, ...]]:
    """The keys that a trust policy may ask for (facts D018)."""
    return {"aws:SourceAccount": account, "aws:SourceArn": service.source, "aws:PrincipalIsAWSService": "true"}


def may_assume(cloud: Cloud, service: Service, role: str) -> Asked | None:
    """Return the decision of a role's trust policy about a service; None: there is no such role. Nothing is noted."""
    account = role.split(":")[4]
    found = cloud.identities.get("roles", account, role.rpartition("/")[2])
    if found is None or found["arn"] != role:
        return None
    request = Request(service.name, "sts:AssumeRole", role, account, _context(service, account))
    policies = Policies(resource=parsed(found["trust"], "trust"))
    return Asked(evaluate(request, policies), policies)


def assume(
    cloud: Cloud, service: Service, role: str, name: str, region: str, seconds: int = 6 * 3600
) -> Document | None:
    """Take a session called ``name`` of a role, for ``seconds`` of lab time; None: the role does not let the service.

    The session is a document of `Identities.sessions`.
    """
    now, account = cloud.clock.time(), role.split(":")[4]
    asked = may_assume(cloud, service, role)
    found = cloud.identities.get("roles", account, role.rpartition("/")[2])
    session: Document | None = None
    if asked is not None and asked["decision"] == "allowed" and found is not None:
        session = cloud.identities.new_session(
            {
                "kind": "role",
                "account": account,
                "name": found["name"],
                "role_id": found["id"],
                "session_name": name,
                "tags": {},
                "policies": [],
                "source_identity": None,
            },
            now,
            seconds,
        )
    cloud.host.acted(
        Act(
            operation="AssumeRole",
            service=service.name,
            principal=_principal(service.name, account),
            account=account,
            region=region,
            parameters={"roleArn": role, "roleSessionName": name},
            decisions=[asked] if asked is not None else [],
            code=None if session is not None else "AccessDenied",
            message=None if session is not None else f"{service.name} is not authorized to perform: sts:AssumeRole",
            api="sts",
            result=_answer(session, role, name) if session is not None else {},
        )
    )
    return session


def _principal(service: str, account: str) -> Principal:
    return Principal("service", account, service, service, service, service, "")


def _answer(session: Document, role: str, name: str) -> dict[str, Any]:
    assumed = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
    return {
        "Credentials": {"AccessKeyId": session["id"], "Expiration": session["expires"]},
        "AssumedRoleUser": {"AssumedRoleId": f"{session['role_id']}:{name}", "Arn": f"{assumed}/{name}"},
    }
