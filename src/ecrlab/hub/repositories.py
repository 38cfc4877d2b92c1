"""The hub's repositories: made by a push or by the API, public or private."""

from __future__ import annotations

from typing import Any

from ecrlab.clock import Clock
from ecrlab.hub import names
from ecrlab.hub.accounts import Accounts
from ecrlab.hub.errors import HubError
from ecrlab.hub.rights import is_private
from ecrlab.oci import OciError
from ecrlab.store import Repository, Store

#: Private repositories of an account on the plan "personal" (H009).
PRIVATE = 1


class Repositories:
    """Makes repositories and changes them. Whether somebody may is not asked here."""

    def __init__(self, store: Store, clock: Clock, accounts: Accounts) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts

    def make(self, name: str, private: bool, description: str = "") -> Repository:
        """Make the repository ``NAMESPACE/NAME``. Raises HubError."""
        namespace, _, repository = name.partition("/")
        if not names.is_repository(repository):
            raise HubError(400, "A repository's name is 2 to 255 lower-case letters, digits, - and _.")
        with self._store.transaction():
            if self._store.repository(names.REGISTRY, name) is not None:
                raise HubError(409, f"The repository {name} exists.")
            if private:
                self._check_quota(namespace)
            attributes = {"private": private, "description": description, "pulls": 0}
            return self._store.create_repository(names.REGISTRY, name, attributes, now=self._clock.time())

    def make_by_push(self, name: str) -> Repository | None:
        """Make a repository that is pushed to, as private as the namespace's default says (H007). Raises OciError.

        None: another request made it at the same moment.
        """
        owner = self._accounts.namespace(name.partition("/")[0])
        try:
            return self.make(name, bool(owner and owner["default_private"]))
        except HubError as error:
            if error.status == 400:
                raise OciError(400, "NAME_INVALID", error.message) from None
            if error.status != 409:  # the quota of private repositories (err 107)
                raise OciError(403, "DENIED", f"requested access to the resource is denied: {error.message}") from None
        return None

    def set_private(self, name: str, private: object) -> Repository:
        """Make a repository public or private. Raises HubError."""
        if not isinstance(private, bool):
            raise HubError(400, f"is_private is true or false, not {private!r:.50}.")
        with self._store.transaction():
            found = self._store.repository(names.REGISTRY, name)
            if found is None:
                raise HubError(404, f"There is no repository {name}.")
            if private and not is_private(found):
                self._check_quota(name.partition("/")[0])
            attributes = {**found.attributes, "private": private}
            return self._store.update_repository(names.REGISTRY, name, attributes)

    def count_pull(self, repository: Repository) -> None:
        """Add one to the pulls that the API shows."""
        found = self._store.repository(names.REGISTRY, repository.name)
        if found is not None:
            attributes: dict[str, Any] = {**found.attributes, "pulls": int(found.attributes.get("pulls", 0)) + 1}
            self._store.update_repository(names.REGISTRY, found.name, attributes)

    def _check_quota(self, namespace: str) -> None:
        owner = self._accounts.users.get(namespace)
        if owner is None or owner["plan"] != "personal":
            return
        there = [found for found in self._store.repositories(names.REGISTRY, f"{namespace}/") if is_private(found)]
        if len(there) >= PRIVATE:
            raise HubError(
                403, f"The plan personal includes {PRIVATE} private repository, and {there[0].name} is one already."
            )
