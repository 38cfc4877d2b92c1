"""One request of the HTTP API: who asks for what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ecrlab.hub.accounts import Login
from ecrlab.hub.errors import HubError

UNAUTHORIZED = "access denied: missing or invalid token"
SCOPE = "access denied: insufficient scope"


@dataclass
class Call:
    """One request: who asks, the words of the path that stand for something, and the body."""

    request: web.Request
    login: Login | None
    words: dict[str, str]
    body: dict[str, Any]

    def text(self, key: str, longest: int, default: str | None = None) -> str:
        """Return a text of the body. Raises HubError: it is none, or too long."""
        value = self.body.get(key, default)
        if not isinstance(value, str) or not (default is not None or value) or len(value) > longest:
            raise HubError(400, f"{key} is a text of at most {longest} characters.")
        return value

    def user(self) -> Login:
        """Return who asks. Raises HubError: nobody is logged in."""
        if self.login is None:
            raise HubError(401, UNAUTHORIZED)
        return self.login

    def password_user(self) -> str:
        """Return the user who asks. Raises HubError: they did not log in with the password."""
        login = self.user()
        if login.scope is not None:
            raise HubError(403, SCOPE)
        return login.user


#: Answers with a status and what JSON says, None for nothing.
Handler = Callable[[Call], Awaitable[tuple[int, Any]]]


def is_text(text: str) -> bool:
    """Tell whether the database can be asked for it: a lone surrogate cannot be written."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
