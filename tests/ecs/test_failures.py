"""The table of causes and texts, without a lab. Each of them made in a lab: test_tasks.py."""

from __future__ import annotations

import pytest

from ecrlab.aws.ecs.failures import LONGEST, Seen, Step, words

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = f"{HOST}/web:1"
MANIFEST = f"https://{HOST}/v2/web/manifests/1"
PULL = "CannotPullContainerError: "
RESOLVE = f"{PULL}pull image manifest has been retried 1 time(s): failed to resolve ref {IMAGE}: "
COPY = f"{PULL}ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: "
AUTH = "ResourceInitializationError: unable to pull secrets or registry auth: "

TABLE: dict[str, tuple[Seen, str]] = {
    "token denied": (
        Seen(Step.TOKEN, status=400, message="User: x is not authorized", request_id="r-1", region="us-east-1"),
        f"{AUTH}execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been "
        "retried 1 time(s): AccessDeniedException: User: x is not authorized status code: 400, request id: r-1",
    ),
    "API not reached": (
        Seen(Step.TOKEN, region="us-east-1"),
        f"{AUTH}The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and "
        "Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded "
        "maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "
        '"https://api.ecr.us-east-1.amazonaws.com/": dial tcp 192.0.2.1:443: i/o timeout',
    ),
    "no address": (
        Seen(Step.ADDRESS, image="Web!"),
        f"{PULL}failed to resolve ref Web!: invalid reference format",
    ),
    "manifest denied": (
        Seen(Step.MANIFEST, IMAGE, HOST, "1", 403, url=MANIFEST),
        f"{RESOLVE}pulling from host {HOST} failed with status code [manifests 1]: 403 Forbidden",
    ),
    "not there": (Seen(Step.MANIFEST, IMAGE, HOST, "1", 404, url=MANIFEST), f"{RESOLVE}{IMAGE}: not found"),
    "registry not reached": (
        Seen(Step.MANIFEST, IMAGE, HOST, "1", url=MANIFEST),
        f'{RESOLVE}failed to do request: Head "{MANIFEST}": dial tcp 192.0.2.1:443: i/o timeout',
    ),
    "Hub's limit": (
        Seen(Step.MANIFEST, "busybox", "registry-1.docker.io", "latest", 429, "You have reached it.", "https://h/v2/b"),
        f"{PULL}inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status code "
        "https://h/v2/b: 429 Too Many Requests - Server message: toomanyrequests: You have reached it.",
    ),
    "platform missing": (
        Seen(Step.PLATFORM, IMAGE, platform="linux/amd64"),
        f"{PULL}pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching "
        "platform 'linux/amd64'",
    ),
    "layer denied": (
        Seen(Step.LAYER, IMAGE, HOST, "1", 403, url="https://h/blob"),
        f"{COPY}unexpected status code https://h/blob: 403 Forbidden",
    ),
    "layer not reached": (
        Seen(Step.LAYER, IMAGE, HOST, "1", url="https://h/blob"),
        f'{COPY}failed to do request: Get "https://h/blob": dial tcp 192.0.2.1:443: i/o timeout',
    ),
}


@pytest.mark.parametrize("cause", TABLE)
def test_each_cause_has_its_words(cause: str) -> None:
    seen, text = TABLE[cause]
    said = words(seen)
    assert said.stopped == text
    assert said.container == ("" if seen.step is Step.TOKEN else text)


def test_a_containers_reason_is_cut_and_the_tasks_is_not() -> None:
    said = words(Seen(Step.MANIFEST, "a" * 2000, HOST, "1", 404))
    assert len(said.container) == LONGEST
    assert len(said.stopped) > 4000
