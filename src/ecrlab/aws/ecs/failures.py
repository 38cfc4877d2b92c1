"""Why a task did not start, in AWS's words. Pure: what was seen of a request goes in, the two texts come out.

A task shows ``stoppedReason``, and each container a ``reason`` of up to 1,024 characters (facts D014). The numbers of
retries are those of the specimens; the lab does not wait for them. Where two specimens were joined, or a tail was
chosen, docs/fidelity.md says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

LONGEST = 1024
"""Characters of a container's reason (facts D014)."""
UNREACHABLE = "192.0.2.1"
"""The address that a timeout names: one for documentation, because there is no real one."""
ESSENTIAL = "Essential container in task exited"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
"""The reason of a container that its memory limit ended (facts D134)."""
NO_ENGINE = "ECR Lab: no container engine on this computer. The image was fetched and checked; no process was started."
NO_CREDENTIALS = (
    "ECR Lab: the task role's credentials do not reach the container. Its engine has no way back to the lab: none of "
    "this computer's addresses that were tried leads there."
)


class Step(Enum):
    """Where a start ended."""

    TOKEN = "GetAuthorizationToken"
    ADDRESS = "the image's address"
    MANIFEST = "the manifest"
    PLATFORM = "the platform"
    LAYER = "a layer"


@dataclass(frozen=True)
class Seen:
    """What was seen of the request that ended a start.

    ``image`` as it is shown, ``host`` the registry, ``reference`` the tag or digest asked for; ``status`` is None where
    nothing answered; ``message`` is the answer's own sentence, ``url`` what was asked, as at AWS; ``platform`` such as
    "linux/amd64".
    """

    step: Step
    image: str = ""
    host: str = ""
    reference: str = ""
    status: int | None = None
    message: str = ""
    url: str = ""
    request_id: str = ""
    region: str = ""
    platform: str = ""


@dataclass(frozen=True)
class Words:
    """``stopped`` is the task's stoppedReason, ``container`` the container's reason ("": none)."""

    stopped: str
    container: str = ""


def words(seen: Seen) -> Words:
    """Return what ECS says of what was seen."""
    if seen.step is Step.TOKEN:
        return Words(_token(seen))
    text = f"CannotPullContainerError: {_PULL[seen.step](seen)}"
    return Words(text, text[:LONGEST])


def cannot_assume(role: str) -> str:
    """Return the sentence for a role that does not trust ECS (facts D025)."""
    return (
        f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role "
        "being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass "
        "this role."
    )


def _token(seen: Seen) -> str:
    begin = "ResourceInitializationError: unable to pull secrets or registry auth: "
    if seen.status is None:  # facts D071, the form of 2025
        return (
            f"{begin}The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task "
            "and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, "
            "exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send "
            f'failed, Post "https://api.ecr.{seen.region}.amazonaws.com/": dial tcp {UNREACHABLE}:443: i/o timeout'
        )
    return (  # err 135 and 137, and facts D071, joined
        f"{begin}execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been "
        f"retried 1 time(s): AccessDeniedException: {seen.message} status code: {seen.status}, request id: "
        f"{seen.request_id}"
    )


def _address(seen: Seen) -> str:
    return f"failed to resolve ref {seen.image}: invalid reference format"


def _manifest(seen: Seen) -> str:
    begin = f"pull image manifest has been retried 1 time(s): failed to resolve ref {seen.image}: "
    if seen.status is None:  # facts D061
        return f'{begin}failed to do request: Head "{seen.url}": dial tcp {UNREACHABLE}:443: i/o timeout'
    if seen.status == 404:  # err 131, facts D033
        return f"{begin}{seen.image}: not found"
    if seen.status == 429:  # err 111, in a frame of containerd's
        return (
            "inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status code "
            f"{seen.url}: 429 Too Many Requests - Server message: toomanyrequests: {seen.message}"
        )
    # facts D046
    return (
        f"{begin}pulling from host {seen.host} failed with status code [manifests {seen.reference}]: "
        f"{_status(seen.status)}"
    )


def _platform(seen: Seen) -> str:
    """Of err 132."""
    return (
        "pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform "
        f"'{seen.platform}'"
    )


def _layer(seen: Seen) -> str:
    """Of err 136; its end was chosen."""
    begin = "ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: "
    if seen.status is None:
        return f'{begin}failed to do request: Get "{seen.url}": dial tcp {UNREACHABLE}:443: i/o timeout'
    return f"{begin}unexpected status code {seen.url}: {_status(seen.status)}"


def _status(status: int) -> str:
    names = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
    return f"{status} {names[status]}" if status in names else str(status)


_PULL = {Step.ADDRESS: _address, Step.MANIFEST: _manifest, Step.PLATFORM: _platform, Step.LAYER: _layer}
