"""Trust policies: whom IAM lets a role name."""

from __future__ import annotations

from ecrlab.aws.iam.documents import checked_policy, length
from ecrlab.aws.iam.errors import limit_exceeded
from ecrlab.aws.iam.quotas import TRUST_LIMIT
from ecrlab.aws.operations import Call
from ecrlab.aws.wire.errors import ApiError
from ecrlab.policy import Policy, parse_policy


def refuse_trust(call: Call, text: str) -> None:
    """Raise ApiError with IAM's text when ``text`` is not a trust policy that a role may have."""
    checked_policy(text, "trust")
    stranger = call.cloud.identities.stranger(parse_policy(text, "trust"))
    if stranger:
        raise ApiError("MalformedPolicyDocumentException", f'Invalid principal in policy: "AWS":"{stranger}"')
    _refuse_shared_issuer(parse_policy(text, "trust"))
    if length(text) > TRUST_LIMIT:
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_LIMIT}")


# Issuers that sign for everybody: the claim that tells one customer's tokens from another's must be tested (fact D095).
_SHARED_ISSUERS = {
    "token.actions.githubusercontent.com": "sub",
    "gitlab.com": "sub",
    "agent.buildkite.com": "sub",
    "app.terraform.io": "sub",
    "oidc.vercel.com": "aud",
}


def _refuse_shared_issuer(policy: Policy) -> None:
    """Raise MalformedPolicyDocument for a statement that lets in everybody whom a shared issuer signs for.

    The code is AWS's, the sentence the lab's (facts D095, D096).
    """
    for statement in policy.statements:
        entries = statement.principals.entries if statement.principals else ()
        for kind, value in entries:
            host = value.partition(":oidc-provider/")[2].partition("/")[0].lower()
            if kind != "Federated" or statement.effect != "Allow" or host not in _SHARED_ISSUERS:
                continue
            key = f"{host}:{_SHARED_ISSUERS[host]}"
            tests = [each.values for each in statement.conditions if each.key.lower() == key]
            if not tests or all(not value.strip("*?") for values in tests for value in values):
                raise ApiError(
                    "MalformedPolicyDocumentException",
                    f"{host} signs tokens for everybody: a trust policy must test {key}, and not for anything.",
                )
