"""The resources that an action is asked on: what of a request names them, their tags and their own policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecrlab.aws.identity.identities import parsed
from ecrlab.aws.operations import Call
from ecrlab.policy import Policy
from ecrlab.store import Repository

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud


@dataclass(frozen=True)
class Target:
    """One resource that an action is asked on, its account, its tags and its own policy."""

    arn: str
    account: str
    tags: Mapping[str, str]
    policy: Policy | None = None


def _anything(call: Call) -> list[Target]:
    return [Target("*", call.account, {})]


def repository_target(cloud: Cloud, account: str, region: str, name: str, found: Repository | None = None) -> Target:
    """Return the target for a repository, with its tags and its policy when it exists.

    ``found`` is the repository when it was already looked up for this request.
    """
    arn = f"arn:aws:ecr:{region}:{account}:repository/{name}"
    found = found or cloud.store.repository(f"{account}/{region}", name)
    if found is None:
        return Target(arn, account, {})
    text = found.attributes.get("policy")
    return Target(arn, account, found.attributes.get("tags", {}), parsed(text, "resource") if text else None)


def _repository(call: Call) -> list[Target]:
    account = call.params.get("registryId", call.account)
    return [repository_target(call.cloud, account, call.region, call.params.get("repositoryName", "*"))]


def _repositories(call: Call) -> list[Target]:
    account = call.params.get("registryId", call.account)
    names = call.params.get("repositoryNames") or ["*"]
    return [repository_target(call.cloud, account, call.region, name) for name in names]


def _arn(call: Call) -> list[Target]:
    arn = call.params["resourceArn"]
    parts = arn.split(":", 5)
    if len(parts) == 6 and parts[2] == "ecr" and parts[5].startswith("repository/"):
        return [repository_target(call.cloud, parts[4], parts[3], parts[5].removeprefix("repository/"))]
    if len(parts) == 6 and parts[2] == "ecr-public" and parts[5].startswith("repository/"):
        return [public_target(call.cloud, parts[4], parts[5].removeprefix("repository/"))]
    return [Target(arn, call.account, {})]


def public_target(cloud: Cloud, account: str, name: str) -> Target:
    """Return the target for a repository of ECR Public, with its tags and its policy when it exists."""
    arn = f"arn:aws:ecr-public::{account}:repository/{name}"
    found = cloud.store.repository(f"{account}/public", name)
    if found is None:
        return Target(arn, account, {})
    text = found.attributes.get("policy")
    return Target(arn, account, found.attributes.get("tags", {}), parsed(text, "resource") if text else None)


def _public_account(call: Call) -> str:
    """The account whose registry is meant, by its id or its alias (ecr-public's table of aliases)."""
    given = str(call.params.get("registryId", call.account))
    found = None if given.isdecimal() else call.cloud.store.table("ecr-public.aliases").get(given)
    return given if found is None else str(found["account"])


def _public_repositories(call: Call) -> list[Target]:
    names = call.params.get("repositoryNames") or [call.params.get("repositoryName") or "*"]
    return [public_target(call.cloud, _public_account(call), name) for name in names]


def _public_registry(call: Call) -> list[Target]:
    account = _public_account(call)
    return [Target(f"arn:aws:ecr-public::{account}:registry/{account}", account, {})]


def _entity(kind: str, member: str) -> Callable[[Call], list[Target]]:
    def find(call: Call) -> list[Target]:
        name = call.params.get(member) or call.principal.name
        found = call.cloud.identities.get(f"{kind}s", call.account, name)
        arn = found["arn"] if found else f"arn:aws:iam::{call.account}:{kind}{call.params.get('Path', '/')}{name}"
        return [Target(arn, call.account, found.get("tags", {}) if found else {})]

    return find


def _policy(call: Call) -> list[Target]:
    arn = call.params.get("PolicyArn")
    if arn is None:
        arn = f"arn:aws:iam::{call.account}:policy{call.params.get('Path', '/')}{call.params['PolicyName']}"
    found = call.cloud.identities.managed(arn)
    return [Target(arn, call.account, found["tags"] if found else {})]


def _oidc_provider(call: Call) -> list[Target]:
    arn = call.params.get("OpenIDConnectProviderArn")
    if arn is None:
        arn = f"arn:aws:iam::{call.account}:oidc-provider/{str(call.params['Url']).removeprefix('https://')}"
    found = call.cloud.identities.oidc_provider(arn)
    return [Target(arn, call.account, found["tags"] if found else {})]


def _role_to_assume(call: Call) -> list[Target]:
    arn = str(call.params["RoleArn"])
    parts = arn.split(":", 5)
    account = parts[4] if len(parts) == 6 else call.account
    role = call.cloud.identities.get("roles", account, arn.rpartition("/")[2])
    if role is None or role["arn"] != arn:
        return [Target(arn, account, {})]
    return [Target(arn, account, role["tags"], parsed(role["trust"], "trust"))]


TARGETS: dict[str, Callable[[Call], list[Target]]] = {
    "none": lambda call: [],
    "*": _anything,
    "repository": _repository,
    "repositories": _repositories,
    "arn": _arn,
    "public repository": _public_repositories,
    "public repositories": _public_repositories,
    "public registry": _public_registry,
    "user": _entity("user", "UserName"),
    "group": _entity("group", "GroupName"),
    "role": _entity("role", "RoleName"),
    "policy": _policy,
    "oidc provider": _oidc_provider,
    "policy source": lambda call: [Target(call.params["PolicySourceArn"], call.account, {})],
    "role to assume": _role_to_assume,
}
