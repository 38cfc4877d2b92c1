"""The hub's HTTP API: the part of Docker Hub's (API reference "Docker HUB API", version beta) that lessons use.

Paths, parameters and shapes are Docker's; all of them stand below the registry's own host here. Beyond the reference is
only PATCH /v2/repositories/NAMESPACE/NAME with is_private, as public scripts use it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import hdrs, web

from ecrlab.clock import Clock
from ecrlab.hub import names, tokens
from ecrlab.hub.accounts import PERMISSIONS, SCOPES, Accounts, Document, Login
from ecrlab.hub.backend import host
from ecrlab.hub.errors import HubError
from ecrlab.hub.record import HUB_RECORD
from ecrlab.hub.repositories import Repositories
from ecrlab.hub.rights import is_private, rights
from ecrlab.store import Manifest, Repository, Store

_LOGGER = logging.getLogger("ecrlab.http")

_WORDS = ("/v2/users/", "/v2/auth/", "/v2/namespaces/", "/v2/access-tokens", "/v2/orgs/", "/v2/repositories/")
_MAX_BODY = 64 * 1024
#: Items on a page when nothing is said, and the most (reference, "List repositories in a namespace").
_PAGE, _MOST = 10, 100
# A config larger than this is not read for its platform.
_MAX_CONFIG = 1 << 20

_UNAUTHORIZED = "access denied: missing or invalid token"
_SCOPE = "access denied: insufficient scope"


@dataclass
class _Call:
    """One request: who asks, the words of the path that stand for something, and the body."""

    request: web.Request
    login: Login | None
    words: dict[str, str]
    body: dict[str, Any]

    def text(self, key: str, longest: int, default: str | None = None) -> str:
        value = self.body.get(key, default)
        if not isinstance(value, str) or not (default is not None or value) or len(value) > longest:
            raise HubError(400, f"{key} is a text of at most {longest} characters.")
        return value


_Handler = Callable[[_Call], Awaitable[tuple[int, Any]]]


class Api:
    """Answers what `serves` says it does. Errors are 4xx with ``{"detail": text}``."""

    def __init__(
        self, store: Store, clock: Clock, accounts: Accounts, repositories: Repositories, secret: bytes
    ) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._repositories = repositories
        self._secret = secret
        namespace, orgs = "/v2/namespaces/{namespace}/repositories", "/v2/orgs/{organization}"
        routes: list[tuple[str, str, _Handler]] = [
            ("POST", "/v2/users/login", self._log_in),
            ("POST", "/v2/auth/token", self._make_token),
            ("GET", "/v2/access-tokens", self._list_access_tokens),
            ("POST", "/v2/access-tokens", self._make_access_token),
            ("GET", "/v2/access-tokens/{uuid}", self._get_access_token),
            ("PATCH", "/v2/access-tokens/{uuid}", self._change_access_token),
            ("DELETE", "/v2/access-tokens/{uuid}", self._delete_access_token),
            ("GET", namespace, self._list_repositories),
            ("POST", namespace, self._make_repository),
            ("GET", namespace + "/{repository}", self._get_repository),
            ("GET", namespace + "/{repository}/tags", self._list_tags),
            ("GET", namespace + "/{repository}/tags/{tag}", self._get_tag),
            ("PATCH", "/v2/repositories/{namespace}/{repository}", self._change_repository),
            ("POST", "/v2/repositories/{namespace}/{repository}/groups", self._assign_group),
            ("GET", orgs + "/members", self._list_members),
            ("PUT", orgs + "/members/{user}", self._change_member),
            ("DELETE", orgs + "/members/{user}", self._remove_member),
            ("GET", orgs + "/groups", self._list_groups),
            ("POST", orgs + "/groups", self._make_group),
            ("GET", orgs + "/groups/{group}", self._get_group),
            ("DELETE", orgs + "/groups/{group}", self._delete_group),
            ("GET", orgs + "/groups/{group}/members", self._list_group_members),
            ("POST", orgs + "/groups/{group}/members", self._add_group_member),
            ("DELETE", orgs + "/groups/{group}/members/{user}", self._remove_group_member),
        ]
        self._routes: list[tuple[str, re.Pattern[str], str, _Handler]] = [
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
                login = self._login(request)
                request[HUB_RECORD].user = login.user if login else None
                body = await self._body(request) if method in ("POST", "PUT", "PATCH") else {}
                return await handler(_Call(request, login, match.groupdict(), body))
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

    # ------------------------------------------------------------------------------------------------------ who is aski

    def _login(self, request: web.Request) -> Login | None:
        kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if not kind:
            return None
        claims = tokens.read(self._secret, token.strip(), tokens.API) if kind.lower() in ("bearer", "jwt") else None
        if claims is None or claims["exp"] <= self._clock.time() or self._accounts.users.get(claims["sub"]) is None:
            raise HubError(401, _UNAUTHORIZED)
        return Login(claims["sub"], claims.get("scope"))

    def _user(self, call: _Call) -> Login:
        if call.login is None:
            raise HubError(401, _UNAUTHORIZED)
        return call.login

    def _password_user(self, call: _Call) -> str:
        login = self._user(call)
        if login.scope is not None:
            raise HubError(403, _SCOPE)
        return login.user

    def _owner(self, call: _Call) -> Document:
        """The organisation of the path; raises unless an owner asks who logged in with the password."""
        user = self._password_user(call)
        organization = self._member(call)
        if organization["members"].get(user) != "owner":
            raise HubError(403, f"Only owners of {organization['name']} may do this.")
        return organization

    def _member(self, call: _Call) -> Document:
        organization = self._accounts.organization_named(call.words["organization"])
        if self._user(call).user not in organization["members"]:
            raise HubError(403, f"Only members of {organization['name']} may see this.")
        return organization

    async def _log_in(self, call: _Call) -> tuple[int, Any]:
        return 200, {"token": await self._new_token(call.body.get("username"), call.body.get("password"), call)}

    async def _make_token(self, call: _Call) -> tuple[int, Any]:
        return 200, {"access_token": await self._new_token(call.body.get("identifier"), call.body.get("secret"), call)}

    async def _new_token(self, name: object, secret: object, call: _Call) -> str:
        login = None
        if isinstance(name, str) and isinstance(secret, str):
            login = await asyncio.to_thread(self._accounts.authenticate, name, secret)
        if login is None:
            raise HubError(401, "Incorrect authentication credentials")
        call.request[HUB_RECORD].user = login.user
        now = int(self._clock.time())
        claims = {"aud": tokens.API, "exp": now + tokens.API_SECONDS, "iat": now, "iss": tokens.ISSUER}
        return tokens.make(self._secret, {**claims, "scope": login.scope, "sub": login.user})

    # ---------------------------------------------------------------------------------------------------- access tokens

    async def _list_access_tokens(self, call: _Call) -> tuple[int, Any]:
        user = self._password_user(call)
        found = [token for _, token in self._accounts.access_tokens.items(f"{user}/")]
        found.sort(key=lambda token: (-token["created"], token["uuid"]))
        answer = _page(call, [_access_token(token) for token in found])
        return 200, {**answer, "active_count": sum(1 for token in found if token["active"])}

    async def _make_access_token(self, call: _Call) -> tuple[int, Any]:
        user = self._password_user(call)
        label, scopes = call.text("token_label", 100), call.body.get("scopes")
        if not isinstance(scopes, list) or not scopes or not all(scope in SCOPES for scope in scopes):
            raise HubError(400, f"scopes is a list of {', '.join(SCOPES)}; the highest counts.")
        expires = _moment_given(call.body.get("expires_at"))
        if expires is not None and expires <= self._clock.time():
            raise HubError(400, "expires_at lies in the past.")
        highest = max(scopes, key=SCOPES.index)
        agent = call.request.headers.get(hdrs.USER_AGENT, "")[:200]
        token, secret = self._accounts.add_access_token(
            user, label, highest, expires, call.request.remote or "", agent.encode("ascii", "replace").decode()
        )
        shown = _access_token(token)
        call.request[HUB_RECORD].shows.update(scopes=shown["scopes"], expires_at=shown["expires_at"])
        return 201, {**shown, "token": secret}

    def _access_token(self, call: _Call) -> tuple[str, Document]:
        key = f"{self._password_user(call)}/{call.words['uuid']}"
        found = self._accounts.access_tokens.get(key) if _is_text(key) else None
        if found is None:
            raise HubError(404, "There is no such access token.")
        return key, found

    async def _get_access_token(self, call: _Call) -> tuple[int, Any]:
        return 200, _access_token(self._access_token(call)[1])

    async def _change_access_token(self, call: _Call) -> tuple[int, Any]:
        key, token = self._access_token(call)
        if "token_label" in call.body:
            token["label"] = call.text("token_label", 100)
        if "is_active" in call.body:
            if not isinstance(call.body["is_active"], bool):
                raise HubError(400, "is_active is true or false.")
            token["active"] = call.body["is_active"]
        self._accounts.access_tokens.put(key, token)
        return 200, _access_token(token)

    async def _delete_access_token(self, call: _Call) -> tuple[int, Any]:
        key, _ = self._access_token(call)
        self._accounts.access_tokens.delete(key)
        return 204, None

    # ----------------------------------------------------------------------------------------------------- repositories

    def _may(self, call: _Call, name: str, action: str) -> tuple[str, ...]:
        """Raise unless the caller may; what the caller may not even pull is not there."""
        held = rights(self._store, self._accounts, call.login, name).actions
        if action in held:
            return held
        if "pull" not in held or self._store.repository(names.REGISTRY, name) is None:
            raise HubError(404, "object not found")
        if call.login is None:
            raise HubError(401, _UNAUTHORIZED)
        whole = rights(self._store, self._accounts, Login(call.login.user), name).actions
        raise HubError(403, _SCOPE if action in whole else f"You may not do this with {name}.")

    def _repository(self, call: _Call, action: str = "pull") -> Repository:
        name = f"{call.words['namespace']}/{call.words['repository']}"
        if not names.is_full(name):
            raise HubError(404, "object not found")
        self._may(call, name, action)
        found = self._store.repository(names.REGISTRY, name)
        if found is None:
            raise HubError(404, "object not found")
        return found

    async def _list_repositories(self, call: _Call) -> tuple[int, Any]:
        namespace = call.words["namespace"]
        wanted, order = call.request.query.get("name", ""), call.request.query.get("ordering", "-last_updated")
        keys: dict[str, Callable[[dict[str, Any]], Any]] = {
            key: lambda item, key=key: item[key]  # type: ignore[misc]
            for key in ("name", "last_updated", "pull_count")
        }
        if order.removeprefix("-") not in keys:
            allowed = ", ".join(f"{key}, -{key}" for key in keys)
            raise HubError(400, f"Invalid ordering value. Must be one of: {allowed}")
        found = []
        for repository in self._store.repositories(names.REGISTRY, f"{namespace}/") if _is_text(namespace) else ():
            if wanted not in repository.name.partition("/")[2]:
                continue
            if "pull" in rights(self._store, self._accounts, call.login, repository.name).actions:
                found.append(self._info(repository))
        found.sort(key=lambda item: str(item["name"]))
        found.sort(key=keys[order.removeprefix("-")], reverse=order.startswith("-"))
        return 200, _page(call, found)

    async def _make_repository(self, call: _Call) -> tuple[int, Any]:
        login, namespace, repository = self._user(call), call.words["namespace"], call.text("name", 255)
        if not names.is_account(namespace) or call.body.get("namespace", namespace) != namespace:
            raise HubError(400, "The namespace in the body is not the one in the path.")
        if not names.is_repository(repository):
            raise HubError(400, "A repository's name is 2 to 255 lower-case letters, digits, - and _.")
        name = f"{namespace}/{repository}"
        private = call.body.get("is_private", False)
        if not isinstance(private, bool):
            raise HubError(400, "is_private is true or false.")
        description = call.text("description", 100, "")
        if login.scope not in (None, "repo:admin"):
            raise HubError(403, _SCOPE)
        if "delete" not in rights(self._store, self._accounts, login, name).actions:
            raise HubError(403, f"You may not make repositories in {namespace}.")
        return 201, self._info(self._repositories.make(name, private, description))

    async def _get_repository(self, call: _Call) -> tuple[int, Any]:
        found = self._repository(call)
        held = rights(self._store, self._accounts, call.login, found.name).actions
        permissions = {"read": "pull" in held, "write": "push" in held, "admin": "delete" in held}
        return 200, {**self._info(found), "permissions": permissions}

    async def _change_repository(self, call: _Call) -> tuple[int, Any]:
        self._user(call)
        found = self._repository(call, "delete")
        if "is_private" not in call.body:
            raise HubError(400, 'Expected {"is_private": true} or {"is_private": false}.')
        changed = self._repositories.set_private(found.name, call.body["is_private"])
        call.request[HUB_RECORD].shows.update(repository=found.name, private=is_private(changed))
        return 200, self._info(changed)

    async def _assign_group(self, call: _Call) -> tuple[int, Any]:
        self._user(call)
        found = self._repository(call, "delete")
        organization = self._accounts.organization_named(call.words["namespace"])
        number, permission = call.body.get("group_id"), call.body.get("permission")
        if permission not in PERMISSIONS:
            raise HubError(400, f"permission is one of {', '.join(PERMISSIONS)}.")
        for name, team in organization["teams"].items():
            if team["id"] == number and not isinstance(number, bool):
                held = {**team["repositories"], found.name.partition("/")[2]: permission}
                self._accounts.set_team(organization["name"], name, team["members"], held, team["description"])
                return 200, {"group_name": name, "permission": permission, "group_id": number}
        raise HubError(404, f"{organization['name']} has no group with the id {number!r:.50}.")

    def _info(self, repository: Repository) -> dict[str, Any]:
        namespace, _, name = repository.name.partition("/")
        pushed = self._store.manifests(repository)
        updated = max((manifest.pushed_at for manifest in pushed), default=repository.created)
        return {
            "name": name,
            "namespace": namespace,
            "repository_type": "image",
            "status": 1,
            "status_description": "active",
            "description": repository.attributes.get("description", ""),
            "is_private": is_private(repository),
            "star_count": 0,
            "pull_count": int(repository.attributes.get("pulls", 0)),
            "last_updated": _moment(updated),
            "date_registered": _moment(repository.created),
            "hub_user": namespace,
            "media_types": sorted({manifest.media_type for manifest in pushed}),
            "storage_size": sum(blob.size for blob in self._store.blobs(repository)),
        }

    async def _list_tags(self, call: _Call) -> tuple[int, Any]:
        found = self._repository(call)
        return 200, _page(call, [tag for tag, _ in self._store.tags(found)], lambda tag: self._tag(found, tag))

    async def _get_tag(self, call: _Call) -> tuple[int, Any]:
        found, tag = self._repository(call), call.words["tag"]
        if not _is_text(tag) or ":" in tag or self._store.manifest(found, tag) is None:
            raise HubError(404, "object not found")
        return 200, self._tag(found, tag)

    def _tag(self, repository: Repository, tag: str) -> dict[str, Any]:
        manifest = self._store.manifest(repository, tag)
        if manifest is None:  # deleted since it was listed
            return {"name": tag, "images": []}
        images = [self._image(repository, each) for each in self._images(repository, manifest)]
        return {
            "name": tag,
            "full_size": sum(image["size"] for image in images),
            "images": images,
            "digest": manifest.digest,
            "last_updated": _moment(manifest.pushed_at),
            "tag_last_pushed": _moment(manifest.pushed_at),
            "tag_last_pulled": _moment(manifest.last_pulled_at),
            "v2": "true",
        }

    def _images(self, repository: Repository, manifest: Manifest) -> list[Manifest]:
        """The image itself, or those of an index that are there."""
        listed = json.loads(manifest.content).get("manifests")
        if not isinstance(listed, list):
            return [manifest]
        members = [self._store.manifest(repository, each["digest"]) for each in listed if isinstance(each, dict)]
        return [member for member in members if member is not None]

    def _image(self, repository: Repository, manifest: Manifest) -> dict[str, Any]:
        document = json.loads(manifest.content)
        layers = document.get("layers") or []
        config = self._config(repository, (document.get("config") or {}).get("digest"))
        return {
            "architecture": config.get("architecture", "unknown"),
            "os": config.get("os", "unknown"),
            "digest": manifest.digest,
            "size": sum(layer["size"] for layer in layers),
            "status": "active",
            "last_pushed": _moment(manifest.pushed_at),
            "last_pulled": _moment(manifest.last_pulled_at),
        }

    def _config(self, repository: Repository, digest: object) -> dict[str, Any]:
        blob = self._store.blob(repository, digest) if isinstance(digest, str) else None
        if blob is None or blob.size > _MAX_CONFIG:
            return {}
        try:
            config = json.loads(blob.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return config if isinstance(config, dict) else {}

    # ---------------------------------------------------------------------------------------------------- organisations

    async def _list_members(self, call: _Call) -> tuple[int, Any]:
        organization = self._member(call)
        members = [
            {
                "username": user,
                "type": "User",
                "role": role.capitalize(),
                "groups": [name for name, team in organization["teams"].items() if user in team["members"]],
            }
            for user, role in sorted(organization["members"].items())
        ]
        return 200, _page(call, members)

    async def _change_member(self, call: _Call) -> tuple[int, Any]:
        organization, user = self._owner(call), call.words["user"]
        if user not in organization["members"]:
            raise HubError(404, f"{user[:100]!r} is not a member of {organization['name']}.")
        self._accounts.set_member(organization["name"], user, call.body.get("role"))
        return 200, {"username": user, "type": "User", "role": str(call.body["role"]).capitalize()}

    async def _remove_member(self, call: _Call) -> tuple[int, Any]:
        self._accounts.remove_member(self._owner(call)["name"], call.words["user"])
        return 204, None

    async def _list_groups(self, call: _Call) -> tuple[int, Any]:
        teams = self._member(call)["teams"]
        return 200, _page(call, [_group(name, team) for name, team in sorted(teams.items())])

    async def _make_group(self, call: _Call) -> tuple[int, Any]:
        organization, name = self._owner(call), call.text("name", 30)
        if name in organization["teams"]:
            raise HubError(409, f"{organization['name']} has a group {name}.")
        description = call.text("description", 200, "")
        return 201, _group(name, self._accounts.set_team(organization["name"], name, description=description))

    def _team(self, call: _Call, organization: Document) -> tuple[str, Document]:
        name = call.words["group"]
        team = organization["teams"].get(name)
        if team is None:
            raise HubError(404, f"{organization['name']} has no group {name[:100]!r}.")
        return name, team

    async def _get_group(self, call: _Call) -> tuple[int, Any]:
        return 200, _group(*self._team(call, self._member(call)))

    async def _delete_group(self, call: _Call) -> tuple[int, Any]:
        organization = self._owner(call)
        name, _ = self._team(call, organization)
        del organization["teams"][name]
        self._accounts.organizations.put(organization["name"], organization)
        return 204, None

    async def _list_group_members(self, call: _Call) -> tuple[int, Any]:
        _, team = self._team(call, self._member(call))
        return 200, _page(call, [{"username": user, "type": "User"} for user in team["members"]])

    async def _add_group_member(self, call: _Call) -> tuple[int, Any]:
        organization = self._owner(call)
        name, team = self._team(call, organization)
        members = [*team["members"], call.text("member", 30)]
        self._accounts.set_team(organization["name"], name, members, team["repositories"], team["description"])
        return 200, {}

    async def _remove_group_member(self, call: _Call) -> tuple[int, Any]:
        organization = self._owner(call)
        name, team = self._team(call, organization)
        if call.words["user"] not in team["members"]:
            raise HubError(404, f"{call.words['user'][:100]!r} is not in the group {name}.")
        members = [user for user in team["members"] if user != call.words["user"]]
        self._accounts.set_team(organization["name"], name, members, team["repositories"], team["description"])
        return 204, None


def _access_token(token: Document) -> dict[str, Any]:
    return {
        "uuid": token["uuid"],
        "client_id": "HUB",
        "creator_ip": token["creator_ip"],
        "creator_ua": token["creator_ua"],
        "created_at": _moment(token["created"]),
        "last_used": _moment(token["last_used"]),
        "expires_at": _moment(token["expires"]),
        "generated_by": "manual",
        "is_active": token["active"],
        "token": "",
        "token_label": token["label"],
        "scopes": [token["scope"]],
    }


def _group(name: str, team: Document) -> dict[str, Any]:
    count = len(team["members"])
    return {"id": team["id"], "name": name, "description": team["description"], "member_count": count}


def _page(call: _Call, items: list[Any], shown: Callable[[Any], Any] = lambda item: item) -> dict[str, Any]:
    """One page of a list, with the addresses of its neighbours. Raises HubError when there is no such page."""
    query = call.request.query
    page, size = _number(query.get("page", "1"), "page"), _number(query.get("page_size", str(_PAGE)), "page_size")
    size = min(size, _MOST)
    pages = max(1, math.ceil(len(items) / size))
    if page > pages:
        raise HubError(404, "Page not found")

    def address(number: int) -> str:
        kept = {key: value for key, value in query.items() if key in ("name", "ordering") and _is_text(value)}
        text = urllib.parse.urlencode({**kept, "page": number, "page_size": size})
        return f"http://{host(call.request)}{urllib.parse.quote(call.request.path)}?{text}"

    return {
        "count": len(items),
        "next": address(page + 1) if page < pages else None,
        "previous": address(page - 1) if page > 1 else None,
        "results": [shown(item) for item in items[(page - 1) * size : page * size]],
    }


def _number(text: str, what: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < 1:
        raise HubError(400, f"{what} is a number from 1 on.")
    return int(text)


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment_given(text: object) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise HubError(400, "expires_at is a moment such as 2027-01-31T12:00:00Z.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_text(text: str) -> bool:
    """Tell whether the database can be asked for it: a lone surrogate cannot be written."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
