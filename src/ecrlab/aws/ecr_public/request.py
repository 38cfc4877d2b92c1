"""What the operations of Amazon ECR Public share: the one Region, the account's registry, its repositories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from ecrlab.aws.ecr.request import not_found
from ecrlab.aws.ecr_public.registry import account_of_alias, key
from ecrlab.aws.operations import Call, Handler, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.store import Repository

#: Where the API is (facts E024).
REGION = "us-east-1"

F = TypeVar("F", bound=Handler)


def public_operation(*names: str, simplified: str = "") -> Callable[[F], F]:
    """Register a function as operations of ecr-public, which answer in one Region only (err 73)."""

    def register(function: F) -> F:
        def handler(call: Call) -> dict[str, Any] | None:
            if call.region != REGION:
                raise ApiError(
                    "UnsupportedCommandException",
                    f"{call.operation} is not supported in {call.region}. Amazon ECR Public is in {REGION}.",
                )
            return function(call)

        operation("ecr-public", *names, simplified=simplified)(handler)
        return function

    return register


def registry_id(call: Call) -> str:
    """Return the account whose registry is meant; some operations also take its alias.

    Raises ApiError: no registry has this alias.
    """
    given = str(call.params.get("registryId", call.account))
    account = given if given.isdecimal() else account_of_alias(call.cloud, given)
    if account is None:
        raise ApiError("RegistryNotFoundException", f"The registry with id '{given}' does not exist")
    return account


def repository_of(call: Call) -> Repository:
    """Return the repository that a request names. Raises ApiError (RepositoryNotFoundException)."""
    account, name = registry_id(call), call.params["repositoryName"]
    found = call.cloud.store.repository(key(account), name)
    if found is None:
        raise not_found(name, account)
    return found


def as_private(call: Call) -> Call:
    """Return the request as one for a private repository that is kept where the public one is.

    What lies in a repository is the same thing in both services: layers, images, tags.
    """
    account, _, region = key(registry_id(call)).partition("/")
    return replace(call, region=region, params={**call.params, "registryId": account})


def without_none(document: dict[str, Any]) -> dict[str, Any]:
    """Return what is given of a document."""
    return {name: value for name, value in document.items() if value is not None}
