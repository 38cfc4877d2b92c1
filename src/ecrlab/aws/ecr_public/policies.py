"""Repository policies: who may push. A pull needs no permission."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.authorization.targets import public_target
from ecrlab.aws.ecr.policies import check_resource_policy, refuse_lockout
from ecrlab.aws.ecr.request import change, repository_named
from ecrlab.aws.ecr_public.request import public_operation, repository_of
from ecrlab.aws.operations import Call
from ecrlab.aws.wire.errors import ApiError
from ecrlab.store import Repository


def _shown(repository: Repository, text: str) -> dict[str, Any]:
    account = repository.registry.partition("/")[0]
    return {"registryId": account, "repositoryName": repository.name, "policyText": text}


@public_operation("SetRepositoryPolicy")
def set_repository_policy(call: Call) -> dict[str, Any]:
    repository, text = repository_of(call), call.params["policyText"]
    check_resource_policy(call, text, "repository")
    refuse_lockout(call, text, public_target(call.cloud, repository.registry.partition("/")[0], repository.name))
    return _shown(change(call, repository, policy=text), text)


def _set_policy(call: Call) -> tuple[Repository, str]:
    repository = repository_of(call)
    text = repository.attributes["policy"]
    if not text:
        raise ApiError(
            "RepositoryPolicyNotFoundException", f"Repository policy does not exist for {repository_named(repository)}"
        )
    return repository, text


@public_operation("GetRepositoryPolicy")
def get_repository_policy(call: Call) -> dict[str, Any]:
    return _shown(*_set_policy(call))


@public_operation("DeleteRepositoryPolicy")
def delete_repository_policy(call: Call) -> dict[str, Any]:
    repository, text = _set_policy(call)
    change(call, repository, policy=None)
    return _shown(repository, text)
