"""Amazon ECR's registry end point: whose password it is, which repository a name means, and what IAM says."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from ecrlab.aws.authorization.access import BYTES_AT_THE_END, REGISTRY_RULES, ask, repository_target
from ecrlab.aws.cloud import Cloud, Push, Pusher, registry_name
from ecrlab.aws.ecr.exclusions import pull_left_out
from ecrlab.aws.ecr.images import immutable, immutable_text, pull_counts
from ecrlab.aws.ecr.layers import blob_path, empty_upload
from ecrlab.aws.ecr.manifests import ManifestRefused, read_manifest
from ecrlab.aws.ecr.missing import Missing, made
from ecrlab.aws.ecr.pull_through import before_pull, rule_for
from ecrlab.aws.ecr.request import constraint_text
from ecrlab.aws.identity.identities import Document, Principal
from ecrlab.aws.quotas import RATE_EXCEEDED, Exceeded, layer_too_large
from ecrlab.aws.record import RECORD
from ecrlab.aws.tokens import Token, read_token, sign_url
from ecrlab.aws.wire.protocol import IMAGE_TAG, LONGEST_TAG, fits
from ecrlab.home import LOOKING
from ecrlab.oci import Access, Key, MountDeclined, OciError, Operation, ParsedManifest, RegistryBackend
from ecrlab.policy import Decision
from ecrlab.store import Blob, Kept, Manifest, Repository, Store, Upload

# The host of a registry in the path: standard, FIPS and dual-stack form (facts E017 to E020).
_HOST = re.compile(
    r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.aws)(?:/(.+))?"
)
# Authorization header, action, account, Region, repository, second of lab time, source address, User-Agent.
_Question = tuple[str, str, str, str, str, int, str, str]
# The same, of a HEAD: Authorization header, account, Region, path, second, source address, User-Agent.
_Head = tuple[str, str, str, str, int, str, str]
#: Names in a page of a listing when the client says no number, and the most it may ask for (facts A005, A006).
_PAGE, _LARGEST_PAGE = 100, 1000
EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


def repository_missing(name: str, account: str) -> OciError:
    """Return ECR's answer for a repository that does not exist (err 5)."""
    text = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
    return OciError(404, "NAME_UNKNOWN", text)


class AmazonBackend(RegistryBackend):
    """What the registries of ECR and ECR Public do not take, although the specification allows it.

    That ECR Public does as ECR is inferred.
    """

    def check_upload(self, upload: Upload) -> None:
        """Refuse a blob of no bytes (facts A017)."""
        if upload.size == 0:
            raise OciError(400, "BLOB_UPLOAD_INVALID", empty_upload(upload.repository, upload.id))

    def read_manifest(self, content: bytes, media_type: str) -> ParsedManifest:
        """Refuse what ECR does not accept with the API's text (facts A013)."""
        try:
            return read_manifest(content, media_type)
        except ManifestRefused as refused:
            text = constraint_text("ImageManifest", refused.constraint)
            raise OciError(refused.status, "UNSUPPORTED", text) from None

    def page(self, count: int | None) -> int | None:
        """Give out pages as ListImages and DescribeRepositories do, which stand behind listings (facts A005, A006)."""
        if count is not None and count > _LARGEST_PAGE:
            constraint = f"Member must have value less than or equal to {_LARGEST_PAGE}"
            raise OciError(405, "UNSUPPORTED", constraint_text("maxResults", constraint))
        return _PAGE if count is None else count


class PrivateBackend(AmazonBackend):
    """Stands before every registry of the lab.

    ``request[RECORD]`` names the account and the Region of the registry whose port a request came in by. What was
    asked of IAM is left there, for the X-ray.

    What follows from the store alone is kept until the next write to it, so every change counts from the next request
    on. A decision also follows from the second of lab time and from where the request comes: these are in its key.
    Whether a token has expired is looked at for each request.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        # By Authorization header.
        self._callers: Kept[str, tuple[Token, Principal] | None] = Kept(cloud.store)
        self._repositories: Kept[Key, Repository | None] = Kept(cloud.store)
        self._rules: Kept[tuple[str, str, str], Document | None] = Kept(cloud.store)
        self._decisions: Kept[_Question, tuple[Decision, dict[str, Any]]] = Kept(cloud.store)
        self._heads: Kept[_Head, tuple[Principal, list[dict[str, Any]], CIMultiDict[str]]] = Kept(cloud.store)

    async def head(
        self, request: web.Request, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer a HEAD of a manifest, which a client asks before each pull: with what ``answer`` gives.

        The same one in the same second is answered as before, unless something was written to the store since.
        """
        record, version = request[RECORD], self._cloud.store.version
        # Whose password, at which registry, which image, and what else IAM is told.
        question = (
            request.headers.get("Authorization", ""),
            *registry_of(request),
            request.path,
            int(self.now()),
            request.remote or "",
            request.headers.get("User-Agent", ""),
        )
        found = None if self._cloud.quotas.buckets else self._heads.known(question)
        if found is not None:
            record.operation = Operation.HEAD_MANIFEST.value
            record.principal, decisions, headers = found
            record.decisions.extend(decisions)
            return web.Response(headers=CIMultiDict(headers))
        response = await answer(request)
        if response.status == 200 and record.principal is not None and not record.fetched:
            kept = CIMultiDict(response.headers)
            self._heads.keep(question, (record.principal, list(record.decisions), kept), version)
        return response

    def now(self) -> float:
        """Lab time in epoch seconds."""
        return self._cloud.clock.time()

    async def locate(self, request: web.Request, name: str) -> Key:
        """Return the store's key for ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`` or for a bare name."""
        account, region = registry_of(request)
        self._authenticate(request, account, region)
        found = _HOST.fullmatch(name)
        if found is None:
            return f"{account}/{region}", name
        if (found[1], found[2]) != (account, region):
            port = self._cloud.host.known_port(found[1], found[2])
            where = (
                f"is at localhost:{port}"
                if port
                else f"has no port yet: aws ecr get-authorization-token --region {found[2]} gives it one"
            )
            here, there = registry_name(account, region), registry_name(found[1], found[2])
            text = f"This port is the registry {here}. The registry {there} {where}."
            raise OciError(404, "NAME_UNKNOWN", text)
        if found[3] is None:
            raise OciError(
                404, "NAME_UNKNOWN", f"The name ends after the registry {name}: a repository name must follow."
            )
        return f"{account}/{region}", found[3]

    async def authorize(self, request: web.Request, access: Access) -> None:
        """Authenticate (401; 403 when expired), check the tag (400), look for the repository or have it made (404), and
        ask IAM (403).
        """
        account, region = registry_of(request)
        principal = self._authenticate(request, account, region)
        request[RECORD].operation = access.operation.value
        check_tag(access)
        if self._cloud.quotas.buckets:
            throttle(self._cloud, request, access.operation, f"{principal.account}/{region}")
        name = access.repository
        found = None if name is None else self._repository(account, region, name)
        if name is not None and found is None:
            missing = Missing(
                cloud=self._cloud,
                principal=principal,
                account=account,
                region=region,
                name=name,
                operation=access.operation,
                reference=access.reference,
                now=self.now(),
                ask=lambda action: self._ask(request, principal, action, account, region, name),
            )
            if not await made(missing):
                raise repository_missing(name, account)
            found = self._repository(account, region, name)
        if access.operation is Operation.DELETE_BLOB:
            raise OciError(405, "UNSUPPORTED", "Amazon ECR has no operation that deletes a layer.")
        actions = REGISTRY_RULES[access.operation.name]
        if access.operation is Operation.FINISH_UPLOAD and request.body_exists:
            actions = BYTES_AT_THE_END + actions
        for action in actions:
            decision = self._ask(request, principal, action, account, region, name or "*")
            if not decision.allowed:
                raise OciError(403, "DENIED", decision.message)
        reference = access.reference or ""
        deletes = access.operation is Operation.DELETE_MANIFEST and ":" in reference
        if deletes and found is not None and self._cloud.store.parents(found, reference):
            raise OciError(400, "DENIED", "Requested image referenced by manifest list")
        if access.operation is Operation.MOUNT_BLOB:
            self._check_mount(request, principal, access, account, region)
        if found is not None and access.operation in (Operation.GET_MANIFEST, Operation.HEAD_MANIFEST):
            key = (account, region, found.name)
            rule = self._rules.get(key, lambda: rule_for(self._cloud, *key))
            if rule is not None:
                request[RECORD].fetched = True
                await before_pull(
                    self._cloud,
                    rule,
                    found,
                    reference,
                    lambda action: self._ask(request, principal, action, account, region, key[2]),
                )

    def _check_mount(
        self, request: web.Request, principal: Principal, access: Access, account: str, region: str
    ) -> None:
        """Mounting is off unless the account turned it on, and needs the right to read the source and the same
        encryption, with the same key, on both sides (facts E076).
        """
        enabled = self._cloud.registry_settings(account, region).get("BLOB_MOUNTING") == "ENABLED"
        source = access.source_repository
        if not enabled or source is None or source[0] != f"{account}/{region}":
            raise MountDeclined
        origin = self._repository(account, region, source[1])
        if origin is None or not self._cloud.store.parents(origin, access.reference or ""):
            raise MountDeclined  # no image of the source names the layer (facts A020)
        here = self._repository(account, region, access.repository or "")
        if here is not None and _encryption(origin) != _encryption(here):
            raise MountDeclined
        if not self._ask(request, principal, "ecr:GetDownloadUrlForLayer", account, region, source[1]).allowed:
            raise MountDeclined

    def _repository(self, account: str, region: str, name: str) -> Repository | None:
        key = (f"{account}/{region}", name)
        return self._repositories.get(key, lambda: self._cloud.store.repository(*key))

    def _ask(
        self, request: web.Request, principal: Principal, action: str, account: str, region: str, name: str
    ) -> Decision:
        """Put a question about the repository ``name`` to IAM; the same one in the same second has the same answer."""
        headers = request.headers
        source_ip, user_agent = request.remote or "127.0.0.1", headers.get("User-Agent", "")
        # IAM sees no more of the time than its second (aws:CurrentTime, aws:EpochTime).
        second = int(self.now())
        # The Authorization header stands for the principal, which follows from it and the store.
        question = (headers["Authorization"], action, account, region, name, second, source_ip, user_agent)

        def answer() -> tuple[Decision, dict[str, Any]]:
            decisions: list[dict[str, Any]] = []
            decision = ask(
                self._cloud,
                principal,
                action,
                repository_target(self._cloud, account, region, name, self._repository(account, region, name)),
                region=region,
                now=float(second),
                source_ip=source_ip,
                user_agent=user_agent,
                decisions=decisions,
            )
            return decision, decisions[0]

        decision, asked = self._decisions.get(question, answer)
        request[RECORD].decisions.append(asked)
        return decision

    def before_put_manifest(self, tx: Store, repository: Repository, reference: str, manifest: Manifest) -> None:
        """Refuse to move a tag that may not move (err 15), and an image that is one too many.

        Pushing the same image again is not a move.
        """
        for tag in manifest.tags:
            if immutable(repository_now(tx, repository), tag):
                there = tx.manifest_by_tag(repository, tag)
                if there is not None and there.digest != manifest.digest:
                    raise OciError(400, "TAG_INVALID", immutable_text(repository, tag))
        check_image(self._cloud, tx, repository, manifest)

    def largest_layer(self, repository: Repository) -> tuple[int, str] | None:
        """What the quota of the registry says."""
        return largest_layer(self._cloud, repository)

    def after_put_manifest(
        self,
        request: web.Request,
        tx: Store,
        repository: Repository,
        manifest: Manifest,
        tag: str | None,
        new: bool,
    ) -> None:
        record = request[RECORD]
        assert record.principal is not None  # authorize has found who it is
        user_agent = request.headers.get("User-Agent", "")
        pusher = Pusher(record.principal, request.remote or "127.0.0.1", user_agent, record.decisions)
        self._cloud.image_pushed(Push(repository_now(tx, repository), manifest, tag, new, pusher=pusher))

    def after_delete_manifest(self, tx: Store, repository: Repository, manifest: Manifest, tag: str | None) -> None:
        self._cloud.image_deleted(repository, manifest, tag)

    async def blob_location(self, request: web.Request, repository: Repository, blob: Blob) -> str | None:
        """Layers come from a signed address outside /v2/, as ECR's come from Amazon S3."""
        return sign_url(self._cloud.secret, blob_path(repository, blob.digest))

    def records_pull(self, request: web.Request, repository: Repository, manifest: Manifest) -> bool:
        """lastRecordedPullTime is refreshed at most once in 24 hours (facts E015)."""
        account, _, region = repository.registry.partition("/")
        principal = request[RECORD].principal
        left_out = principal is not None and pull_left_out(self._cloud, account, region, principal)
        looked = LOOKING in request.headers.get("User-Agent", "")
        return pull_counts(manifest, self.now()) and not left_out and not looked

    def can_be_pulled(self, manifest: Manifest) -> bool:
        """Not one in the archive, nor one that is being restored (facts E094)."""
        return "status" not in manifest.attributes

    async def catalog(self, request: web.Request) -> str:
        account, region = registry_of(request)
        return f"{account}/{region}"

    # -------------------------------------------------------------------------------------------------- authentication

    def _authenticate(self, request: web.Request, account: str, region: str) -> Principal:
        record = request[RECORD]
        if record.principal is not None:
            return record.principal
        authorization = request.headers.get("Authorization", "")
        caller = self._callers.get(authorization, lambda: self._caller(authorization))
        if caller is None or caller[0].region != region:
            record.reason = why_refused(authorization, caller[0] if caller else None, region)
            raise self._challenge(request, account, region)
        token, principal = caller
        record.principal = principal
        if token.expires <= self.now():
            raise OciError(403, "DENIED", EXPIRED)
        self._cloud.last_used.note(principal, self.now(), "ecr", region)
        return principal

    def _caller(self, authorization: str) -> tuple[Token, Principal] | None:
        token = read_token(self._cloud.secret, password_of(authorization) or "")
        return None if token is None else (token, caller_of(self._cloud, token))

    def _challenge(self, request: web.Request, account: str, region: str) -> OciError:
        realm = f"http://{request.host}/"
        headers = {"Www-Authenticate": f'Basic realm="{realm}",service="ecr.amazonaws.com"'}
        return OciError(401, "UNAUTHORIZED", "Not Authorized", headers=headers)


def why_refused(authorization: str, token: Token | None, region: str) -> str:
    """Return why a login is not taken, for the X-ray; "" when none was sent. A token is of one Region (fact E032)."""
    if not authorization:
        return ""
    if token is None:
        return f"a login was sent, and {_flaw(authorization)}"
    return f"the login of {token.name or token.account} is for {token.region}, and this registry is in {region}"


def _flaw(authorization: str) -> str:
    """Return what is wrong with an Authorization header that holds no password of ECR's."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return f"it is called {kind[:20]}: this registry takes Basic"
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = colon = password = ""
    if not colon:
        return "it is not NAME:PASSWORD in base64"
    if password_of(f"Basic {password}") is not None:
        return "its password is wrapped in base64 once more"
    if user != "AWS":
        return f"its user is {user[:40]} and not AWS"
    return "its password is not one that ECR handed out"


def registry_of(request: web.Request) -> tuple[str, str]:
    """Return account and Region of the registry whose port a request below /v2/ came in by."""
    record = request[RECORD]
    assert record.account is not None and record.region is not None  # noqa: PT018 (not a test)
    return record.account, record.region


_MANIFESTS = frozenset(
    {Operation.HEAD_MANIFEST, Operation.GET_MANIFEST, Operation.PUT_MANIFEST, Operation.DELETE_MANIFEST}
)


def check_tag(access: Access) -> None:
    """Refuse what is not a tag at ECR with 400, which says more than that there is no such image (facts A003, A004).

    The text is the API's; the code `UNSUPPORTED` before it was seen in answers to a PUT (carvel kbld, "Using with AWS
    ECR"). A reference with a colon is a digest, and is judged as one.
    """
    tag = access.reference or ""
    if access.operation not in _MANIFESTS or ":" in tag:
        return
    constraint = ""
    if len(tag) > LONGEST_TAG:
        constraint = f"Member must have length less than or equal to {LONGEST_TAG}"
    elif not fits(IMAGE_TAG, tag):
        constraint = f"must satisfy regular expression '{IMAGE_TAG}'"
    if constraint:
        text = f"Invalid parameter at 'imageTag' failed to satisfy constraint: '{constraint}'"
        raise OciError(400, "UNSUPPORTED", text)


def throttle(cloud: Cloud, request: web.Request, asked: Operation, registry: str) -> None:
    """Count a request below /v2/ as the API operations that it stands for, in whose account's registry they count.

    Raises OciError: one of them has a rate in the lab, and it is exceeded (err 64 and 114).
    """
    for action in REGISTRY_RULES[asked.name]:
        if cloud.quotas.throttled(registry, action.removeprefix("ecr:")):
            raise too_many(request)


def too_many(request: web.Request) -> OciError:
    """Return the 429, which docker shows as "toomanyrequests: Rate exceeded"."""
    request[RECORD].reason = "more requests in a second than the quota allows"
    return OciError(429, "TOOMANYREQUESTS", RATE_EXCEEDED)


def check_image(cloud: Cloud, tx: Store, repository: Repository, manifest: Manifest) -> None:
    """Refuse an image, or a tag, that is one too many: 403, as seen at AWS
    (https://github.com/aws/containers-roadmap/issues/2159, 2023-09-27).
    """
    try:
        cloud.quotas.check_image(tx, repository, manifest.digest, manifest.tags[0] if manifest.tags else None)
    except Exceeded as error:
        raise OciError(403, "DENIED", str(error)) from None


def largest_layer(cloud: Cloud, repository: Repository) -> tuple[int, str] | None:
    """Return the most bytes of a layer and what is said of more."""
    most = cloud.quotas.largest_layer(repository.registry)
    return None if most is None else (most, layer_too_large(most))


def caller_of(cloud: Cloud, token: Token) -> Principal:
    """Return the principal that a token stands for, as it is now."""
    identities = cloud.identities
    if token.access_key.startswith("ASIA"):
        session = identities.sessions.get(token.access_key)
        found = identities.session_principal(session) if session else None
    else:
        found = identities.user_principal(token.account, token.name, token.access_key)
    if found is not None and found.unique_id == token.unique_id:
        return found
    # Deleted since: the password is still good, but nothing allows anything any more.
    arn = f"arn:aws:iam::{token.account}:user/{token.name}"
    return Principal("user", token.account, arn, token.unique_id, token.name, token.unique_id, token.access_key)


def _encryption(repository: Repository) -> Any:
    """Return the encryption's type and its key, as kept since the repository was made."""
    return repository.attributes["encryption"]


def repository_now(tx: Store, repository: Repository) -> Repository:
    """Return the repository as it is inside the transaction: its mutability may have changed since it was looked up."""
    return tx.repository(repository.registry, repository.name) or repository


def password_of(authorization: str | None) -> str | None:
    """Return the password in a Basic Authorization header of the user AWS, or None."""
    kind, _, encoded = (authorization or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if user == "AWS" else None
