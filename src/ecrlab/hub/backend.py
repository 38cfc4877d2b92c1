"""What stands before the hub's registry: Bearer tokens, repositories made by a push, pull limits."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from ecrlab.clock import Clock
from ecrlab.hub import names, tokens
from ecrlab.hub.accounts import Accounts
from ecrlab.hub.pulls import Puller, Pulls
from ecrlab.hub.record import HUB_RECORD, HubRecord
from ecrlab.hub.repositories import Repositories
from ecrlab.hub.rights import is_private
from ecrlab.oci import Access, Key, MountDeclined, OciError, Operation, RegistryBackend
from ecrlab.store import Manifest, Repository, Store

# The actions that a request needs, as registries with token authentication ask for them (H027, H028).
_PULL, _PUSH, _DELETE = ("pull",), ("pull", "push"), ("delete",)
_NEEDS = {
    Operation.HEAD_BLOB: _PULL,
    Operation.GET_BLOB: _PULL,
    Operation.HEAD_MANIFEST: _PULL,
    Operation.GET_MANIFEST: _PULL,
    Operation.LIST_TAGS: _PULL,
    Operation.LIST_REFERRERS: _PULL,
    Operation.START_UPLOAD: _PUSH,
    Operation.UPLOAD_BLOB: _PUSH,
    Operation.WRITE_UPLOAD: _PUSH,
    Operation.FINISH_UPLOAD: _PUSH,
    Operation.UPLOAD_STATUS: _PUSH,
    Operation.CANCEL_UPLOAD: _PUSH,
    Operation.MOUNT_BLOB: _PUSH,
    Operation.PUT_MANIFEST: _PUSH,
    Operation.DELETE_MANIFEST: _DELETE,
    Operation.DELETE_BLOB: _DELETE,
}
_MAKING = frozenset({Operation.START_UPLOAD, Operation.UPLOAD_BLOB, Operation.MOUNT_BLOB, Operation.PUT_MANIFEST})
_MANIFESTS = frozenset({Operation.GET_MANIFEST, Operation.HEAD_MANIFEST})
_INDEXES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)

#: Without a login (err 111).
OVER_ANONYMOUS = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
#: With one: Docker Hub's text as logs of January 2026 show it; it names the token.
OVER_ACCOUNT = (
    "You have reached your pull rate limit as '{user}': {token}. You may increase the limit by upgrading. "
    "https://www.docker.com/increase-rate-limit"
)
# The standard sentences of the distribution specification, as Docker Hub sends them (err 107).
UNAUTHORIZED = "authentication required"
DENIED = "requested access to the resource is denied"
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9a-fA-F:.]+\](?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class HubGrant:
    """Who asks, None without a login, from where, the number of their token, and the scopes that the X-ray shows."""

    user: str | None
    address: str
    token: str
    scopes: list[dict[str, Any]]


class HubBackend(RegistryBackend[HubGrant]):
    """Stands before the one registry of the hub. A token's scopes decide; the rights behind them are not read again."""

    def __init__(
        self, store: Store, clock: Clock, accounts: Accounts, repositories: Repositories, pulls: Pulls, secret: bytes
    ) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._repositories = repositories
        self._pulls = pulls
        self._secret = secret

    def now(self) -> float:
        """Lab time in epoch seconds."""
        return self._clock.time()

    async def locate(self, request: web.Request, name: str) -> Key:
        """Return the store's key; a name of one part is in the namespace library."""
        return names.REGISTRY, names.full(name)

    async def authorize(self, request: web.Request, access: Access) -> HubGrant:
        """Compare the token's scopes with what the request needs (401), and make the repository that is pushed to."""
        record = request[HUB_RECORD]
        record.operation = access.operation.value
        name = access.repository
        if access.operation is Operation.CATALOG:
            raise self._challenge(request, "registry:catalog:*", self._claims(request, None) is not None)
        if name is None:
            return _make_grant(self._claims(request, ""), record)
        needs = _NEEDS[access.operation]
        scope = f"repository:{name}:{','.join(needs)}"
        claims = self._claims(request, scope)
        granted = _granted(claims, name)
        held = tuple(action for action in needs if action in granted)
        record.asked(name, needs, held, f"the token grants {','.join(granted) or 'nothing'} on {name}")
        if held != needs:
            raise self._challenge(request, scope, error="insufficient_scope", detail=_detail(name, needs))
        if access.operation is Operation.DELETE_BLOB:
            raise OciError(405, "UNSUPPORTED", "The operation is unsupported.")
        if access.operation in _MAKING and self._store.repository(names.REGISTRY, name) is None:
            made = self._repositories.make_by_push(name)
            if made is not None:
                record.shows.update(made=name, private=is_private(made))
        source = access.source_repository
        if access.operation is Operation.MOUNT_BLOB and "pull" not in _granted(claims, source[1] if source else ""):
            raise MountDeclined
        return _make_grant(claims, record)

    def question(self, request: web.Request, key: Key) -> Hashable | None:
        """Whose token, in which second: a token ends with one."""
        return request.headers.get(hdrs.AUTHORIZATION, ""), int(self.now())

    def repeat(self, request: web.Request, grant: HubGrant) -> None:
        """Note for the X-ray what was asked then; on whom it counts stands in the headers of the answer."""
        record = request[HUB_RECORD]
        record.operation, record.user = Operation.HEAD_MANIFEST.value, grant.user
        record.scopes.extend(grant.scopes)

    def records_pull(self, grant: HubGrant, repository: Repository, manifest: Manifest) -> bool:
        """Count the pull, or refuse it when the limit is reached (429).

        The GET of a manifest counts, a HEAD does not, and of an image for several architectures each one pulled counts
        once: its index itself does not (H017).
        """
        puller = self._puller(grant.user, grant.address)
        if self._pulls.remaining(puller) == 0:
            raise OciError(429, "TOOMANYREQUESTS", _over(grant))
        if manifest.media_type in _INDEXES:
            return True
        with self._store.transaction():
            self._pulls.count(puller)
            self._repositories.count_pull(repository)
        return True

    def rate_headers(self, user: str | None, address: str, status: int) -> dict[str, str]:
        """Return the headers of an answer about a manifest, to a user (None: to nobody) at an address (H018).

        Where there is no limit none are on limits, and when nothing was given out only on whom it would count.
        """
        puller = self._puller(user, address)
        headers = {"docker-ratelimit-source": puller.shown}
        remaining = self._pulls.remaining(puller) if status in (200, 429) else None
        if remaining is not None:
            window = self._pulls.limits().window
            headers["ratelimit-limit"] = f"{puller.limit};w={window}"
            headers["ratelimit-remaining"] = f"{remaining};w={window}"
        return headers

    def _puller(self, user: str | None, address: str) -> Puller:
        """Return on whom a pull counts."""
        return self._pulls.puller(self._accounts.users.get(user) if user else None, address)

    # -------------------------------------------------------------------------------------------------- authentication

    def _claims(self, request: web.Request, scope: str | None) -> tokens.Claims | None:
        """Return the claims of a good token. Else raises the challenge for ``scope`` ("": none), or with scope None
        returns None."""
        record = request[HUB_RECORD]
        token = _bearer(request)
        claims = tokens.read(self._secret, token, tokens.SERVICE) if token is not None else None
        if claims is not None and claims["exp"] > self.now():
            record.user = claims["sub"] or None
            return claims
        if scope is None:
            return None
        if token is None:
            record.reason = "no token: the answer says where to get one, and for which scope"
            raise self._challenge(request, scope)
        record.reason = "the token is not one of this hub" if claims is None else "the token has expired"
        raise self._challenge(request, scope, error="invalid_token")

    def _challenge(
        self, request: web.Request, scope: str, known: bool = False, error: str = "", detail: Any = None
    ) -> OciError:
        """Return the 401 that tells a client where to get a token (H027), with the error of RFC 6750 if any."""
        parts = {"realm": f"http://{host(request)}/token", "service": tokens.SERVICE}
        if scope:
            parts["scope"] = scope
        if error or known:
            parts["error"] = error or "insufficient_scope"
        text = ",".join(f'{key}="{value}"' for key, value in parts.items())
        if detail is None and scope:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            detail = _detail(name, tuple(actions.split(",")), kind)
        return OciError(401, "UNAUTHORIZED", UNAUTHORIZED, detail, headers={hdrs.WWW_AUTHENTICATE: f"Bearer {text}"})


def host(request: web.Request) -> str:
    """Return the host that the client used, by which it can be sent to another path here."""
    if _HOST.fullmatch(request.host):
        return request.host
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return f"localhost:{name[1]}" if name else "localhost"


def _bearer(request: web.Request) -> str | None:
    kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _make_grant(claims: tokens.Claims | None, record: HubRecord) -> HubGrant:
    found = claims or {}
    return HubGrant(found.get("sub") or None, record.address, found.get("jti", ""), record.scopes)


def _over(grant: HubGrant) -> str:
    return OVER_ACCOUNT.format(user=grant.user, token=grant.token) if grant.user else OVER_ANONYMOUS


def _granted(claims: tokens.Claims | None, name: str) -> tuple[str, ...]:
    for access in (claims or {}).get("access", ()):
        if access["type"] == "repository" and access["name"] == name:
            return tuple(access["actions"])
    return ()


def _detail(name: str, actions: tuple[str, ...], kind: str = "repository") -> list[dict[str, str]]:
    return [{"Type": kind, "Class": "", "Name": name, "Action": action} for action in actions]
