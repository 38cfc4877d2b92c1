"""ECR Public's registry end point: anybody pulls, who is signed in and allowed to pushes."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

from aiohttp import hdrs, web

from ecrlab.aws.authorization.ask import ask
from ecrlab.aws.authorization.targets import public_target
from ecrlab.aws.backends.amazon import AmazonBackend
from ecrlab.aws.backends.checks import check_image, check_tag, list_actions, throttle, too_many
from ecrlab.aws.backends.grant import PublicGrant
from ecrlab.aws.backends.login import EXPIRED, caller_of, password_of
from ecrlab.aws.context import RequestContext
from ecrlab.aws.ecr_public.login import SCOPE
from ecrlab.aws.ecr_public.registry import HOST, LOGOS, account_of_alias, key
from ecrlab.aws.ecr_public.request import REGION
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.quotas import ANONYMOUS_PULLS, PULLS
from ecrlab.aws.record import RECORD
from ecrlab.aws.tokens import TOKEN_SECONDS, Token, make_token, read_token
from ecrlab.oci import Access, Key, MountDeclined, OciError, Operation
from ecrlab.store import Manifest, Repository, Store

# The Region in a Bearer token, so that a password is none.
_BEARER = "public-bearer"
_ANONYMOUS = Token("", "", "", "", _BEARER, 0.0)
_PUSHES = frozenset(
    {
        Operation.START_UPLOAD,
        Operation.UPLOAD_BLOB,
        Operation.WRITE_UPLOAD,
        Operation.FINISH_UPLOAD,
        Operation.UPLOAD_STATUS,
        Operation.CANCEL_UPLOAD,
        Operation.MOUNT_BLOB,
        Operation.PUT_MANIFEST,
        Operation.DELETE_MANIFEST,
    }
)
_ANYBODY = "anybody may pull from a public repository"
_NAME = re.compile(rf"(?:{re.escape(HOST)}/)?([a-z0-9._-]+)/(.+)")


class PublicBackend(AmazonBackend[PublicGrant]):
    """Stands before the public registries of all accounts; the alias in the name says whose is meant."""

    # ------------------------------------------------------------------------------------------------------ the token

    def token(self, request: web.Request) -> web.Response:
        """GET /token/: a Bearer token for whoever has a login, and one for whoever has none (facts E008, E039, E040).

        Raises OciError: a login that is not one of ECR Public, or that has expired.
        """
        kept, authorization = _ANONYMOUS, request.headers.get(hdrs.AUTHORIZATION)
        if authorization is not None:
            login = read_token(self._cloud.secret, password_of(authorization) or "")
            if login is None or login.region != SCOPE:
                raise OciError(401, "DENIED", "Not Authorized")
            if login.expires <= self.now():
                raise OciError(403, "DENIED", EXPIRED)
            kept = replace(login, region=_BEARER)
            request[RECORD].principal = caller_of(self._cloud, login)
        expires = kept.expires or self.now() + TOKEN_SECONDS
        return web.json_response({"token": make_token(self._cloud.secret, replace(kept, expires=expires))})

    def _authenticate(self, request: web.Request) -> Principal | None:
        """Return who sends a good Bearer token, None for nobody in particular. Raises OciError: 401 without one."""
        kind, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        token = read_token(self._cloud.secret, text.strip()) if kind.lower() == "bearer" else None
        if token is None or token.region != _BEARER:
            raise self._challenge(request)
        if token.expires <= self.now():
            raise OciError(403, "DENIED", EXPIRED)
        if not token.access_key:
            request[RECORD].reason = "a token that anybody gets: enough to pull"
            return None
        principal = caller_of(self._cloud, token)
        request[RECORD].principal = principal
        return principal

    def _challenge(self, request: web.Request) -> OciError:
        """Return the 401 that says where a token is to be had, in ECR Public's form."""
        challenge = f'Bearer realm="http://{request.host}/token/",service="{HOST}",scope="aws"'
        return OciError(401, "DENIED", "Not Authorized", headers={hdrs.WWW_AUTHENTICATE: challenge})

    def logo(self, path: str) -> bytes | None:
        """Return the logo at a path of this port, None when there is none."""
        account, _, name = path.removeprefix(LOGOS).partition("/")
        found = self._cloud.store.repository(key(account), name) if path.startswith(LOGOS) else None
        kept = None if found is None else found.attributes["catalog"].get("logo")
        return None if kept is None else base64.b64decode(kept)

    # ---------------------------------------------------------------------------------------------------- the registry

    async def locate(self, request: web.Request, name: str) -> Key:
        """Return the store's key for ``public.ecr.aws/ALIAS/NAME`` or ``ALIAS/NAME``."""
        found = _NAME.fullmatch(name)
        account = None if found is None else account_of_alias(self._cloud, found[1])
        if found is None or account is None:
            self._authenticate(request)  # only whoever has a token hears what is wrong with a name
            who, _, what = name.removeprefix(f"{HOST}/").partition("/")
            raise _missing(what or who, who)
        return key(account), found[2]

    async def authorize(self, request: web.Request, access: Access) -> PublicGrant:
        """Let everybody read; ask IAM about everything else."""
        record = request[RECORD]
        grant = PublicGrant(self._authenticate(request), record)
        record.operation = access.operation.value
        if access.operation is Operation.CATALOG:
            raise OciError(401, "DENIED", "Not Authorized")
        if access.repository is None or access.registry is None:
            return grant
        account, name = access.registry.partition("/")[0], access.repository
        record.account = account
        check_tag(access)
        if self._cloud.store.repository(access.registry, name) is None:
            raise _missing(name, account)
        if access.operation is Operation.DELETE_BLOB:
            raise OciError(405, "UNSUPPORTED", "Amazon ECR Public has no operation that deletes a layer.")
        if access.operation not in _PUSHES:
            record.reason = record.reason or _ANYBODY
            return grant
        self._check_push(request, grant, access)
        return grant

    def _check_push(self, request: web.Request, grant: PublicGrant, access: Access) -> None:
        """Let through who is signed in and whom IAM allows each action that the request stands for."""
        principal, record = grant.principal, grant.record
        if principal is None:
            record.reason = "to push needs a login"
            raise OciError(403, "DENIED", "Not Authorized")
        if self._cloud.quotas.buckets:
            throttle(self._cloud, record, access.operation, key(principal.account))
        remote, user_agent = request.remote or "127.0.0.1", request.headers.get("User-Agent", "")
        context = RequestContext(REGION, float(int(self.now())), remote, user_agent)
        for action in list_actions(request, access):
            decision = ask(
                self._cloud,
                principal,
                action.replace("ecr:", "ecr-public:"),
                public_target(self._cloud, (access.registry or "").partition("/")[0], access.repository or ""),
                context,
                decisions=record.decisions,
            )
            if not decision.allowed:
                raise OciError(403, "DENIED", decision.message)
        if access.operation is Operation.MOUNT_BLOB:
            raise MountDeclined  # not known to be offered there

    def repeat(self, request: web.Request, grant: PublicGrant) -> None:
        """Note for the X-ray whose image it is, who asks, and why it is given out."""
        record = request[RECORD]
        record.operation, record.account = Operation.HEAD_MANIFEST.value, grant.record.account
        record.principal, record.reason = grant.principal, grant.record.reason

    def records_pull(self, grant: PublicGrant, repository: Repository, manifest: Manifest) -> bool:
        """ECR Public shows no time of the last pull; here pulls are counted, when there is a rate for them.

        An image that an index names comes with it: it is not a pull of its own.
        """
        quotas, principal = self._cloud.quotas, grant.principal
        if quotas.buckets and not self._cloud.store.parents(repository, manifest.digest):
            who = repository.registry if principal is None else key(principal.account)
            if quotas.throttled(who, ANONYMOUS_PULLS if principal is None else PULLS):
                raise too_many(grant.record)
        return False

    def before_put_manifest(self, tx: Store, repository: Repository, reference: str, manifest: Manifest) -> None:
        """Refuse an image that is one too many."""
        check_image(self._cloud, tx, repository, manifest)


def _missing(name: str, registry: str) -> OciError:
    text = f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
    return OciError(404, "NAME_UNKNOWN", text)
