"""What would fix a denial: the smallest statement that turns it, where it belongs, and what else it would open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecrlab.home import ACCOUNT, REGION
from ecrlab.policy import Attached, Decision, Policies, Policy, PolicyKind, PolicyType, Request, evaluate, read_policy
from ecrlab.policy.decision import type_name
from ecrlab.policy.sets import PULL, PUSH

# The document a statement of each policy type stands in.
_KIND: dict[PolicyType, PolicyKind] = {
    "identity-based": "identity",
    "resource-based": "resource",
    "role trust": "trust",
    "permissions boundary": "boundary",
    "session": "session",
}
HANDS_OUT = (
    "ecr:setrepositorypolicy", "ecr:putregistrypolicy", "ecr-public:setrepositorypolicy", "iam:put", "iam:attach",
    "iam:addusertogroup", "iam:createaccesskey", "iam:createpolicyversion", "iam:setdefaultpolicyversion",
    "iam:updateassumerolepolicy", "iam:createloginprofile", "iam:updateloginprofile", "iam:passrole",
    "iam:deleteuserpermissionsboundary", "iam:deleterolepermissionsboundary",
)  # fmt: skip
"""How actions begin that hand out rights: access level "permissions management" (facts iam.md 10), and credentials."""

# What whoever is locked out of a repository by its own policy tries first.
_UNLOCKS = (":setrepositorypolicy", ":deleterepositorypolicy")


def suggest(decision: Decision, policies: Policies) -> dict[str, Any] | None:
    """Return what would turn a denial into a yes, with exactly this action and this resource; None when allowed.

    Keys: enough (one statement would do), statements (each: policy_type, where, statement; empty when no Allow can
    help), advice (one or two sentences), warning ("" when the statement is no wider than what was asked), set (the
    other actions that the same push or pull will ask and that nothing allows either: purpose, actions, statement; or
    None). Each statement was tried: with all of them in place the same request is allowed.
    """
    if decision.allowed:
        return None
    if decision.verdict == "ExplicitlyDenied":
        assert decision.statement is not None
        row = decision.statement
        advice = (
            f"No Allow can lift a Deny. Change or remove statement {row.label} of {row.origin}, "
            "if it was not meant for this request."
        )
        if row.origin.policy_type == "resource-based" and decision.request.action.lower().endswith(_UNLOCKS):
            advice += " " + way_out(decision.request.resource)
        return {"enough": False, "statements": [], "advice": advice, "warning": "", "set": None}
    request = decision.request
    pieces: list[dict[str, Any]] = []
    trial, now = policies, decision
    while not now.allowed:
        kind = now.policy_type
        if kind is None or kind not in _KIND or any(piece["policy_type"] == kind for piece in pieces):
            advice = f"The {type_name(kind)} must allow it first." if kind else "Nothing in this lab can allow it."
            return {"enough": False, "statements": [], "advice": advice, "warning": "", "set": None}
        statement = smallest(request, kind)
        pieces.append({"policy_type": kind, "where": where(request, policies, kind), "statement": statement})
        trial = with_statement(trial, kind, statement)
        now = evaluate(request, trial)
    return {
        "enough": len(pieces) == 1,
        "statements": pieces,
        "advice": _advice(request, pieces),
        "warning": _warning(decision),
        "set": _set(decision, policies, pieces),
    }


def way_out(resource: str) -> str:
    """Return in a sentence how a repository's policy is removed that lets nobody remove it.

    At AWS the account's root user does it.
    """
    service, region, account, path = resource.split(":", 5)[2:]
    options = " --public" if service == "ecr-public" else f" --region {region}" if region != REGION else ""
    options += f" --account {account}" if account != ACCOUNT else ""
    name = path.removeprefix("repository/")
    return f"If it locks everybody out, remove the whole policy: ecrlab reset --policy-of {name}{options}"


def smallest(request: Request, kind: PolicyType) -> dict[str, Any]:
    """Return the least statement of a policy of this type that allows the request."""
    statement: dict[str, Any] = {"Effect": "Allow"}
    if kind in ("resource-based", "role trust"):
        principal = request.context.get("aws:PrincipalArn")
        statement["Principal"] = {"AWS": principal if isinstance(principal, str) else request.principal}
    issuer = request.principal.partition(":oidc-provider/")[2]
    if issuer:  # everybody's tokens have this sender: the statement names the bearer by the claims
        statement["Principal"] = {"Federated": request.principal}
        claims = {f"{issuer}:{name}": request.context.get(f"{issuer}:{name}") for name in ("aud", "sub")}
        statement["Condition"] = {"StringEquals": {key: value for key, value in claims.items() if value is not None}}
    statement["Action"] = request.action
    if kind not in ("resource-based", "role trust"):
        statement["Resource"] = request.resource
    return statement


def with_statement(policies: Policies, kind: PolicyType, statement: object) -> Policies:
    """Return the policies as they would be with one statement more in the policy of this type.

    Raises PolicyError when the statement is none.
    """
    added = read_policy({"Version": "2012-10-17", "Statement": [statement]}, _KIND[kind])
    if kind == "identity-based":
        one_more = Attached(added, None, "(the added statement)", "")
        return replace(policies, identity=(*policies.identity, one_more))
    if kind == "permissions boundary":
        edge = policies.boundary or Attached(added, None, "boundary", "permissions boundary")
        return replace(policies, boundary=replace(edge, policy=_grown(edge.policy, added)))
    if kind == "session":
        return replace(policies, session=_grown(policies.session, added))
    return replace(policies, resource=_grown(policies.resource, added))


def _grown(policy: Policy | None, added: Policy) -> Policy:
    return added if policy is None else replace(policy, statements=(*policy.statements, *added.statements))


def where(request: Request, policies: Policies, kind: PolicyType) -> str:
    """Return in words where a statement of this type belongs for this request."""
    if kind == "identity-based":
        arn = request.context.get("aws:PrincipalArn")
        holder = str(arn if isinstance(arn, str) else request.principal).split(":", 5)[-1]
        what, _, name = holder.partition("/")
        return f"an identity-based policy of {what} {name.rpartition('/')[2]}".rstrip()
    if kind == "permissions boundary":
        name = policies.boundary.name if policies.boundary else ""
        return f"the permissions boundary {name}".rstrip()
    if kind == "session":
        return "the session policy, when the role is assumed"
    name = request.resource.rpartition("/")[2] if ":role/" in request.resource else request.resource.split(":", 5)[-1]
    if kind == "role trust":
        return f"the trust policy of role {name}"
    return f"the repository policy of {name.removeprefix('repository/')}"


def _advice(request: Request, pieces: list[dict[str, Any]]) -> str:
    if len(pieces) > 1:
        places = " and ".join(piece["where"] for piece in pieces)
        return f"One statement is not enough: {places} must allow it, each of them."
    text = f"One statement in {pieces[0]['where']} would do."
    if request.resource == "*":
        text += ' This action is asked about no single resource, so its Resource has to be "*".'
    return text


def _warning(decision: Decision) -> str:
    request = decision.request
    words = []
    if request.resource.endswith("repository/*"):
        words.append(
            "The request was about all repositories, so this Resource names every one, also those made later. "
            "Asked about one by name, a request needs only that one."
        )
    near = [
        row
        for row in decision.trace
        if row.effect == "Allow" and row.mismatch is not None and row.mismatch.element == "condition"
    ]
    if near:
        row = near[0]
        assert row.mismatch is not None
        assert row.mismatch.condition is not None
        words.append(
            f"Statement {row.label} of {row.origin} allows this already, under the condition "
            f"{row.mismatch.condition.operator} on {row.mismatch.condition.key}. The statement here has no condition, "
            "so it opens more than that one means to."
        )
    if request.action.lower().startswith(HANDS_OUT):
        words.append("Who may do this can hand out rights, also to themselves.")
    return " ".join(words)


def _set(decision: Decision, policies: Policies, pieces: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The rest of the push or pull: granted one by one, each request meets the next denial (err 10)."""
    request = decision.request
    if len(pieces) != 1 or ":repository/" not in request.resource:
        return None
    # BatchGetImage belongs to both; alone it is a pull.
    purpose, actions = ("pull", PULL) if request.action in PULL else ("push", PUSH)
    if request.action not in actions:
        return None
    kind: PolicyType = pieces[0]["policy_type"]
    missing = [
        action
        for action in actions
        if action == request.action or not evaluate(replace(request, action=action), policies).allowed
    ]
    if len(missing) < 2:
        return None
    return {"purpose": purpose, "actions": missing, "statement": {**smallest(request, kind), "Action": missing}}
