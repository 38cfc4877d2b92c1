"""Pull-through cache: rules, and images brought from upstream when somebody pulls them (facts E116 to E123)."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from ecrlab.aws.authorization.service_roles import PULL_THROUGH, ask_as, assumed, service_role, trusts
from ecrlab.aws.authorization.targets import repository_target
from ecrlab.aws.cloud import Cloud, Push, regions
from ecrlab.aws.ecr.images import immutable
from ecrlab.aws.ecr.missing import Missing, maker
from ecrlab.aws.ecr.request import invalid, page_after, page_of, page_size
from ecrlab.aws.ecr.templates import NotCreated, create_repository_for, template_for
from ecrlab.aws.ecr.upstream import Upstream, UpstreamError, fetch, keep
from ecrlab.aws.identity.identities import Document, Principal
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.quotas import Exceeded
from ecrlab.aws.wire.errors import ApiError
from ecrlab.oci import OciError, Operation, parse_manifest
from ecrlab.policy import Decision
from ecrlab.store import NotFound, ReferencesMissing, Repository, StoreError

TABLE, CHECKED = "ecr.pull_through", "ecr.pull_through.checked"
QUOTA = "pull-through cache rules per registry"  # facts E117
ROOT = "ROOT"
#: A cached tag that is pulled is compared with the upstream's once so many seconds have passed. AWS says "at least once
#: every 24 hours" (facts A178): it may look earlier, the lab does not.
CHECK_SECONDS = 24 * 3600
_PULLS = {Operation.HEAD_MANIFEST, Operation.GET_MANIFEST}

# The upstreams by their host; those that are not here take a secret (facts E116).
_ECR = re.compile(r"(\d{12})\.dkr[.-]ecr\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)")
_HOSTS = {
    "ecr-public": r"public\.ecr\.aws",
    "k8s": r"registry\.k8s\.io",
    "quay": r"quay\.io",
    "docker-hub": r"registry-1\.docker\.io",
    "github-container-registry": r"ghcr\.io",
    "azure-container-registry": r"[a-z0-9]+\.azurecr\.io",
    "gitlab-container-registry": r"registry\.gitlab\.com",
    "chainguard": r"cgr\.dev",
    "ecr": _ECR.pattern,
}
_WITHOUT_SECRET = {"ecr", "ecr-public", "k8s", "quay"}


# ------------------------------------------------------------------------------------------------------ the operations


def _key(account: str, region: str, prefix: str) -> str:
    return f"{account}/{region}/{prefix.rstrip('/')}"


def _account(call: Call) -> str:
    return str(call.params.get("registryId", call.account))


def _rule(call: Call) -> Document:
    prefix, account = call.params["ecrRepositoryPrefix"], _account(call)
    found = call.cloud.store.table(TABLE).get(_key(account, call.region, prefix))
    if found is None:
        raise _not_found(prefix, account)
    return found


def _not_found(prefix: str, account: str) -> ApiError:
    return ApiError(
        "PullThroughCacheRuleNotFoundException",
        f"The pull through cache rule with the repository prefix '{prefix}' does not exist in the registry with id "
        f"'{account}'",
    )


def _kind(host: str) -> str:
    """Return the name of an upstream by its host. Raises ApiError: ECR does not pull through from there."""
    for kind, pattern in _HOSTS.items():
        if re.fullmatch(pattern, host):
            return kind
    raise ApiError(
        "UnsupportedUpstreamRegistryException",
        f"The upstream registry URL '{host}' is not supported. Supported are public.ecr.aws, registry.k8s.io, quay.io, "
        "registry-1.docker.io, ghcr.io, NAME.azurecr.io, registry.gitlab.com, cgr.dev and "
        "ACCOUNT.dkr.ecr.REGION.amazonaws.com.",
    )


def _check_role(call: Call, role: str | None) -> None:
    if role is not None and not re.fullmatch(rf"arn:aws[\w-]*:iam::{call.account}:role/.+", role):
        raise invalid("customRoleArn", "The role must be an IAM role in the account of the registry")


@operation(
    "ecr",
    "CreatePullThroughCacheRule",
    simplified="The secret's ARN is checked for its form only. docker-hub reaches the lab's hub (as its user learner), "
    "ecr-public and ecr the lab's own registries; every other upstream is unavailable.",
)
def create_pull_through_cache_rule(call: Call) -> dict[str, Any]:
    params, host = call.params, call.params["upstreamRegistryUrl"].removeprefix("https://").rstrip("/")
    kind, prefix = _kind(host), params["ecrRepositoryPrefix"].rstrip("/")
    if params.get("upstreamRegistry", kind) != kind:
        raise invalid("upstreamRegistry", f"The upstream registry of '{host}' is {kind}")
    if kind not in _WITHOUT_SECRET and "credentialArn" not in params:
        raise invalid("credentialArn", f"A credentialArn is required for the upstream registry {kind}")
    found = _ECR.fullmatch(host)
    if found is not None and found[2] not in regions():
        raise invalid("upstreamRegistryUrl", f"'{found[2]}' is not an AWS Region")
    if found is not None and found[1] != call.account and "customRoleArn" not in params:
        raise invalid("customRoleArn", "A customRoleArn is required for a registry of another account")
    _check_role(call, params.get("customRoleArn"))
    rule = {
        "ecrRepositoryPrefix": prefix,
        "upstreamRegistryUrl": host,
        "upstreamRegistry": kind,
        # Shown only when it was given: Terraform's provider, tested at AWS, would replace the rule otherwise
        # (https://github.com/hashicorp/terraform-provider-aws/pull/41933, 2025-03-20).
        "upstreamRepositoryPrefix": params.get("upstreamRepositoryPrefix", "").rstrip("/") or None,
        "credentialArn": params.get("credentialArn"),
        "customRoleArn": params.get("customRoleArn"),
        "createdAt": call.now,
        "updatedAt": call.now,
        "registryId": call.account,
    }
    with call.cloud.store.transaction() as store:
        table = store.table(TABLE)
        if table.get(_key(call.account, call.region, prefix)) is not None:
            raise ApiError(
                "PullThroughCacheRuleAlreadyExistsException",
                f"The pull through cache rule with the repository prefix '{prefix}' already exists in the registry "
                f"with id '{call.account}'",
            )
        registry = f"{call.account}/{call.region}"
        if not call.cloud.quotas.allows(registry, QUOTA, len(table.items(f"{registry}/")) + 1):
            most = call.cloud.quotas.value(registry, QUOTA)
            raise ApiError(
                "LimitExceededException",
                f"The registry with id '{call.account}' already has the maximum of {most} pull through cache rules",
            )
        table.put(_key(call.account, call.region, prefix), rule)
    return rule


@operation("ecr", "DescribePullThroughCacheRules")
def describe_pull_through_cache_rules(call: Call) -> dict[str, Any]:
    account, prefixes = _account(call), call.params.get("ecrRepositoryPrefixes")
    table = call.cloud.store.table(TABLE)
    if prefixes:
        found = []
        for prefix in prefixes:
            rule = table.get(_key(account, call.region, prefix))
            if rule is None:
                raise _not_found(prefix, account)
            found.append(rule)
        return {"pullThroughCacheRules": found}
    [last], size = page_after(call, 1) or [""], page_size(call, 100)
    start = f"{account}/{call.region}/"
    items = table.items(start, after=start + last if last else None, limit=size + 1)
    shown, token = page_of(items, size, lambda item: (item[0].removeprefix(start),))
    return {"pullThroughCacheRules": [rule for _, rule in shown], "nextToken": token}


@operation("ecr", "UpdatePullThroughCacheRule")
def update_pull_through_cache_rule(call: Call) -> dict[str, Any]:
    _check_role(call, call.params.get("customRoleArn"))
    with call.cloud.store.transaction() as store:
        rule, changes = _rule(call), {"updatedAt": call.now}
        changes |= {name: call.params[name] for name in ("credentialArn", "customRoleArn") if name in call.params}
        store.table(TABLE).put(_key(_account(call), call.region, rule["ecrRepositoryPrefix"]), {**rule, **changes})
    return {**rule, **changes}


@operation("ecr", "DeletePullThroughCacheRule")
def delete_pull_through_cache_rule(call: Call) -> dict[str, Any]:
    """What was cached stays."""
    with call.cloud.store.transaction() as store:
        rule = _rule(call)
        store.table(TABLE).delete(_key(_account(call), call.region, rule["ecrRepositoryPrefix"]))
    return rule


@operation("ecr", "ValidatePullThroughCacheRule")
def validate_pull_through_cache_rule(call: Call) -> dict[str, Any]:
    rule = _rule(call)
    try:
        if rule["upstreamRegistry"] == "ecr":
            _reader(call.cloud, rule)
            account, region = _ecr_place(rule)
            if call.cloud.is_off(region):
                raise UpstreamError("UpstreamUnavailable", f"The registry of {account} in {region} cannot be reached.")
        else:
            _upstream(call.cloud, rule, "").ping()
    except UpstreamError as error:
        return {**rule, "isValid": False, "failure": str(error)}
    return {**rule, "isValid": True}


# ------------------------------------------------------------------------------------------------------- which upstream


def rule_for(cloud: Cloud, account: str, region: str, name: str) -> Document | None:
    """Return the rule for a repository's name: the one with the longest prefix; "/" is implied after it."""
    table, parts = cloud.store.table(TABLE), name.split("/")
    for count in range(len(parts) - 1, 0, -1):
        found = table.get(_key(account, region, "/".join(parts[:count])))
        if found is not None:
            return found
    return table.get(_key(account, region, ROOT))


def _upstream_name(rule: Mapping[str, Any], name: str) -> str:
    own, theirs = rule["ecrRepositoryPrefix"], rule["upstreamRepositoryPrefix"] or ROOT
    rest = name if own == ROOT else name.removeprefix(f"{own}/")
    return rest if theirs == ROOT else f"{theirs}/{rest}"


def _upstream(cloud: Cloud, rule: Mapping[str, Any], name: str) -> Upstream:
    address = cloud.host.upstream(rule["upstreamRegistryUrl"])
    if address is None:
        text = f"{rule['upstreamRegistryUrl']} cannot be reached from this machine: ECR Lab leaves it for nothing."
        raise UpstreamError("UpstreamUnavailable", text)
    return Upstream(address, name)


def _ecr_place(rule: Mapping[str, Any]) -> tuple[str, str]:
    found = _ECR.fullmatch(rule["upstreamRegistryUrl"])
    assert found is not None
    return found[1], found[2]


def _reader(cloud: Cloud, rule: Mapping[str, Any]) -> Principal:
    """Return the role in which ECR reads another ECR registry. Raises UpstreamError: it cannot be assumed."""
    account, arn = rule["registryId"], rule["customRoleArn"]
    if arn is None:
        return assumed(service_role(cloud, account, PULL_THROUGH, cloud.clock.time()), "ecr-pull-through-cache")
    role = cloud.identities.get("roles", account, arn.rpartition("/")[2])
    if role is None or role["arn"] != arn or not trusts(role, PULL_THROUGH.service):
        raise UpstreamError("UpstreamAccessDenied", f"Amazon ECR cannot assume the role {arn}.")
    return assumed(role, "ecr-pull-through-cache")


# ----------------------------------------------------------------------------------------------------------- the import

_LOCKS: defaultdict[tuple[str, str, str], threading.Lock] = defaultdict(threading.Lock)


def bring(cloud: Cloud, rule: Mapping[str, Any], repository: Repository, reference: str) -> None:
    """Bring an image from upstream, a tag again when the last look is a day old. Blocks: off the event loop.

    Raises UpstreamError; then nothing has changed, and what was cached is still there.
    """
    # Whoever asks for the same image at the same time waits for it.
    with _LOCKS[repository.registry, repository.name, reference]:
        if not due(cloud, repository, reference):
            return
        name, now = _upstream_name(rule, repository.name), cloud.clock.time()
        try:
            if rule["upstreamRegistry"] == "ecr":
                found = _from_ecr(cloud, rule, repository, name, reference)
            else:
                found = _from_elsewhere(cloud, rule, repository, name, reference)
            with cloud.store.transaction() as store:
                tag = None if ":" in reference else reference
                there = store.manifest(repository, reference)
                if tag is not None and there is not None and there.digest != found[0] and immutable(repository, tag):
                    tag = None  # it may not move (facts E120)
                cloud.quotas.check_image(store, repository, found[0], tag)
                stored = keep(store, repository, *found, now, tag)
                cloud.image_pushed(Push(repository, stored, tag, there is None or there.digest != stored.digest))
                store.table(CHECKED).put(_checked(repository, reference), {"at": now})
        except (NotFound, ReferencesMissing) as error:
            raise UpstreamError("UpstreamUnavailable", f"The image could not be kept: {error}") from None
        except (StoreError, Exceeded) as error:
            raise UpstreamError("UpstreamUnavailable", str(error)) from None


def _checked(repository: Repository, reference: str) -> str:
    return f"{repository.id}/{reference}"


def due(cloud: Cloud, repository: Repository, reference: str) -> bool:
    """Tell whether upstream has to be asked about an image: it is not here, or its tag was compared a day ago."""
    if cloud.store.manifest(repository, reference) is None:
        return True
    if ":" in reference:
        return False
    last = cloud.store.table(CHECKED).get(_checked(repository, reference))
    return last is None or not 0 <= cloud.clock.time() - last["at"] < CHECK_SECONDS


def _from_elsewhere(
    cloud: Cloud, rule: Mapping[str, Any], repository: Repository, name: str, reference: str
) -> tuple[str, str, bytes]:
    if rule["upstreamRegistry"] == "docker-hub" and "/" not in name:
        # Official images have library/ in their names there (facts E118).
        raise UpstreamError("UpstreamAccessDenied", f"Docker Hub's official images are under library/: library/{name}.")
    upstream, now = _upstream(cloud, rule, name), cloud.clock.time()
    found = fetch(cloud.store, upstream, repository, reference, now)
    for digest in upstream.referrers(found[0]):  # facts E123
        keep(cloud.store, repository, *fetch(cloud.store, upstream, repository, digest, now), now)
    return found


def _from_ecr(
    cloud: Cloud, rule: Mapping[str, Any], repository: Repository, name: str, reference: str
) -> tuple[str, str, bytes]:
    account, region = _ecr_place(rule)
    if cloud.is_off(region):
        raise UpstreamError("UpstreamUnavailable", f"The registry of {account} in {region} cannot be reached.")
    source, who = cloud.store.repository(f"{account}/{region}", name), _reader(cloud, rule)
    target = repository_target(cloud, account, region, name, source)
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        decision = ask_as(cloud, who, action, target, region)
        if not decision.allowed:
            raise UpstreamError("UpstreamAccessDenied", decision.message)
    if source is None:
        raise UpstreamError("ImageNotFound", "The upstream registry does not have this image.")
    return _copy(cloud, source, repository, reference)


def _copy(cloud: Cloud, source: Repository, target: Repository, reference: str) -> tuple[str, str, bytes]:
    manifest = cloud.store.manifest(source, reference)
    if manifest is None or "status" in manifest.attributes:  # in the archive
        raise UpstreamError("ImageNotFound", "The upstream registry does not have this image.")
    for item in parse_manifest(manifest.content, manifest.media_type).references:
        if item.kind == "blob":
            cloud.store.mount_blob(source, target, item.digest)
        elif cloud.store.manifest_by_digest(target, item.digest) is None:
            keep(cloud.store, target, *_copy(cloud, source, target, item.digest), cloud.clock.time())
    return manifest.digest, manifest.media_type, manifest.content


# -------------------------------------------------------------------------------------------------------- on the wire


@maker
async def create_by_pull(missing: Missing) -> bool:
    """Make the repository that is pulled from, where a rule says so: the puller needs ecr:CreateRepository (E122)."""
    if missing.operation not in _PULLS:
        return False
    where = (missing.cloud, missing.account, missing.region, missing.name)
    if rule_for(*where) is None:
        return False
    try:
        return create_for_pull(*where, missing.now, lambda action: missing.ask(action).allowed)
    except NotCreated as error:
        raise OciError(403, "DENIED", str(error)) from None


def create_for_pull(cloud: Cloud, account: str, region: str, name: str, now: float, ask: Callable[[str], bool]) -> bool:
    """Make a repository for what is pulled through; tell whether it was made. Raises NotCreated."""
    if not ask("ecr:CreateRepository"):
        return False
    template = template_for(cloud, account, region, name, "PULL_THROUGH_CACHE")
    create_repository_for(cloud, account, region, name, template, now)
    return True


async def before_pull(
    cloud: Cloud, rule: Mapping[str, Any], repository: Repository, reference: str, ask: Callable[[str], Decision]
) -> None:
    """Before a manifest is given out: have it brought from upstream, if the puller may (ecr:BatchImportUpstreamImage).

    What is cached is served whatever upstream says (E119). Without the right nothing is brought, and the client is told
    that there is no such image (err 7). Raises OciError: upstream refused what is not cached.
    """
    if not due(cloud, repository, reference) or not ask("ecr:BatchImportUpstreamImage").allowed:
        return
    try:
        await asyncio.to_thread(bring, cloud, rule, repository, reference)
    except UpstreamError as error:
        if cloud.store.manifest(repository, reference) is None and error.code in _REFUSED:
            raise OciError(*_REFUSED[error.code], str(error)) from None


# err 17 for the first; the second is a choice. What is missing or unreachable is "Requested image not found" (err 7).
_REFUSED = {"UpstreamAccessDenied": (403, "DENIED"), "UpstreamTooManyRequests": (429, "TOOMANYREQUESTS")}
