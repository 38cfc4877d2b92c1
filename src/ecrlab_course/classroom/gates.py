"""Who may see the board: a key in the instructor's address where there is no hub. The hub's own gate: `hub_gate.py`."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import deque
from typing import Protocol

from aiohttp import web

from ecrlab_course.messages import say

COOKIE = "ecrlab-board"
WRONG, WINDOW = 20, 60.0
"""So many wrong codes from one address within so many seconds, and no code is looked at any more."""


class Gate(Protocol):
    """Tells instructors from others."""

    def add_to(self, app: web.Application, prefix: str) -> None:
        """Add the gate's own routes."""

    async def is_instructor(self, request: web.Request) -> bool:
        """Tell whether the request is an instructor's."""

    async def way_in(self, request: web.Request) -> web.StreamResponse:
        """Answer somebody who wants to see the page and is not let in: a login, or how to get in."""


class KeyGate:
    """The key in the address printed on the instructor's own screen; then a cookie, and the address is clean."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._sessions: set[str] = set()

    def add_to(self, app: web.Application, prefix: str) -> None:
        """Nothing to add: the key comes to the page itself."""

    async def is_instructor(self, request: web.Request) -> bool:
        """Tell whether the request's cookie was given for the key."""
        return request.cookies.get(COOKIE, "") in self._sessions

    async def way_in(self, request: web.Request) -> web.StreamResponse:
        """Take the key from the address (and redirect), or say where the address with the key stands."""
        if not hmac.compare_digest(request.query.get("key", "").encode(errors="replace"), self._key.encode()):
            return web.Response(status=403, text=say("class-board.no_key"))
        session = secrets.token_urlsafe(24)
        self._sessions.add(session)
        answer = web.HTTPFound(request.path)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="Strict", path=request.path)
        raise answer


class Patience:
    """Counts wrong join codes by address. Right ones are never slowed down: a class joins within one minute."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}

    def _recent(self, who: str) -> deque[float]:
        times = self._wrong.setdefault(who, deque(maxlen=WRONG))
        while times and time.monotonic() - times[0] > WINDOW:
            times.popleft()
        return times

    def is_over(self, who: str) -> bool:
        """Tell whether an address has sent too many wrong codes lately."""
        return len(self._recent(who)) >= WRONG

    def note(self, who: str) -> None:
        """Note a wrong code."""
        if len(self._wrong) > 10_000:
            self._wrong.clear()
        self._recent(who).append(time.monotonic())
