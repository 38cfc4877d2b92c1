"""What the operations of Amazon ECR share: the repository of a request, pages, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ecrlab.aws.operations import Call
from ecrlab.aws.wire.errors import ApiError
from ecrlab.store import Repository


def constraint_text(member: str, constraint: str) -> str:
    """Return ECR's sentence about a parameter."""
    return f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"


def invalid(member: str, constraint: str) -> ApiError:
    return ApiError("InvalidParameterException", constraint_text(member, constraint))


def not_found(name: str, account: str) -> ApiError:
    """Return the error for a repository that does not exist (err 29)."""
    return ApiError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{account}'",
    )


def not_empty(repository: Repository) -> ApiError:
    """Return the error for a repository that is deleted with its images, without force."""
    return ApiError(
        "RepositoryNotEmptyException",
        f"The repository with name '{repository.name}' in registry with id '{account_of(repository)}' cannot be "
        "deleted because it still contains images",
    )


def registry_of(call: Call) -> tuple[str, str]:
    account = call.params.get("registryId", call.account)
    return account, f"{account}/{call.region}"


def repository_of(call: Call) -> Repository:
    account, registry = registry_of(call)
    name = call.params["repositoryName"]
    found = call.cloud.store.repository(registry, name)
    if found is None:
        raise not_found(name, account)
    return found


def account_of(repository: Repository) -> str:
    return repository.registry.partition("/")[0]


def repository_named(repository: Repository) -> str:
    return f"the repository with name '{repository.name}' in the registry with id '{account_of(repository)}'"


def change(call: Call, repository: Repository, **changes: Any) -> Repository:
    attributes = {**repository.attributes, **changes}
    return call.cloud.store.update_repository(repository.registry, repository.name, attributes)


def page_after(call: Call, parts: int) -> list[str] | None:
    """Return the texts that the request's nextToken stands for, None at the beginning of a listing.

    A token names the last item shown, not a position: every page costs the same, and what is pushed or deleted between
    two pages makes the next one neither skip nor repeat anything.
    """
    token = call.params.get("nextToken")
    if not token:
        return None
    try:
        mark, *found = bytes.fromhex(token).decode().split("\n")
    except ValueError:
        raise wrong_token() from None
    if mark != "after" or len(found) != parts:
        raise wrong_token()
    return found


def wrong_token() -> ApiError:
    return ApiError(
        "InvalidParameterException",
        "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'",
    )


def page_size(call: Call, usual: int) -> int:
    return int(call.params.get("maxResults") or usual)


_Item = TypeVar("_Item")


def page_of(items: list[_Item], size: int, key: Callable[[_Item], tuple[str, ...]]) -> tuple[list[_Item], str | None]:
    """Return the first ``size`` items and, when there are more, the token of the page after them."""
    if len(items) <= size:
        return items, None
    return items[:size], "\n".join(("after", *key(items[size - 1]))).encode().hex()
