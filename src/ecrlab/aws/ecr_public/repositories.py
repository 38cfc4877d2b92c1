"""Public repositories and their tags."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.arns import PUBLIC_REPOSITORY
from ecrlab.aws.ecr.repositories import checked_tags
from ecrlab.aws.ecr.request import change, not_empty, not_found, page_after, page_of, page_size
from ecrlab.aws.ecr_public.catalog import catalog_shown, checked_catalog
from ecrlab.aws.ecr_public.registry import address, alias, key
from ecrlab.aws.ecr_public.request import public_operation, registry_id, repository_of
from ecrlab.aws.operations import Call
from ecrlab.aws.wire.errors import ApiError
from ecrlab.store import Repository


def repository_shown(call: Call, repository: Repository) -> dict[str, Any]:
    account = repository.registry.partition("/")[0]
    return {
        "repositoryArn": f"arn:aws:ecr-public::{account}:repository/{repository.name}",
        "registryId": account,
        "repositoryName": repository.name,
        "repositoryUri": f"{address(call.cloud)}/{alias(call.cloud, account)}/{repository.name}",
        "createdAt": repository.created,
    }


@public_operation("CreateRepository")
def create_repository(call: Call) -> dict[str, Any]:
    name, account = call.params["repositoryName"], call.account
    catalog = checked_catalog(call.params.get("catalogData") or {})
    attributes = {"catalog": catalog, "tags": checked_tags(call.params.get("tags", ())), "policy": None}
    with call.cloud.store.transaction() as store:
        if store.repository(key(account), name) is not None:
            raise ApiError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{account}'",
            )
        call.cloud.quotas.check_repositories(store, key(account))
        alias(call.cloud, account)
        repository = store.create_repository(key(account), name, attributes, now=call.now)
    return {"repository": repository_shown(call, repository), "catalogData": catalog_shown(call, repository)}


@public_operation("DescribeRepositories")
def describe_repositories(call: Call) -> dict[str, Any]:
    account, names, store = registry_id(call), call.params.get("repositoryNames"), call.cloud.store
    if names:
        found = []
        for name in names:
            repository = store.repository(key(account), name)
            if repository is None:
                raise not_found(name, account)
            found.append(repository_shown(call, repository))
        return {"repositories": found}
    [last], size = page_after(call, 1) or [""], page_size(call, 100)
    items, token = page_of(
        store.repositories(key(account), after=last, limit=size + 1), size, lambda repository: (repository.name,)
    )
    return {"repositories": [repository_shown(call, repository) for repository in items], "nextToken": token}


@public_operation("DeleteRepository")
def delete_repository(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction() as store:
        repository = repository_of(call)
        if not call.params.get("force") and store.count_manifests(repository):
            raise not_empty(repository)
        shown = repository_shown(call, repository)
        store.delete_repository(repository.registry, repository.name)
    return {"repository": shown}


# ----------------------------------------------------------------------------------------------------------------- tags


def _by_arn(call: Call) -> Repository:
    found = PUBLIC_REPOSITORY.fullmatch(call.params["resourceArn"])
    assert found is not None  # check_arns has seen it
    repository = call.cloud.store.repository(key(found[1]), found[2])
    if repository is None:
        raise not_found(found[2], found[1])
    return repository


@public_operation("TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction():
        repository = _by_arn(call)
        change(call, repository, tags=checked_tags(call.params["tags"], repository.attributes["tags"]))
    return {}


@public_operation("UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction():
        repository = _by_arn(call)
        left = {
            name: value for name, value in repository.attributes["tags"].items() if name not in call.params["tagKeys"]
        }
        change(call, repository, tags=left)
    return {}


@public_operation("ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return {"tags": [{"Key": name, "Value": value} for name, value in _by_arn(call).attributes["tags"].items()]}
