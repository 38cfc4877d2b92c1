"""The hub's HTTP API: the part of Docker Hub's (API reference "Docker HUB API", version beta) that lessons use.

Paths, parameters and shapes are Docker's; all of them stand below the registry's own host here. Beyond the reference is
only PATCH /v2/repositories/NAMESPACE/NAME with is_private, as public scripts use it.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from aiohttp import web

from ecrlab.clock import Clock
from ecrlab.hub.accounts import Accounts
from ecrlab.hub.endpoints.access_tokens import AccessTokens
from ecrlab.hub.endpoints.call import Call, Handler
from ecrlab.hub.endpoints.groups import Groups
from ecrlab.hub.endpoints.logins import Logins
from ecrlab.hub.endpoints.members import Members
from ecrlab.hub.endpoints.namespaces import Namespaces
from ecrlab.hub.endpoints.tags import Tags
from ecrlab.hub.errors import HubError
from ecrlab.hub.record import HUB_RECORD
from ecrlab.hub.repositories import Repositories
from ecrlab.store import Store

_LOGGER = logging.getLogger("ecrlab.http")

_WORDS = ("/v2/users/", "/v2/auth/", "/v2/namespaces/", "/v2/access-tokens", "/v2/orgs/", "/v2/repositories/")
_MAX_BODY = 64 * 1024


class Api:
    """Answers what `serves` says it does. Errors are 4xx with ``{"detail": text}``."""

    def __init__(
        self, store: Store, clock: Clock, accounts: Accounts, repositories: Repositories, secret: bytes
    ) -> None:
        self._logins = logins = Logins(clock, accounts, secret)
        access_tokens = AccessTokens(clock, accounts)
        namespaces, tags = Namespaces(store, accounts, repositories), Tags(store, accounts)
        members, groups = Members(accounts), Groups(accounts)
        namespace, orgs = "/v2/namespaces/{namespace}/repositories", "/v2/orgs/{organization}"
        routes: list[tuple[str, str, Handler]] = [
            ("POST", "/v2/users/login", logins.log_in),
            ("POST", "/v2/auth/token", logins.make_token),
            ("GET", "/v2/access-tokens", access_tokens.list_page),
            ("POST", "/v2/access-tokens", access_tokens.make),
            ("GET", "/v2/access-tokens/{uuid}", access_tokens.get),
            ("PATCH", "/v2/access-tokens/{uuid}", access_tokens.change),
            ("DELETE", "/v2/access-tokens/{uuid}", access_tokens.delete),
            ("GET", namespace, namespaces.list_page),
            ("POST", namespace, namespaces.make),
            ("GET", namespace + "/{repository}", namespaces.get),
            ("GET", namespace + "/{repository}/tags", tags.list_page),
            ("GET", namespace + "/{repository}/tags/{tag}", tags.get),
            ("PATCH", "/v2/repositories/{namespace}/{repository}", namespaces.change),
            ("POST", "/v2/repositories/{namespace}/{repository}/groups", namespaces.assign_group),
            ("GET", orgs + "/members", members.list_page),
            ("PUT", orgs + "/members/{user}", members.change),
            ("DELETE", orgs + "/members/{user}", members.remove),
            ("GET", orgs + "/groups", groups.list_page),
            ("POST", orgs + "/groups", groups.make),
            ("GET", orgs + "/groups/{group}", groups.get),
            ("DELETE", orgs + "/groups/{group}", groups.delete),
            ("GET", orgs + "/groups/{group}/members", groups.list_members),
            ("POST", orgs + "/groups/{group}/members", groups.add_member),
            ("DELETE", orgs + "/groups/{group}/members/{user}", groups.remove_member),
        ]
        self._routes: list[tuple[str, re.Pattern[str], str, Handler]] = [
            (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), path, handler)
            for method, path, handler in routes
        ]

    @property
    def operations(self) -> list[tuple[str, str]]:
        """What is there: methods and paths, with what stands for something in braces."""
        return [(method, path) for method, _, path, _ in self._routes]

    def serves(self, path: str) -> bool:
        """Tell whether a path belongs to the API, not to the registry: no namespace is called so."""
        return path.startswith(_WORDS)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request."""
        record = request[HUB_RECORD]
        try:
            status, answer = await self._dispatch(request)
        except HubError as error:
            record.error = str(error.status)
            record.reason = error.message
            return web.json_response({"detail": error.message}, status=error.status)
        except ConnectionError:
            raise
        except Exception:
            # Not a 5xx: clients would repeat the request. The log has the whole story.
            _LOGGER.exception("Error handling %s %s", request.method, request.raw_path[:300])
            record.error = "UNKNOWN"
            text = "the lab failed on this request (a fault of the lab, not yours); its log has the whole story"
            return web.json_response({"detail": text}, status=400)
        return web.Response(status=204) if answer is None else web.json_response(answer, status=status)

    async def _dispatch(self, request: web.Request) -> tuple[int, Any]:
        path = request.path.rstrip("/")
        method = "GET" if request.method == "HEAD" else request.method
        found = [(each[0], match, each[2], each[3]) for each in self._routes if (match := each[1].fullmatch(path))]
        if not found:
            raise HubError(404, "There is nothing at this path of the hub's API.")
        for known, match, template, handler in found:
            if known == method:
                request[HUB_RECORD].operation = f"{request.method} {template}"
                login = self._logins.find(request)
                request[HUB_RECORD].user = login.user if login else None
                body = await self._body(request) if method in ("POST", "PUT", "PATCH") else {}
                return await handler(Call(request, login, match.groupdict(), body))
        raise HubError(
            405, f"{request.method[:20]} is not supported here, only {', '.join(each[0] for each in found)}."
        )

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if (request.content_length or 0) > _MAX_BODY:
            raise HubError(413, f"A request has at most {_MAX_BODY} bytes.")
        data = bytearray()
        while piece := await request.content.readany():
            data += piece
            if len(data) > _MAX_BODY:
                raise HubError(413, f"A request has at most {_MAX_BODY} bytes.")
        try:
            body = json.loads(bytes(data) or b"{}")
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise HubError(400, "The request body is not a JSON object.")
        return body
