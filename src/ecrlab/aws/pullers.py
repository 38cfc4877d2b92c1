"""Two more services that pull, as small as they can be: AWS Lambda, and a node of Amazon EKS.

Nothing runs. What is asked, of whom, in which words it is refused, and what the X-ray then has, is as for ECS's tasks.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecrlab.aws.act import Act
from ecrlab.aws.authorization.explain import Asked
from ecrlab.aws.authorization.targets import repository_target
from ecrlab.aws.cloud import registry_name
from ecrlab.aws.ecs.failures import UNREACHABLE, Seen, Step
from ecrlab.aws.ecs.names import image_named
from ecrlab.aws.ecs.puller import Door, PullFailed, fetch, login
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.sts.service_sessions import Service, assume
from ecrlab.policy import Policies, Request, evaluate
from ecrlab.store import Manifest, Repository

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

FUNCTIONS = "lambda.functions"
"""The table of functions, by account, Region and name: which address, and which digest it was resolved to."""
LAMBDA, EC2 = "lambda.amazonaws.com", "ec2.amazonaws.com"
PROVIDER = "ecr-credential-provider"
Answer = dict[str, Any]


# ------------------------------------------------------------------------------------------------------------- Lambda


def as_lambda(cloud: Cloud, account: str, region: str, repository: str, tag: str | None) -> Answer:
    """Pull an image as Lambda does for a function that is called like its repository.

    With a tag the function is made, or its code is updated, and the tag is resolved to a digest (facts D067); without
    one Lambda pulls that digest again. Returns ``ok``, ``ImageUri``, ``ResolvedImageUri``, and where it was refused
    ``code`` and ``message``: errors 140 to 142, or the reason why a function fails later (facts D069).
    """
    table, key = cloud.store.table(FUNCTIONS), f"{account}/{region}/{repository}"
    host = registry_name(account, region)
    kept = table.get(key)
    if tag is None and kept is None:
        raise LookupError(f"There is no function {repository}: name a tag, and it is made.")
    first = tag is not None
    uri = f"{host}/{repository}:{tag}" if first or kept is None else str(kept["uri"])
    answer: Answer = {"puller": LAMBDA, "ImageUri": uri, "ResolvedImageUri": None, "ok": False}
    reference = str(tag) if first or kept is None else str(kept["digest"])
    asked = _Lambda(cloud, account, region, repository)
    if not asked.may("BatchGetImage", {"imageIds": [_image_id(reference)]}):
        return answer | _refused(first, "ImageAccessDenied", *_NO_ACCESS)
    found = asked.found(reference)
    if found is None:
        missing = (
            "InvalidParameterValueException",
            f"Source image {uri} does not exist. Provide a valid source image.",
        )
        return answer | _refused(first, "ImageDeleted", *missing)
    manifest = json.loads(found.content)
    if "layers" not in manifest or "config" not in manifest:  # an index, also one of one platform and an attestation
        text = f"The image manifest, config or layer media type for the source image {uri} is not supported."
        return answer | _refused(first, "InvalidImage", "InvalidParameterValueException", text)
    for layer in manifest["layers"]:
        if not asked.may("GetDownloadUrlForLayer", {"layerDigest": layer["digest"]}):
            return answer | _refused(first, "ImageAccessDenied", *_NO_ACCESS)
    table.put(key, {"uri": uri, "digest": found.digest})
    return answer | {"ok": True, "ResolvedImageUri": f"{host}/{repository}@{found.digest}", "code": "", "message": ""}


_NO_ACCESS = (
    "AccessDeniedException",
    "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
)  # err 140


def _refused(first: bool, later: str, code: str, message: str) -> Answer:
    """Return what is said when a function is made, or the reason code of one that fails later."""
    return {"code": code, "message": message} if first else {"code": later, "message": ""}


def _image_id(reference: str) -> dict[str, str]:
    return {"imageDigest" if ":" in reference else "imageTag": reference}


class _Lambda:
    """What Lambda asks of one repository: its policy alone decides about the service's principal (facts D063)."""

    def __init__(self, cloud: Cloud, account: str, region: str, repository: str) -> None:
        self._cloud, self._account, self._region, self._repository = cloud, account, region, repository
        source = f"arn:aws:lambda:{region}:{account}:function:{repository}"
        self._context: dict[str, str | tuple[str, ...]] = {"aws:SourceArn": source, "aws:SourceAccount": account}
        self._principal = Principal("service", account, LAMBDA, LAMBDA, LAMBDA, LAMBDA, "")

    def may(self, operation: str, parameters: Mapping[str, Any]) -> bool:
        """Ask the repository's policy, and leave the row of it."""
        cloud, name = self._cloud, self._repository
        target = repository_target(cloud, self._account, self._region, name)
        request = Request(LAMBDA, f"ecr:{operation}", target.arn, self._account, self._context)
        policies = Policies(resource=target.policy)
        decision = evaluate(request, policies)
        cloud.host.acted(
            Act(
                operation=operation,
                service=LAMBDA,
                principal=self._principal,
                account=self._account,
                region=self._region,
                parameters={"registryId": self._account, "repositoryName": name, **parameters},
                decisions=[Asked(decision, policies)],
                code=None if decision.allowed else "AccessDenied",
                message=None if decision.allowed else decision.message,
            )
        )
        return decision.allowed

    def found(self, reference: str) -> Manifest | None:
        store = self._cloud.store
        repository: Repository | None = store.repository(f"{self._account}/{self._region}", self._repository)
        if repository is None:
            return None
        if ":" in reference:
            return store.manifest_by_digest(repository, reference)
        return store.manifest_by_tag(repository, reference)


# ---------------------------------------------------------------------------------------------------------------- EKS

_MATCH = re.compile(r"[^.]+\.dkr\.ecr\.[^.]+\.amazonaws\.com(?:\.cn)?$")
"""What `matchImages` of the provider's configuration lets through: a star is one label (facts D054)."""


def as_eks_node(cloud: Cloud, account: str, image: str, role: str, region: str) -> Answer:
    """Pull an image as a node of EKS does: with the node's role, whatever pod it is for (facts D049).

    The kubelet's request to its credential provider and the provider's response are in the answer, the password of it
    cut. Returns ``ok``, ``request``, ``response``, ``digest``, and where it was refused ``code`` and ``message``.
    """
    instance = f"i-{secrets.token_hex(8)}{secrets.randbelow(16):x}"
    answer: Answer = {"puller": f"assumed-role/{role}/{instance}", "ImageUri": image, "ok": False, "digest": None}
    service = Service(EC2, f"arn:aws:ec2:{region}:{account}:instance/{instance}")
    request = {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "kind": "CredentialProviderRequest",
        "image": image,
    }
    answer |= {"request": request, "response": None, "code": "", "message": ""}
    read = image_named(cloud, image)
    if read is None:
        text = (
            f'Failed to apply default image tag "{image}": couldn\'t parse image reference "{image}": invalid reference'
        )
        return answer | {"code": "InvalidImageName", "message": text}
    door, asked = Door("", None), _MATCH.match(read.host) is not None
    try:
        if asked:  # else the kubelet does not ask the provider
            session = assume(cloud, service, f"arn:aws:iam::{account}:role/{role}", instance, region)
            if session is None:
                text = f"The instance has no credentials: {EC2} may not assume arn:aws:iam::{account}:role/{role}."
                return answer | {"code": "ErrImagePull", "message": text}
            door = login(cloud, session, read.region, read.account, PROVIDER)
            answer["response"] = _response(read.host, str(door.login))
        elif read.registry in ("hub", "public"):
            address = cloud.host.upstream("public.ecr.aws" if read.registry == "public" else "registry-1.docker.io")
            door = Door(address.host if address is not None else "", None)
        pulled = fetch(read, door, "linux/amd64", None, "containerd/2.0.0")
    except PullFailed as failed:
        return answer | {"code": "ErrImagePull", "message": _failed(image, failed.seen)}
    return answer | {"ok": True, "digest": pulled.digest}


def _response(host: str, basic: str) -> Answer:
    """Return what the provider writes (facts D052, D055); the password is cut, because it is one."""
    user, _, password = base64.b64decode(basic.partition(" ")[2]).decode().partition(":")
    return {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "kind": "CredentialProviderResponse",
        "cacheKeyType": "Registry",
        "cacheDuration": "6h0m0s",
        "auth": {host: {"username": user, "password": f"{password[:12]}…"}},
    }


def _failed(image: str, seen: Seen) -> str:
    """Return the kubelet's event with containerd's words (facts D060, D061)."""
    begin = (
        f'Failed to pull image "{image}": rpc error: code = Unknown desc = failed to pull and unpack image "{image}": '
    )
    if seen.step is Step.TOKEN:
        # The provider fails, so the kubelet pulls without a login.
        why = "pull access denied, repository does not exist or may require authorization: authorization failed: "
        return f'{begin}failed to resolve reference "{image}": {why}no basic auth credentials'
    if seen.step is Step.PLATFORM:
        return f"{begin}no match for platform in manifest: not found"
    if seen.status is None:
        what = f'failed to do request: Head "{seen.url}": dial tcp {UNREACHABLE}:443: i/o timeout'
        return f'{begin}failed to resolve reference "{image}": {what}'
    if seen.step is Step.LAYER:
        return f"{begin}failed to copy: httpReadSeeker: failed open: unexpected status code {seen.url}: {seen.status}"
    if seen.status == 404:
        return f'{begin}failed to resolve reference "{image}": {image}: not found'
    names = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
    status = f"{seen.status} {names.get(seen.status, '')}".strip()
    return f'{begin}failed to resolve reference "{image}": unexpected status from HEAD request to {seen.url}: {status}'
