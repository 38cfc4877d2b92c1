"""Repositories and their tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ecrlab.aws.arns import REPOSITORY
from ecrlab.aws.ecr import lifecycle, scanning
from ecrlab.aws.ecr.encryption import encryption_of
from ecrlab.aws.ecr.request import (
    account_of,
    change,
    invalid,
    not_empty,
    not_found,
    page_after,
    page_of,
    page_size,
    registry_of,
    repository_of,
)
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.store import Repository

EXCLUDING = {"IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"}
TAGS_PER_REPOSITORY = 50


def repository_shown(call: Call, repository: Repository) -> dict[str, Any]:
    account, region = repository.registry.split("/")
    attributes = repository.attributes
    return {
        "repositoryArn": f"arn:aws:ecr:{region}:{account}:repository/{repository.name}",
        "registryId": account,
        "repositoryName": repository.name,
        "repositoryUri": call.cloud.repository_uri(account, region, repository.name),
        "createdAt": repository.created,
        "imageTagMutability": attributes["mutability"],
        "imageTagMutabilityExclusionFilters": attributes["exclusions"] or None,
        "imageScanningConfiguration": {"scanOnPush": attributes["scan_on_push"]},
        "encryptionConfiguration": attributes["encryption"],
    }


def checked_tags(tags: Iterable[Mapping[str, str]], old: Mapping[str, str] | None = None) -> dict[str, str]:
    result = dict(old or {})
    for tag in tags:
        if not tag["Key"] or len(tag["Key"]) > 128 or len(tag["Value"]) > 256:
            raise ApiError(
                "InvalidTagParameterException", "Tag keys must have 1 to 128 characters, and tag values at most 256."
            )
        result[tag["Key"]] = tag["Value"]
    if len(result) > TAGS_PER_REPOSITORY:
        raise ApiError(
            "TooManyTagsException",
            "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a "
            f"repository is {TAGS_PER_REPOSITORY}.",
        )
    return result


def mutability_of(params: Mapping[str, Any]) -> dict[str, Any]:
    value, filters = params.get("imageTagMutability", "MUTABLE"), params.get("imageTagMutabilityExclusionFilters")
    if value in EXCLUDING and not filters:
        raise invalid(
            "imageTagMutabilityExclusionFilters",
            f"ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {value}",
        )
    if value not in EXCLUDING and filters:
        raise invalid(
            "imageTagMutabilityExclusionFilters",
            f"ImageTagMutabilityExclusionFilters can't be provided when imageTagMutability is set as {value}",
        )
    return {"mutability": value, "exclusions": filters or []}


def new_attributes(params: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """Return what a new repository is kept with, from the parameters of CreateRepository (facts E048)."""
    return {
        **mutability_of(params),
        "scan_on_push": (params.get("imageScanningConfiguration") or {}).get("scanOnPush", False),
        "encryption": encryption_of(params, account, region),
        "tags": checked_tags(params.get("tags", ())),
        "policy": None,
    }


@operation("ecr", "CreateRepository", simplified="KMS settings are kept and shown; they encrypt nothing.")
def create_repository(call: Call) -> dict[str, Any]:
    account, registry = registry_of(call)
    name, params = call.params["repositoryName"], call.params
    if account != call.account:
        raise invalid("registryId", "A repository can only be created in the caller's own registry")
    attributes = new_attributes(params, account, call.region)
    with call.cloud.store.transaction() as store:
        if store.repository(registry, name) is not None:
            raise ApiError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{account}'",
            )
        call.cloud.quotas.check_repositories(store, registry)
        repository = store.create_repository(registry, name, attributes, now=call.now)
    return {"repository": repository_shown(call, repository)}


@operation("ecr", "DescribeRepositories")
def describe_repositories(call: Call) -> dict[str, Any]:
    account, registry = registry_of(call)
    names = call.params.get("repositoryNames")
    if not names:
        [last], size = page_after(call, 1) or [""], page_size(call, 100)
        repositories = call.cloud.store.repositories(registry, after=last, limit=size + 1)
        items, token = page_of(repositories, size, lambda repository: (repository.name,))
        return {"repositories": [repository_shown(call, repository) for repository in items], "nextToken": token}
    found = []
    for name in names:
        repository = call.cloud.store.repository(registry, name)
        if repository is None:
            raise not_found(name, account)
        found.append(repository_shown(call, repository))
    return {"repositories": found}


@operation("ecr", "DeleteRepository")
def delete_repository(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction() as store:
        repository = repository_of(call)
        if not call.params.get("force") and store.count_manifests(repository):
            raise not_empty(repository)
        shown = repository_shown(call, repository)
        store.delete_repository(repository.registry, repository.name)
        lifecycle.forget(call.cloud, repository)
        scanning.forget(call.cloud, repository)
    hidden = ("imageScanningConfiguration", "encryptionConfiguration")
    return {"repository": {key: value for key, value in shown.items() if key not in hidden}}


@operation("ecr", "PutImageTagMutability")
def put_image_tag_mutability(call: Call) -> dict[str, Any]:
    repository = change(call, repository_of(call), **mutability_of(call.params))
    return {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "imageTagMutability": repository.attributes["mutability"],
        "imageTagMutabilityExclusionFilters": repository.attributes["exclusions"] or None,
    }


def _by_arn(call: Call) -> Repository:
    found = REPOSITORY.fullmatch(call.params["resourceArn"])
    assert found is not None  # check_arns has seen it
    region, account, name = found.groups()
    repository = call.cloud.store.repository(f"{account}/{region}", name)
    if repository is None or region != call.region:
        raise not_found(name, account)
    return repository


@operation("ecr", "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    repository = _by_arn(call)
    change(call, repository, tags=checked_tags(call.params["tags"], repository.attributes["tags"]))
    return {}


@operation("ecr", "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    repository = _by_arn(call)
    change(
        call,
        repository,
        tags={k: v for k, v in repository.attributes["tags"].items() if k not in call.params["tagKeys"]},
    )
    return {}


@operation("ecr", "ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return {"tags": [{"Key": key, "Value": value} for key, value in _by_arn(call).attributes["tags"].items()]}
