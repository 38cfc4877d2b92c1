"""The board's gate on a JupyterHub: its OAuth says who somebody is, and a scope says whether they are an instructor."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from jupyterhub.services.auth import HubOAuth

from ecrlab_course.messages import say

SCOPE = "custom:board:read"
"""The scope of an instructor; the hub's configuration gives it to a role."""
COOKIE = "ecrlab-board"
FRESH = 300.0
"""Seconds after which the hub is asked again whether a session is still an instructor's."""
_MOST = 1000


class NoHubError(Exception):
    """The board was not started by a hub; the text says so."""


def place() -> tuple[str, int, str]:
    """Return where a service of a hub listens, as the hub says: host, port, and the path below which it answers."""
    url, prefix = (
        urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")),
        os.environ.get("JUPYTERHUB_SERVICE_PREFIX", ""),
    )
    if not url.hostname or not url.port or not prefix:
        raise NoHubError(say("class.no_hub"))
    return url.hostname, url.port, prefix


@dataclass
class _Session:
    token: str
    asked: float
    is_instructor: bool


class HubGate:
    """Asks the hub. Tokens stay in this process; a browser holds the number of its session, and no more."""

    def __init__(self) -> None:
        self._auth: Any = HubOAuth.instance(cookie_name=COOKIE)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._begun: OrderedDict[str, str] = OrderedDict()
        """State of a login that was begun, to its PKCE verifier (RFC 7636)."""
        self._prefix = "/"

    def add_to(self, app: web.Application, prefix: str) -> None:
        """Add the page to which the hub sends a browser back."""
        self._prefix = prefix
        app.router.add_get(f"{prefix}oauth_callback", self._callback)

    async def is_instructor(self, request: web.Request) -> bool:
        """Tell whether the session's user has the scope now."""
        session = self._sessions.get(request.cookies.get(COOKIE, ""))
        if session is None:
            return False
        if time.monotonic() - session.asked > FRESH:
            session.is_instructor = await self._may_read(session.token)
            session.asked = time.monotonic()
        return session.is_instructor

    async def _may_read(self, token: str) -> bool:
        user = await self._auth.user_for_token(token, use_cache=False, sync=False)
        return bool(user) and bool(self._auth.check_scopes({SCOPE}, user))

    async def way_in(self, request: web.Request) -> web.StreamResponse:
        """Send the browser to the hub's login, once; say that the board is for instructors where that was done."""
        if request.cookies.get(COOKIE, "") in self._sessions:
            return web.Response(status=403, text=say("class.not_instructor"))
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        _remember(self._begun, state, verifier)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        more = {"state": state, "code_challenge": challenge, "code_challenge_method": "S256"}
        answer = web.HTTPFound(f"{self._auth.login_url}&{urlencode(more)}")
        answer.set_cookie(f"{COOKIE}-state", state, httponly=True, samesite="Lax", path=self._prefix, max_age=600)
        raise answer

    async def _callback(self, request: web.Request) -> web.StreamResponse:
        state = request.query.get("state", "")
        verifier = self._begun.pop(state, None)
        # The state is this browser's own: nobody else's login can be put under it.
        if verifier is None or request.cookies.get(f"{COOKIE}-state") != state or "code" not in request.query:
            return web.Response(status=403, text=say("class.login_again", address=self._prefix))
        try:
            token = await self._auth.token_for_code(request.query["code"], code_verifier=verifier, sync=False)
        except Exception as error:  # what tornado's client raises is not ours to list
            reason = getattr(error, "log_message", None) or type(error).__name__
            print(f"board: the hub gave no token: {reason}", flush=True)
            return web.Response(status=403, text=say("class.login_again", address=self._prefix))
        session = secrets.token_urlsafe(24)
        _remember(self._sessions, session, _Session(str(token), time.monotonic(), await self._may_read(str(token))))
        answer = web.HTTPFound(self._prefix)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="Lax", path=self._prefix)
        answer.del_cookie(f"{COOKIE}-state", path=self._prefix)
        raise answer


def _remember(table: OrderedDict[str, Any], key: str, value: Any) -> None:
    table[key] = value
    while len(table) > _MOST:
        table.popitem(last=False)
