"""Personal access tokens: what a user logs in with in place of the password."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs

from ecrlab.clock import Clock
from ecrlab.hub.accounts import SCOPES, Accounts, Document
from ecrlab.hub.endpoints.call import Call, is_text
from ecrlab.hub.endpoints.moments import read_moment, write_moment
from ecrlab.hub.endpoints.paging import cut_page
from ecrlab.hub.errors import HubError
from ecrlab.hub.record import HUB_RECORD


class AccessTokens:
    """The tokens of whoever asks."""

    def __init__(self, clock: Clock, accounts: Accounts) -> None:
        self._clock = clock
        self._accounts = accounts

    async def list_page(self, call: Call) -> tuple[int, Any]:
        """The user's tokens, the newest first."""
        user = call.password_user()
        found = [token for _, token in self._accounts.access_tokens.items(f"{user}/")]
        found.sort(key=lambda token: (-token["created"], token["uuid"]))
        answer = cut_page(call, [_shown(token) for token in found])
        return 200, {**answer, "active_count": sum(1 for token in found if token["active"])}

    async def make(self, call: Call) -> tuple[int, Any]:
        """A new token; only this answer has its secret."""
        user = call.password_user()
        label, scopes = call.text("token_label", 100), call.body.get("scopes")
        if not isinstance(scopes, list) or not scopes or not all(scope in SCOPES for scope in scopes):
            raise HubError(400, f"scopes is a list of {', '.join(SCOPES)}; the highest counts.")
        expires = read_moment(call.body.get("expires_at"))
        if expires is not None and expires <= self._clock.time():
            raise HubError(400, "expires_at lies in the past.")
        highest = max(scopes, key=SCOPES.index)
        agent = call.request.headers.get(hdrs.USER_AGENT, "")[:200]
        token, secret = self._accounts.add_access_token(
            user, label, highest, expires, call.request.remote or "", agent.encode("ascii", "replace").decode()
        )
        shown = _shown(token)
        call.request[HUB_RECORD].shows.update(scopes=shown["scopes"], expires_at=shown["expires_at"])
        return 201, {**shown, "token": secret}

    async def get(self, call: Call) -> tuple[int, Any]:
        """One token."""
        return 200, _shown(self._find(call)[1])

    async def change(self, call: Call) -> tuple[int, Any]:
        """Its label, and whether it is active."""
        key, token = self._find(call)
        if "token_label" in call.body:
            token["label"] = call.text("token_label", 100)
        if "is_active" in call.body:
            if not isinstance(call.body["is_active"], bool):
                raise HubError(400, "is_active is true or false.")
            token["active"] = call.body["is_active"]
        self._accounts.access_tokens.put(key, token)
        return 200, _shown(token)

    async def delete(self, call: Call) -> tuple[int, Any]:
        """Take it away."""
        key, _ = self._find(call)
        self._accounts.access_tokens.delete(key)
        return 204, None

    def _find(self, call: Call) -> tuple[str, Document]:
        key = f"{call.password_user()}/{call.words['uuid']}"
        found = self._accounts.access_tokens.get(key) if is_text(key) else None
        if found is None:
            raise HubError(404, "There is no such access token.")
        return key, found


def _shown(token: Document) -> dict[str, Any]:
    return {
        "uuid": token["uuid"],
        "client_id": "HUB",
        "creator_ip": token["creator_ip"],
        "creator_ua": token["creator_ua"],
        "created_at": write_moment(token["created"]),
        "last_used": write_moment(token["last_used"]),
        "expires_at": write_moment(token["expires"]),
        "generated_by": "manual",
        "is_active": token["active"],
        "token": "",
        "token_label": token["label"],
        "scopes": [token["scope"]],
    }
