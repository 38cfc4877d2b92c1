"""What the registries of Amazon ECR refuse: a tag, a request or an image too many."""

from __future__ import annotations

from aiohttp import web

from ecrlab.aws.authorization.rules import BYTES_AT_THE_END, REGISTRY_RULES
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.quotas import RATE_EXCEEDED, Exceeded
from ecrlab.aws.record import Record
from ecrlab.aws.wire.validation import IMAGE_TAG, LONGEST_TAG, fits
from ecrlab.oci import Access, OciError, Operation
from ecrlab.store import Manifest, Repository, Store

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


def list_actions(request: web.Request, access: Access) -> tuple[str, ...]:
    """Return the actions of IAM that a request stands for."""
    actions = REGISTRY_RULES[access.operation.name]
    if access.operation is Operation.FINISH_UPLOAD and request.body_exists:
        actions = BYTES_AT_THE_END + actions
    return actions


def throttle(cloud: Cloud, record: Record, asked: Operation, registry: str) -> None:
    """Count a request below /v2/ as the API operations that it stands for, in whose account's registry they count.

    Raises OciError: one of them has a rate in the lab, and it is exceeded (err 64 and 114).
    """
    for action in REGISTRY_RULES[asked.name]:
        if cloud.quotas.throttled(registry, action.removeprefix("ecr:")):
            raise too_many(record)


def too_many(record: Record) -> OciError:
    """Return the 429, which docker shows as "toomanyrequests: Rate exceeded"."""
    record.reason = "more requests in a second than the quota allows"
    return OciError(429, "TOOMANYREQUESTS", RATE_EXCEEDED)


def check_image(cloud: Cloud, tx: Store, repository: Repository, manifest: Manifest) -> None:
    """Refuse an image, or a tag, that is one too many: 403, as seen at AWS
    (https://github.com/aws/containers-roadmap/issues/2159, 2023-09-27).
    """
    try:
        cloud.quotas.check_image(tx, repository, manifest.digest, manifest.tags[0] if manifest.tags else None)
    except Exceeded as error:
        raise OciError(403, "DENIED", str(error)) from None
