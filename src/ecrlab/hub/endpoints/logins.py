"""Who is asking: passwords and access tokens exchanged for a token of the API, and that token read."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import hdrs, web

from ecrlab.clock import Clock
from ecrlab.hub import tokens
from ecrlab.hub.accounts import Accounts, Login
from ecrlab.hub.endpoints.call import UNAUTHORIZED, Call
from ecrlab.hub.errors import HubError
from ecrlab.hub.record import HUB_RECORD


class Logins:
    """The two ways to log in, and who has."""

    def __init__(self, clock: Clock, accounts: Accounts, secret: bytes) -> None:
        self._clock = clock
        self._accounts = accounts
        self._secret = secret

    def find(self, request: web.Request) -> Login | None:
        """Return who sent a request, None without a token. Raises HubError: the token is not good."""
        kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if not kind:
            return None
        claims = tokens.read(self._secret, token.strip(), tokens.API) if kind.lower() in ("bearer", "jwt") else None
        if claims is None or claims["exp"] <= self._clock.time() or self._accounts.users.get(claims["sub"]) is None:
            raise HubError(401, UNAUTHORIZED)
        return Login(claims["sub"], claims.get("scope"))

    async def log_in(self, call: Call) -> tuple[int, Any]:
        """POST /v2/users/login: a token for a name and a password."""
        return 200, {"token": await self._new_token(call.body.get("username"), call.body.get("password"), call)}

    async def make_token(self, call: Call) -> tuple[int, Any]:
        """POST /v2/auth/token: the same, as the newer API names things."""
        return 200, {"access_token": await self._new_token(call.body.get("identifier"), call.body.get("secret"), call)}

    async def _new_token(self, name: object, secret: object, call: Call) -> str:
        login = None
        if isinstance(name, str) and isinstance(secret, str):
            login = await asyncio.to_thread(self._accounts.authenticate, name, secret)
        if login is None:
            raise HubError(401, "Incorrect authentication credentials")
        call.request[HUB_RECORD].user = login.user
        now = int(self._clock.time())
        claims = {"aud": tokens.API, "exp": now + tokens.API_SECONDS, "iat": now, "iss": tokens.ISSUER}
        return tokens.make(self._secret, {**claims, "scope": login.scope, "sub": login.user})
