"""Repository and registry policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecrlab.aws.authorization.ask import allowed_as_if
from ecrlab.aws.authorization.suggest import way_out
from ecrlab.aws.authorization.targets import Target, repository_target
from ecrlab.aws.ecr.request import (
    account_of,
    change,
    invalid,
    repository_named,
    repository_of,
)
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.policy import PolicyError, Statement, parse_policy
from ecrlab.store import Repository


def check_resource_policy(call: Call, text: str, what: str) -> None:
    """Refuse what is not a policy of a "repository" or "registry", and one that names a user or role that is not there.

    Of a repository, also one that names the login, which no repository's policy can give (facts A026, A027; of a
    registry neither was seen). Raises ApiError.
    """
    refusal = invalid("PolicyText", f"Invalid {what} policy provided")
    try:
        policy = parse_policy(text, "resource")
    except PolicyError:
        raise refusal from None
    if what == "repository" and any(map(_names_login, policy.statements)):
        raise refusal
    # One that names a user or role that does not exist is refused (A026, err 33).
    if call.cloud.identities.stranger(policy):
        raise invalid("PolicyText", "Principal not found") if what == "repository" else refusal


def _names_login(statement: Statement) -> bool:
    """Tell whether a statement is about the login by its name; a pattern that covers it is accepted, as in ecr:*."""
    named = {action.lower() for action in statement.actions.values}
    return not statement.actions.negated and bool(
        named & {"ecr:getauthorizationtoken", "ecr-public:getauthorizationtoken"}
    )


def refuse_lockout(call: Call, text: str, target: Target) -> None:
    """Refuse, without ``force``, a policy of ``target`` that would keep its author from setting another one.

    Facts A025; AWS's text is not known, only what the parameter is for.
    """
    as_if = replace(target, policy=parse_policy(text, "resource"))
    if call.params.get("force") or allowed_as_if(call, f"{call.service}:SetRepositoryPolicy", as_if):
        return
    raise invalid(
        "PolicyText",
        "The policy would prevent you from setting another policy in the future. To set it all the same, use force. "
        f"The lab has no root user. {way_out(target.arn)}",
    )


def checked_repository_policy(call: Call) -> Repository:
    """Return the repository of a SetRepositoryPolicy; raise ApiError when the policy is refused."""
    text, repository = call.params["policyText"], repository_of(call)
    check_resource_policy(call, text, "repository")
    account, _, region = repository.registry.partition("/")
    refuse_lockout(call, text, repository_target(call.cloud, account, region, repository.name, repository))
    return repository


@operation("ecr", "SetRepositoryPolicy")
def set_repository_policy(call: Call) -> dict[str, Any]:
    text = call.params["policyText"]
    repository = checked_repository_policy(call)
    change(call, repository, policy=text)
    return _policy(repository, text)


def _policy(repository: Repository, text: str) -> dict[str, Any]:
    return {"registryId": account_of(repository), "repositoryName": repository.name, "policyText": text}


def _set_policy(call: Call) -> tuple[Repository, str]:
    repository = repository_of(call)
    text = repository.attributes["policy"]
    if not text:
        raise ApiError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for {repository_named(repository)}",
        )
    return repository, text


@operation("ecr", "GetRepositoryPolicy")
def get_repository_policy(call: Call) -> dict[str, Any]:
    return _policy(*_set_policy(call))


@operation("ecr", "DeleteRepositoryPolicy")
def delete_repository_policy(call: Call) -> dict[str, Any]:
    repository, text = _set_policy(call)
    change(call, repository, policy=None)
    return _policy(repository, text)


def _registry_policy(call: Call) -> str:
    text = call.cloud.registry_settings(call.account, call.region).get("policy")
    if not text:
        raise ApiError(
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{call.account}'",
        )
    return str(text)


@operation("ecr", "PutRegistryPolicy")
def put_registry_policy(call: Call) -> dict[str, Any]:
    text = call.params["policyText"]
    check_resource_policy(call, text, "registry")
    call.cloud.change_registry(call.account, call.region, policy=text)
    return {"registryId": call.account, "policyText": text}


@operation("ecr", "GetRegistryPolicy")
def get_registry_policy(call: Call) -> dict[str, Any]:
    return {"registryId": call.account, "policyText": _registry_policy(call)}


@operation("ecr", "DeleteRegistryPolicy")
def delete_registry_policy(call: Call) -> dict[str, Any]:
    text = _registry_policy(call)
    call.cloud.change_registry(call.account, call.region, policy=None)
    return {"registryId": call.account, "policyText": text}
