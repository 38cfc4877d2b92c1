"""Images that go by themselves: a policy tried in a preview, then carried out by moving the clock; the archive."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DAY = 86400
APP = "$REGISTRY/my-web-app"
UNTAGGED = {
    "rulePriority": 2,
    "description": "Expire untagged images after two days",
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 2},
    "action": {"type": "expire"},
}
RELEASES = {
    "rulePriority": 1,
    "description": "Keep two releases",
    "selection": {"tagStatus": "tagged", "tagPatternList": ["v*"], "countType": "imageCountMoreThan", "countNumber": 2},
    "action": {"type": "expire"},
}
PULLED = {
    "rulePriority": 1,
    "description": "Archive what nobody pulls",
    "selection": {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 30},
    "action": {"type": "transition", "targetStorageClass": "archive"},
}


@pytest.fixture
def aws(sh: Any) -> Callable[[str], Any]:
    """Return a function that runs ``aws ecr COMMAND`` for the repository my-web-app and reads its answer."""

    def run(command: str) -> Any:
        return json.loads(sh.good(f"aws ecr {command} --repository-name my-web-app"))

    return run


@pytest.fixture
def pushed(sh: Any, image: Callable[..., str]) -> Callable[..., str]:
    """Return a function that pushes an image with docker under a tag, and returns its digest."""
    sh.login()
    sh.good("aws ecr create-repository --repository-name my-web-app")

    def push(content: bytes, tag: str) -> str:
        sh.good(f"docker tag {image(content)} {APP}:{tag}")
        text = sh.good(f"docker push {APP}:{tag}")
        return str(next(word for word in text.split() if word.startswith("sha256:")))

    return push


def test_a_policy_does_what_its_preview_said(
    sh: Any, aws: Callable[[str], Any], pushed: Callable[..., str], lab: Any, tmp_path: Path
) -> None:
    digests = {}
    for number in (1, 2, 3, 4):
        digests[number] = pushed(b"release %d" % number, f"v{number}")
        lab.control.advance(60)
    replaced = pushed(b"nightly one", "nightly")
    pushed(b"nightly two", "nightly")  # the first one has no tag any more
    (tmp_path / "policy.json").write_text(json.dumps({"rules": [RELEASES, UNTAGGED]}, indent=4))
    text = f"--lifecycle-policy-text file://{tmp_path}/policy.json"

    # What the examples of `aws ecr … help` show, with the same members.
    started = aws(f"start-lifecycle-policy-preview {text}")
    assert set(started) == {"registryId", "repositoryName", "lifecyclePolicyText", "status"}
    assert started["status"] == "IN_PROGRESS"
    sh.good("aws ecr wait lifecycle-policy-preview-complete --repository-name my-web-app")
    preview = aws("get-lifecycle-policy-preview")
    members = {"registryId", "repositoryName", "lifecyclePolicyText", "status", "previewResults", "summary"}
    assert set(preview) == members
    assert preview["status"] == "COMPLETE"
    assert {result["imageDigest"] for result in preview["previewResults"]} == {digests[1], digests[2]}
    assert preview["summary"] == {"expiringImageTotalCount": 2}

    put = aws(f"put-lifecycle-policy {text}")
    assert set(put) == {"registryId", "repositoryName", "lifecyclePolicyText"}
    assert put["lifecyclePolicyText"].startswith('{"rules":[{"rulePriority":1,"description":"Keep two releases",')
    assert set(aws("get-lifecycle-policy")) == {*put, "lastEvaluatedAt"}
    before = {image["imageDigest"] for image in aws("list-images")["imageIds"]}
    assert len(before) == 6

    # Within a day what the preview named is gone, and nothing else; a day later the untagged one, too.
    sh.good(f"ecrlab clock +1d --home {lab.home.path}")
    gone = before - {image["imageDigest"] for image in aws("list-images")["imageIds"]}
    assert gone == {digests[1], digests[2]}
    sh.good(f"ecrlab clock +1d --home {lab.home.path}")
    assert before - {image["imageDigest"] for image in aws("list-images")["imageIds"]} == gone | {replaced}
    sh.login()  # the password was over after twelve hours
    code, text = sh(f"docker pull {APP}:v1")
    assert code != 0
    assert "manifest unknown: Requested image not found" in text
    assert digests[4] in sh.good(f"docker pull {APP}:v4")

    wanted = "AttributeKey=EventName,AttributeValue=PolicyExecutionEvent"
    events = json.loads(sh.good(f"aws cloudtrail lookup-events --lookup-attributes {wanted}"))["Events"]
    actions = [
        action["lifecycleEventImage"]["digest"]
        for event in events
        for action in json.loads(event["CloudTrailEvent"])["serviceEventDetails"]["lifecycleEventImageActions"]
    ]
    assert actions == [replaced, digests[1], digests[2]]

    deleted = aws("delete-lifecycle-policy")
    assert set(deleted) == {"registryId", "repositoryName", "lifecyclePolicyText", "lastEvaluatedAt"}
    code, text = sh("aws ecr get-lifecycle-policy --repository-name my-web-app")
    assert code != 0
    assert (
        "An error occurred (LifecyclePolicyNotFoundException) when calling the GetLifecyclePolicy operation: Lifecycle "
        "policy does not exist for the repository with name 'my-web-app' in the registry with id '123456789012'"
    ) in text


def test_the_archive_and_back(sh: Any, aws: Callable[[str], Any], pushed: Callable[..., str], lab: Any) -> None:
    used, idle = pushed(b"used", "used"), pushed(b"idle", "idle")
    ecr = lab.client("ecr")
    ecr.put_lifecycle_policy(repositoryName="my-web-app", lifecyclePolicyText=json.dumps({"rules": [PULLED]}))
    for _ in range(2):
        lab.control.advance(20 * DAY)
        sh.login()
        sh.good(f"docker rmi -f {APP}:used; docker pull {APP}:used")
    ecr.start_lifecycle_policy_preview(repositoryName="my-web-app")
    deadline = time.monotonic() + 30
    while ecr.get_lifecycle_policy_preview(repositoryName="my-web-app")["status"] != "COMPLETE":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # The day on which idle was archived has passed already.
    assert ecr.get_lifecycle_policy_preview(repositoryName="my-web-app")["previewResults"] == []
    archived = aws("describe-images --filter imageStatus=ARCHIVED")["imageDetails"]
    assert [image["imageDigest"] for image in archived] == [idle]
    assert [image["imageDigest"] for image in aws("describe-images")["imageDetails"]] == [used]
    code, text = sh(f"docker pull {APP}:idle")
    assert code != 0
    assert "manifest unknown: Requested image not found" in text

    restored = aws("update-image-storage-class --image-id imageTag=idle --target-storage-class STANDARD")
    assert restored["imageStatus"] == "ACTIVATING"
    assert sh(f"docker pull {APP}:idle")[0] != 0
    lab.control.advance(20 * 60)
    assert idle in sh.good(f"docker pull {APP}:idle")
    image = aws("describe-images --image-ids imageTag=idle")["imageDetails"][0]
    assert image["imageStatus"] == "ACTIVE"
    assert {"lastArchivedAt", "lastActivatedAt", "lastRecordedPullTime"} <= set(image)
