"""Amazon ECR's registry end point: whose password it is, which repository a name means, and what IAM says."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

from aiohttp import web

from ecrlab.aws.authorization.ask import ask
from ecrlab.aws.authorization.targets import repository_target
from ecrlab.aws.backends.amazon import AmazonBackend
from ecrlab.aws.backends.checks import check_image, check_tag, list_actions, throttle
from ecrlab.aws.backends.grant import PrivateGrant
from ecrlab.aws.backends.login import EXPIRED, caller_of, password_of, why_refused
from ecrlab.aws.cloud import Cloud, Push, Pusher, registry_name
from ecrlab.aws.context import RequestContext
from ecrlab.aws.ecr.exclusions import pull_left_out
from ecrlab.aws.ecr.images import immutable, immutable_text, pull_counts
from ecrlab.aws.ecr.missing import Missing, made
from ecrlab.aws.ecr.pull_through import before_pull, rule_for
from ecrlab.aws.identity.identities import Document, Principal
from ecrlab.aws.record import RECORD
from ecrlab.aws.tokens import Token, read_token
from ecrlab.home import LOOKING
from ecrlab.oci import Access, Key, MountDeclined, OciError, Operation
from ecrlab.policy import Decision
from ecrlab.store import Kept, Manifest, Repository, Store

# The host of a registry in the path: standard, FIPS and dual-stack form (facts E017 to E020).
_HOST = re.compile(
    r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.aws)(?:/(.+))?"
)
# Authorization header, action, account, Region, repository, second of lab time, source address, User-Agent.
_Question = tuple[str, str, str, str, str, int, str, str]


def _repository_missing(name: str, account: str) -> OciError:
    """Return ECR's answer for a repository that does not exist (err 5)."""
    text = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
    return OciError(404, "NAME_UNKNOWN", text)


class PrivateBackend(AmazonBackend[PrivateGrant]):
    """Stands before every registry of the lab.

    ``request[RECORD]`` names the account and the Region of the registry whose port a request came in by. What was
    asked of IAM is left there, for the X-ray.

    What follows from the store alone is kept until the next write to it, so every change counts from the next request
    on. A decision also follows from the second of lab time and from where the request comes: these are in its key.
    Whether a token has expired is looked at for each request; where the same HEAD is repeated, once a second.
    """

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        # By Authorization header.
        self._callers: Kept[str, tuple[Token, Principal] | None] = Kept(cloud.store)
        self._repositories: Kept[Key, Repository | None] = Kept(cloud.store)
        self._rules: Kept[tuple[str, str, str], Document | None] = Kept(cloud.store)
        self._decisions: Kept[_Question, tuple[Decision, dict[str, Any]]] = Kept(cloud.store)

    def question(self, request: web.Request, key: Key) -> Hashable | None:
        """None where a rate is counted, or upstream may have to be asked."""
        account, _, region = key[0].partition("/")
        if self._cloud.quotas.buckets or self._rule(account, region, key[1]) is not None:
            return None
        return super().question(request, key)

    def repeat(self, request: web.Request, grant: PrivateGrant) -> None:
        """Note for the X-ray what was asked then."""
        record = request[RECORD]
        record.operation, record.principal = Operation.HEAD_MANIFEST.value, grant.principal
        record.decisions.extend(grant.decisions)

    async def locate(self, request: web.Request, name: str) -> Key:
        """Return the store's key for ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`` or for a bare name."""
        account, region = _registry_of(request)
        found = _HOST.fullmatch(name)
        if found is None:
            return f"{account}/{region}", name
        if (found[1], found[2]) == (account, region) and found[3] is not None:
            return f"{account}/{region}", found[3]
        self._authenticate(request, account, region)  # only whoever has a password hears what is wrong with a name
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
        raise OciError(404, "NAME_UNKNOWN", f"The name ends after the registry {name}: a repository name must follow.")

    async def authorize(self, request: web.Request, access: Access) -> PrivateGrant:
        """Authenticate (401; 403 when expired), check the tag (400), look for the repository or have it made (404), and
        ask IAM (403).
        """
        grant, name = self._make_grant(request), access.repository
        record = request[RECORD]
        record.operation = access.operation.value
        check_tag(access)
        if self._cloud.quotas.buckets:
            throttle(self._cloud, record, access.operation, f"{grant.principal.account}/{grant.region}")
        found = None if name is None else await self._find_or_make(request, grant, access, name)
        if access.operation is Operation.DELETE_BLOB:
            raise OciError(405, "UNSUPPORTED", "Amazon ECR has no operation that deletes a layer.")
        self._check_actions(request, grant, access)
        if found is not None:
            self._check_parents(found, access)
        if access.operation is Operation.MOUNT_BLOB:
            self._check_mount(request, grant, access)
        if found is not None and access.operation in (Operation.GET_MANIFEST, Operation.HEAD_MANIFEST):
            await self._bring(request, grant, found, access.reference or "")
        return grant

    def _make_grant(self, request: web.Request) -> PrivateGrant:
        account, region = _registry_of(request)
        principal, decisions = self._authenticate(request, account, region), request[RECORD].decisions
        source_ip, user_agent = request.remote or "127.0.0.1", request.headers.get("User-Agent", "")
        return PrivateGrant(principal, account, region, source_ip, user_agent, decisions)

    async def _find_or_make(
        self, request: web.Request, grant: PrivateGrant, access: Access, name: str
    ) -> Repository | None:
        found = self._repository(grant.account, grant.region, name)
        if found is not None:
            return found
        missing = Missing(
            cloud=self._cloud,
            principal=grant.principal,
            account=grant.account,
            region=grant.region,
            name=name,
            operation=access.operation,
            reference=access.reference,
            now=self.now(),
            ask=lambda action: self._ask(request, grant, action, name),
        )
        if not await made(missing):
            raise _repository_missing(name, grant.account)
        return self._repository(grant.account, grant.region, name)

    def _check_actions(self, request: web.Request, grant: PrivateGrant, access: Access) -> None:
        """Ask IAM about each action that the request stands for."""
        for action in list_actions(request, access):
            decision = self._ask(request, grant, action, access.repository or "*")
            if not decision.allowed:
                raise OciError(403, "DENIED", decision.message)

    def _check_parents(self, repository: Repository, access: Access) -> None:
        """Refuse to delete an image that an index names."""
        reference = access.reference or ""
        deletes = access.operation is Operation.DELETE_MANIFEST and ":" in reference
        if deletes and self._cloud.store.parents(repository, reference):
            raise OciError(400, "DENIED", "Requested image referenced by manifest list")

    async def _bring(self, request: web.Request, grant: PrivateGrant, repository: Repository, reference: str) -> None:
        """Have an image brought from upstream, where a pull-through cache rule says so."""
        rule = self._rule(grant.account, grant.region, repository.name)
        if rule is not None:
            await before_pull(
                self._cloud,
                rule,
                repository,
                reference,
                lambda action: self._ask(request, grant, action, repository.name),
            )

    def _check_mount(self, request: web.Request, grant: PrivateGrant, access: Access) -> None:
        """Mounting is off unless the account turned it on, and needs the right to read the source and the same
        encryption, with the same key, on both sides (facts E076).
        """
        account, region = grant.account, grant.region
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
        if not self._ask(request, grant, "ecr:GetDownloadUrlForLayer", source[1]).allowed:
            raise MountDeclined

    def _repository(self, account: str, region: str, name: str) -> Repository | None:
        key = (f"{account}/{region}", name)
        return self._repositories.get(key, lambda: self._cloud.store.repository(*key))

    def _rule(self, account: str, region: str, name: str) -> Document | None:
        """Return the pull-through cache rule that a repository's name falls under."""
        key = (account, region, name)
        return self._rules.get(key, lambda: rule_for(self._cloud, *key))

    def _ask(self, request: web.Request, grant: PrivateGrant, action: str, name: str) -> Decision:
        """Put a question about the repository ``name`` to IAM; the same one in the same second has the same answer."""
        account, region, source_ip, user_agent = grant.account, grant.region, grant.source_ip, grant.user_agent
        # IAM sees no more of the time than its second (aws:CurrentTime, aws:EpochTime).
        second = int(self.now())
        # The Authorization header stands for the principal, which follows from it and the store.
        question = (request.headers["Authorization"], action, account, region, name, second, source_ip, user_agent)

        def answer() -> tuple[Decision, dict[str, Any]]:
            decisions: list[dict[str, Any]] = []
            decision = ask(
                self._cloud,
                grant.principal,
                action,
                repository_target(self._cloud, account, region, name, self._repository(account, region, name)),
                RequestContext(region, float(second), source_ip, user_agent),
                decisions=decisions,
            )
            return decision, decisions[0]

        decision, asked = self._decisions.get(question, answer)
        grant.decisions.append(asked)
        return decision

    def before_put_manifest(self, tx: Store, repository: Repository, reference: str, manifest: Manifest) -> None:
        """Refuse to move a tag that may not move (err 15), and an image that is one too many.

        Pushing the same image again is not a move.
        """
        for tag in manifest.tags:
            if immutable(_repository_now(tx, repository), tag):
                there = tx.manifest_by_tag(repository, tag)
                if there is not None and there.digest != manifest.digest:
                    raise OciError(400, "TAG_INVALID", immutable_text(repository, tag))
        check_image(self._cloud, tx, repository, manifest)

    def after_put_manifest(
        self,
        grant: PrivateGrant,
        tx: Store,
        repository: Repository,
        manifest: Manifest,
        tag: str | None,
        new: bool,
    ) -> None:
        pusher = Pusher(grant.principal, grant.source_ip, grant.user_agent, grant.decisions)
        self._cloud.image_pushed(Push(_repository_now(tx, repository), manifest, tag, new, pusher=pusher))

    def after_delete_manifest(self, tx: Store, repository: Repository, manifest: Manifest, tag: str | None) -> None:
        self._cloud.image_deleted(repository, manifest, tag)

    def records_pull(self, grant: PrivateGrant, repository: Repository, manifest: Manifest) -> bool:
        """lastRecordedPullTime is refreshed at most once in 24 hours (facts E015)."""
        left_out = pull_left_out(self._cloud, grant.account, grant.region, grant.principal)
        looked = LOOKING in grant.user_agent
        return pull_counts(manifest, self.now()) and not left_out and not looked

    def can_be_pulled(self, manifest: Manifest) -> bool:
        """Not one in the archive, nor one that is being restored (facts E094)."""
        return "status" not in manifest.attributes

    async def catalog(self, grant: PrivateGrant) -> str:
        return f"{grant.account}/{grant.region}"

    # -------------------------------------------------------------------------------------------------- authentication

    def _authenticate(self, request: web.Request, account: str, region: str) -> Principal:
        record, authorization = request[RECORD], request.headers.get("Authorization", "")
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


def _registry_of(request: web.Request) -> tuple[str, str]:
    """Return account and Region of the registry whose port a request below /v2/ came in by."""
    record = request[RECORD]
    assert record.account is not None and record.region is not None  # noqa: PT018 (not a test)
    return record.account, record.region


def _encryption(repository: Repository) -> Any:
    """Return the encryption's type and its key, as kept since the repository was made."""
    return repository.attributes["encryption"]


def _repository_now(tx: Store, repository: Repository) -> Repository:
    """Return the repository as it is inside the transaction: its mutability may have changed since it was looked up."""
    return tx.repository(repository.registry, repository.name) or repository
