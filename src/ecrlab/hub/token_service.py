"""GET /token: a Bearer token for the scopes asked for, as far as they are granted (H027, H028)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from datetime import UTC, datetime
from typing import Any

from aiohttp import hdrs, web

from ecrlab.clock import Clock
from ecrlab.hub import names, tokens
from ecrlab.hub.accounts import Accounts, Login
from ecrlab.hub.pulls import Pulls
from ecrlab.hub.record import HUB_RECORD, HubRecord
from ecrlab.hub.rights import ACTIONS, Rights, rights
from ecrlab.store import Store

# A token names at most so many repositories; a push that mounts asks for two.
_MOST_SCOPES = 20


class TokenService:
    """Gives tokens to whoever shows a password or an access token, and to nobody in particular."""

    def __init__(self, store: Store, clock: Clock, accounts: Accounts, pulls: Pulls, secret: bytes) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._pulls = pulls
        self._secret = secret

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request for /token. Errors are Docker Hub's ``{"details": text}``."""
        record = request[HUB_RECORD]
        record.operation = "GET token"
        if request.method not in ("GET", "HEAD"):
            return _refused(405, "a token is asked for with GET", {"Allow": "GET"})
        login: Login | None = None
        if hdrs.AUTHORIZATION in request.headers:
            shown = _basic(request.headers[hdrs.AUTHORIZATION])
            login = await asyncio.to_thread(self._accounts.authenticate, *shown) if shown else None
            if login is None:
                record.reason, record.error = "the user name, password or access token is wrong", "UNAUTHORIZED"
                return _refused(401, "incorrect username or password")
        record.user = login.user if login else None
        asked = [scope for text in request.query.getall("scope", []) for scope in text.split()]
        if len(asked) > _MOST_SCOPES:
            return _refused(400, f"at most {_MOST_SCOPES} scopes in one token")
        # A client may name a repository twice, as containerd does: pull for a look, push for the upload.
        wanted: dict[str, dict[str, None]] = {}
        for scope in asked:
            name, actions = _parsed(scope)
            if name is None:
                record.reason = f"nothing is granted on {scope[:100]!r}: it is not repository:NAME:ACTIONS"
            else:
                wanted.setdefault(name, {}).update(dict.fromkeys(actions))
        access = [self._access(request, record, name, tuple(actions), login) for name, actions in wanted.items()]
        record.reason = record.reason or ("logged in; no scope was asked for" if login else "no scope was asked for")
        return web.json_response(self._token(login, access))

    def _access(
        self, request: web.Request, record: HubRecord, name: str, wanted: tuple[str, ...], login: Login | None
    ) -> dict[str, Any]:
        """Return a repository's entry in the token, with what is granted of the actions wanted."""
        held: Rights = rights(self._store, self._accounts, login, name)
        granted = tuple(action for action in ACTIONS if action in wanted and action in held.actions)
        record.asked(name, wanted, granted, f"granted {','.join(granted) or 'nothing'}: {held.reason}")
        entry: dict[str, Any] = {"type": "repository", "name": name, "actions": list(granted)}
        user = self._accounts.users.get(login.user) if login else None
        puller = self._pulls.puller(user, record.address)
        if "pull" in granted and puller.limit is not None:
            window = self._pulls.limits().window
            entry["parameters"] = {"pull_limit": str(puller.limit), "pull_limit_interval": str(window)}
        return entry

    def _token(self, login: Login | None, access: list[dict[str, Any]]) -> dict[str, Any]:
        now = self._clock.time()
        claims = {
            "access": access,
            "aud": tokens.SERVICE,
            "exp": int(now) + tokens.REGISTRY_SECONDS,
            "iat": int(now),
            "iss": tokens.ISSUER,
            "jti": f"ecrlab_jti_{secrets.token_urlsafe(16)}",
            "nbf": int(now),
            "sub": login.user if login else "",
        }
        token = tokens.make(self._secret, claims)
        issued = datetime.fromtimestamp(int(now), UTC).isoformat().replace("+00:00", "Z")
        return {"token": token, "access_token": token, "expires_in": tokens.REGISTRY_SECONDS, "issued_at": issued}


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"details": text}, status=status, headers=headers)


def _parsed(scope: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the repository and the actions of a scope, with None for what is not a repository's."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    name = names.full(name)
    if kind != "repository" or not names.is_full(name) or len(actions) > 100:
        return None, ()
    return name, ACTIONS if actions == "*" else tuple(actions.split(","))


def _basic(authorization: str) -> tuple[str, str] | None:
    """Return user name and password of a Basic header, or None."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
