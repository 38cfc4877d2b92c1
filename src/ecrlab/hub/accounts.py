"""Users, their access tokens, organisations and their teams."""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecrlab.clock import Clock
from ecrlab.hub import names
from ecrlab.hub.errors import HubError
from ecrlab.hub.secrets import (
    hash_access_token,
    hash_password,
    is_access_token,
    new_access_token,
    password_fits,
)
from ecrlab.store import Store

Document = dict[str, Any]

#: Plans whose pulls are limited, and the others (fact H009).
PLANS = ("personal", "pro", "team", "business")
#: What an access token may allow, from least to most (H024).
SCOPES = ("repo:public_read", "repo:read", "repo:write", "repo:admin")
#: What a member of an organisation is (H030).
ROLES = ("member", "editor", "owner")
#: What a team may do with a repository (H030).
PERMISSIONS = ("read", "write", "admin")
# The time of an access token's last use is not written more often than this, in seconds.
_LAST_USED_STEP = 60.0


@dataclass(frozen=True)
class Login:
    """Who showed good credentials: the user, and the scope of the access token used, None for the password."""

    user: str
    scope: str | None = None


class Accounts:
    """Everybody who has a name at the hub. Names of users and organisations are one set: each is a namespace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.users = store.table("hub.users")
        self.organizations = store.table("hub.organizations")
        self.access_tokens = store.table("hub.access_tokens")
        # A password that was right is not hashed again: by user, its kept hash and a keyed hash of the password.
        self._key = secrets.token_bytes(32)
        self._right: dict[str, tuple[str, bytes]] = {}

    # ----------------------------------------------------------------------------------------------------------- users

    def add_user(self, name: object, password: object, plan: object = "personal", private: object = False) -> Document:
        """Make a user and return the document. ``private``: what a repository made by a push becomes (H006, H007).

        Blocks while the password is hashed. Raises HubError.
        """
        self._new_name(name, "user")
        if not isinstance(password, str) or not 8 <= len(password) <= 200:
            raise HubError(400, "A password is a text of 8 to 200 characters.")
        if plan not in PLANS:
            raise HubError(400, f"A plan is one of {', '.join(PLANS)}, not {plan!r}.")
        user = {
            "id": str(uuid.uuid4()),
            "name": str(name),
            "password": hash_password(password),
            "plan": plan,
            "default_private": _boolean(private, "default_private"),
            "created": self._clock.time(),
        }
        with self._store.transaction():
            self._new_name(name, "user")
            self.users.put(str(name), user)
        return user

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password unless it is the same. Blocks while it is hashed."""
        user = self.users.get(name)
        if user is not None and not password_fits(password, user["password"]):
            self.users.put(name, {**user, "password": hash_password(password)})

    def authenticate(self, name: str, secret: str) -> Login | None:
        """Return who a user name and a password or access token stand for, or None. Blocks for some 100 ms at most."""
        user = self.users.get(name) if names.is_account(name) else None
        if user is None:
            return None
        if is_access_token(secret):
            return self._by_access_token(name, hash_access_token(secret))
        mark = hmac.digest(self._key, secret.encode("utf-8", "surrogatepass"), "sha256")
        known = self._right.get(name)
        if known is None or known[0] != user["password"] or not hmac.compare_digest(known[1], mark):
            if not password_fits(secret, user["password"]):
                return None
            self._right[name] = (user["password"], mark)
        return Login(name)

    def _by_access_token(self, name: str, hashed: str) -> Login | None:
        now = self._clock.time()
        for key, token in self.access_tokens.items(f"{name}/"):
            if token["hash"] != hashed or not token["active"]:
                continue
            if token["expires"] is not None and token["expires"] <= now:
                return None
            if token["last_used"] is None or abs(now - token["last_used"]) > _LAST_USED_STEP:
                self.access_tokens.put(key, {**token, "last_used": now})
            return Login(name, token["scope"])
        return None

    # -------------------------------------------------------------------------------------------------- access tokens

    def add_access_token(
        self, user: str, label: str, scope: str, expires: float | None, address: str, agent: str
    ) -> tuple[Document, str]:
        """Make a personal access token; return its document and the secret, which is shown this once only (H024).

        ``expires`` is in epoch seconds of lab time, None for never.
        """
        secret = new_access_token()
        token = {
            "uuid": str(uuid.uuid4()),
            "label": label,
            "scope": scope,
            "hash": hash_access_token(secret),
            "active": True,
            "created": self._clock.time(),
            "expires": expires,
            "last_used": None,
            "creator_ip": address,
            "creator_ua": agent,
        }
        self.access_tokens.put(f"{user}/{token['uuid']}", token)
        return token, secret

    # -------------------------------------------------------------------------------------------------- organisations

    def add_organization(self, name: object, members: object, private: object = False) -> Document:
        """Make an organisation with its members, {user: role}, one of them an owner. Raises HubError."""
        if not isinstance(members, Mapping) or "owner" not in members.values():
            raise HubError(400, 'members is an object {"user": "owner" or "editor" or "member"} with an owner.')
        with self._store.transaction():
            self._new_name(name, "organisation")
            organization = {
                "id": str(uuid.uuid4()),
                "name": str(name),
                "default_private": _boolean(private, "default_private"),
                "created": self._clock.time(),
                "members": {self.user_named(user): _one_of(ROLES, role, "role") for user, role in members.items()},
                "teams": {},
                "last_team": 0,
            }
            self.organizations.put(str(name), organization)
        return organization

    def organization_named(self, name: object) -> Document:
        """Return an organisation; raises HubError (404)."""
        found = self.organizations.get(name) if isinstance(name, str) and names.is_account(name) else None
        if found is None:
            raise HubError(404, f"There is no organisation {_shown(name)}.")
        return found

    def user_named(self, name: object) -> str:
        """Return the name of a user that exists; raises HubError (404)."""
        if not isinstance(name, str) or not names.is_account(name) or self.users.get(name) is None:
            raise HubError(404, f"There is no user {_shown(name)}.")
        return name

    def set_member(self, organization: str, user: object, role: object) -> None:
        """Give a user a role in an organisation. Raises HubError; the last owner stays one."""
        with self._store.transaction():
            found = self.organization_named(organization)
            found["members"][self.user_named(user)] = _one_of(ROLES, role, "role")
            _has_owner(found)
            self.organizations.put(organization, found)

    def remove_member(self, organization: str, user: str) -> None:
        """Take a user out of an organisation and all its teams. Raises HubError; the last owner stays."""
        with self._store.transaction():
            found = self.organization_named(organization)
            if found["members"].pop(user, None) is None:
                raise HubError(404, f"{_shown(user)} is not a member of {organization}.")
            _has_owner(found)
            for team in found["teams"].values():
                team["members"] = [member for member in team["members"] if member != user]
            self.organizations.put(organization, found)

    def set_team(
        self,
        organization: str,
        team: object,
        members: object = (),
        repositories: object = None,
        description: object = "",
    ) -> Document:
        """Make or replace a team: its members, and what it may do with repositories, {name: permission} (H030).

        Raises HubError.
        """
        if not names.is_account(team):
            raise HubError(400, f"A team's name is 2 to 30 lower-case letters, digits, - and _, not {_shown(team)}.")
        if not isinstance(members, (list, tuple)) or not isinstance(repositories or {}, Mapping):
            raise HubError(400, 'Expected members as a list and repositories as {"name": "read", "write" or "admin"}.')
        if not isinstance(description, str):
            raise HubError(400, "A description is a text.")
        with self._store.transaction():
            found = self.organization_named(organization)
            for user in members:
                if self.user_named(user) not in found["members"]:
                    raise HubError(400, f"{user} is not a member of {organization}.")
            rights: Mapping[Any, Any] = repositories if isinstance(repositories, Mapping) else {}
            for repository in rights:
                if not names.is_repository(repository):
                    raise HubError(400, f"{_shown(repository)} is not a repository's name without its namespace.")
            old = found["teams"].get(team)
            found["last_team"] += 0 if old else 1
            made = {
                "id": old["id"] if old else found["last_team"],
                "description": description,
                "members": list(dict.fromkeys(members)),
                "repositories": {name: _one_of(PERMISSIONS, level, "permission") for name, level in rights.items()},
            }
            found["teams"][team] = made
            self.organizations.put(organization, found)
        return made

    # ---------------------------------------------------------------------------------------------------------- common

    def namespace(self, name: str) -> Document | None:
        """Return the user or the organisation of that name, or None."""
        if not names.is_account(name):
            return None
        return self.users.get(name) or self.organizations.get(name)

    def set_default_private(self, name: object, private: object) -> None:
        """Set what a repository made by a push becomes in a namespace (H006). Raises HubError."""
        wanted = _boolean(private, "default_private")
        for table in (self.users, self.organizations):
            found = table.get(name) if isinstance(name, str) and names.is_account(name) else None
            if found is not None:
                table.put(found["name"], {**found, "default_private": wanted})
                return
        raise HubError(404, f"There is no user or organisation {_shown(name)}.")

    def _new_name(self, name: object, what: str) -> None:
        if not names.is_account(name):
            text = f"The name of a {what} is 2 to 30 lower-case letters, digits, - and _, not {_shown(name)}."
            raise HubError(400, text)
        if name in names.RESERVED or self.namespace(str(name)) is not None:
            raise HubError(409, f"The name {name} is taken.")


def _boolean(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise HubError(400, f"{what} is true or false, not {_shown(value)}.")
    return value


def _one_of(allowed: tuple[str, ...], value: object, what: str) -> str:
    if value not in allowed:
        raise HubError(400, f"A {what} is one of {', '.join(allowed)}, not {_shown(value)}.")
    return str(value)


def _has_owner(organization: Document) -> None:
    if "owner" not in organization["members"].values():
        raise HubError(400, f"{organization['name']} would have no owner any more.")


def _shown(value: object) -> str:
    return repr(value)[:100]
