"""Who may do what with a repository: visibility, ownership, roles, teams, and the access token (H006, H024, H030)."""

from __future__ import annotations

from dataclasses import dataclass

from ecrlab.hub.accounts import Accounts, Login
from ecrlab.hub.names import REGISTRY
from ecrlab.store import Repository, Store

#: In the order in which they are written into a scope.
ACTIONS = ("pull", "push", "delete")
# What a team's permission on a repository and an access token's scope allow at most (H024).
_PERMISSION = {"read": ("pull",), "write": ("pull", "push"), "admin": ACTIONS}
_SCOPE = {"repo:public_read": ("pull",), "repo:read": ("pull",), "repo:write": ("pull", "push"), "repo:admin": ACTIONS}


@dataclass(frozen=True)
class Rights:
    """Actions that are allowed, in the order of `ACTIONS`, and in a sentence why these and no others."""

    actions: tuple[str, ...]
    reason: str


def is_private(repository: Repository) -> bool:
    """Tell whether a repository is private."""
    return bool(repository.attributes.get("private"))


def rights(store: Store, accounts: Accounts, login: Login | None, name: str) -> Rights:
    """Return what somebody may do with the repository ``NAMESPACE/NAME``, which need not exist.

    To whoever may not make it, a repository that is missing looks as one that is private (err 108).
    """
    found = store.repository(REGISTRY, name)
    account = _of_account(accounts, login, name, found)
    public = found is not None and not is_private(found)
    allowed = account.actions
    reason = account.reason
    if public and "pull" not in allowed:
        allowed = ("pull", *allowed)
        reason = f"{name} is public: everybody may pull" if not reason else f"{name} is public; {reason}"
    if login is None or login.scope is None or not allowed:
        return Rights(allowed, reason or f"{name} is private or missing")
    limit = _SCOPE[login.scope]
    if login.scope == "repo:public_read" and not public:
        limit = ()
    kept = tuple(action for action in allowed if action in limit)
    return Rights(kept, reason if kept == allowed else f"{reason}; the access token allows {login.scope}")


def _of_account(accounts: Accounts, login: Login | None, name: str, found: Repository | None) -> Rights:
    namespace, _, repository = name.partition("/")
    if login is None:
        return Rights((), "")
    if namespace == login.user:
        return Rights(ACTIONS, f"{login.user} owns the namespace {namespace}")
    organization = accounts.organizations.get(namespace)
    role = organization["members"].get(login.user) if organization else None
    if organization is None or role is None:
        return Rights((), f"{login.user} has no role in {namespace}")
    if role in ("owner", "editor"):
        return Rights(ACTIONS, f"{login.user} is {role} of {namespace}")
    if found is None:
        return Rights((), f"{login.user} is member of {namespace}: only owners and editors make repositories")
    held = {
        permission: team
        for team, details in sorted(organization["teams"].items())
        for permission in [details["repositories"].get(repository)]
        if permission is not None and login.user in details["members"]
    }
    for permission in ("admin", "write", "read"):
        if permission in held:
            return Rights(_PERMISSION[permission], f"team {held[permission]} of {namespace} has {permission}")
    return Rights((), f"{login.user} is member of {namespace}, but no team of {login.user} has {name}")
