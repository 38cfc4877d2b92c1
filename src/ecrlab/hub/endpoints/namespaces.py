"""The repositories of a namespace: found, listed, made and changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecrlab.hub import names
from ecrlab.hub.accounts import PERMISSIONS, Accounts, Login
from ecrlab.hub.endpoints.call import SCOPE, UNAUTHORIZED, Call, is_text
from ecrlab.hub.endpoints.moments import write_moment
from ecrlab.hub.endpoints.paging import cut_page
from ecrlab.hub.errors import HubError
from ecrlab.hub.record import HUB_RECORD
from ecrlab.hub.repositories import Repositories
from ecrlab.hub.rights import is_private, rights
from ecrlab.store import Repository, Store


class Namespaces:
    """What stands below /v2/namespaces/NAME and /v2/repositories/NAME."""

    def __init__(self, store: Store, accounts: Accounts, repositories: Repositories) -> None:
        self._store = store
        self._accounts = accounts
        self._repositories = repositories

    async def list_page(self, call: Call) -> tuple[int, Any]:
        """The repositories that the caller may pull from."""
        namespace = call.words["namespace"]
        wanted, order = call.request.query.get("name", ""), call.request.query.get("ordering", "-last_updated")
        keys: dict[str, Callable[[dict[str, Any]], Any]] = {
            key: lambda item, key=key: item[key]  # type: ignore[misc]
            for key in ("name", "last_updated", "pull_count")
        }
        if order.removeprefix("-") not in keys:
            allowed = ", ".join(f"{key}, -{key}" for key in keys)
            raise HubError(400, f"Invalid ordering value. Must be one of: {allowed}")
        found = []
        for repository in self._store.repositories(names.REGISTRY, f"{namespace}/") if is_text(namespace) else ():
            if wanted not in repository.name.partition("/")[2]:
                continue
            if "pull" in rights(self._store, self._accounts, call.login, repository.name).actions:
                found.append(self._info(repository))
        found.sort(key=lambda item: str(item["name"]))
        found.sort(key=keys[order.removeprefix("-")], reverse=order.startswith("-"))
        return 200, cut_page(call, found)

    async def make(self, call: Call) -> tuple[int, Any]:
        """A new repository."""
        login, namespace, repository = call.user(), call.words["namespace"], call.text("name", 255)
        if not names.is_account(namespace) or call.body.get("namespace", namespace) != namespace:
            raise HubError(400, "The namespace in the body is not the one in the path.")
        if not names.is_repository(repository):
            raise HubError(400, "A repository's name is 2 to 255 lower-case letters, digits, - and _.")
        name = f"{namespace}/{repository}"
        private = call.body.get("is_private", False)
        if not isinstance(private, bool):
            raise HubError(400, "is_private is true or false.")
        description = call.text("description", 100, "")
        if login.scope not in (None, "repo:admin"):
            raise HubError(403, SCOPE)
        if "delete" not in rights(self._store, self._accounts, login, name).actions:
            raise HubError(403, f"You may not make repositories in {namespace}.")
        return 201, self._info(self._repositories.make(name, private, description))

    async def get(self, call: Call) -> tuple[int, Any]:
        """One repository, and what the caller may do with it."""
        found = find_repository(self._store, self._accounts, call)
        held = rights(self._store, self._accounts, call.login, found.name).actions
        permissions = {"read": "pull" in held, "write": "push" in held, "admin": "delete" in held}
        return 200, {**self._info(found), "permissions": permissions}

    async def change(self, call: Call) -> tuple[int, Any]:
        """Make it private or public."""
        call.user()
        found = find_repository(self._store, self._accounts, call, "delete")
        if "is_private" not in call.body:
            raise HubError(400, 'Expected {"is_private": true} or {"is_private": false}.')
        changed = self._repositories.set_private(found.name, call.body["is_private"])
        call.request[HUB_RECORD].shows.update(repository=found.name, private=is_private(changed))
        return 200, self._info(changed)

    async def assign_group(self, call: Call) -> tuple[int, Any]:
        """What a group may do with it."""
        call.user()
        found = find_repository(self._store, self._accounts, call, "delete")
        organization = self._accounts.organization_named(call.words["namespace"])
        number, permission = call.body.get("group_id"), call.body.get("permission")
        if permission not in PERMISSIONS:
            raise HubError(400, f"permission is one of {', '.join(PERMISSIONS)}.")
        for name, team in organization["teams"].items():
            if team["id"] == number and not isinstance(number, bool):
                held = {**team["repositories"], found.name.partition("/")[2]: permission}
                self._accounts.set_team(organization["name"], name, team["members"], held, team["description"])
                return 200, {"group_name": name, "permission": permission, "group_id": number}
        raise HubError(404, f"{organization['name']} has no group with the id {number!r:.50}.")

    def _info(self, repository: Repository) -> dict[str, Any]:
        namespace, _, name = repository.name.partition("/")
        pushed = self._store.manifests(repository)
        updated = max((manifest.pushed_at for manifest in pushed), default=repository.created)
        return {
            "name": name,
            "namespace": namespace,
            "repository_type": "image",
            "status": 1,
            "status_description": "active",
            "description": repository.attributes.get("description", ""),
            "is_private": is_private(repository),
            "star_count": 0,
            "pull_count": int(repository.attributes.get("pulls", 0)),
            "last_updated": write_moment(updated),
            "date_registered": write_moment(repository.created),
            "hub_user": namespace,
            "media_types": sorted({manifest.media_type for manifest in pushed}),
            "storage_size": sum(blob.size for blob in self._store.blobs(repository)),
        }


def find_repository(store: Store, accounts: Accounts, call: Call, action: str = "pull") -> Repository:
    """Return the repository of the path. Raises HubError: it is not there for the caller, or they may not do this."""
    name = f"{call.words['namespace']}/{call.words['repository']}"
    if not names.is_full(name):
        raise HubError(404, "object not found")
    _check_right(store, accounts, call, name, action)
    found = store.repository(names.REGISTRY, name)
    if found is None:
        raise HubError(404, "object not found")
    return found


def _check_right(store: Store, accounts: Accounts, call: Call, name: str, action: str) -> None:
    """Raise unless the caller may; what the caller may not even pull is not there."""
    held = rights(store, accounts, call.login, name).actions
    if action in held:
        return
    if "pull" not in held or store.repository(names.REGISTRY, name) is None:
        raise HubError(404, "object not found")
    if call.login is None:
        raise HubError(401, UNAUTHORIZED)
    whole = rights(store, accounts, Login(call.login.user), name).actions
    raise HubError(403, SCOPE if action in whole else f"You may not do this with {name}.")
