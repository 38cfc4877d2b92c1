"""00-e4: push a second version beside the first. What a learner reads is in e4.md."""

from __future__ import annotations

import re
from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Refused, as_words, requests
from ecrlab_course.authoring.staging import name_again

from .state import FIRST_PAGE, HELLO, SECOND_PAGE, fresh, pushed


class Seen:
    """What lies in the repository, and which other repository a push asked for in vain."""

    def __init__(self, lab: Lab) -> None:
        try:
            details = lab.client("ecr").describe_images(repositoryName=HELLO)["imageDetails"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "RepositoryNotFoundException":
                raise
            details = []
        self.tags = {tag: detail["imageDigest"] for detail in details for tag in detail.get("imageTags", [])}
        self.untagged = sum(1 for detail in details if not detail.get("imageTags"))
        asked = [
            found[1]
            for row in requests(lab)
            if row.status == 404
            and row.method in ("POST", "PUT")
            and (found := re.search(r"amazonaws\.com/([^/]+)/(?:blobs|manifests)/", row.path))
        ]
        self.asked = min(set(asked) - {HELLO}, default="")
        self.tags_seen = as_words(sorted(self.tags)) or "no tag"


def judge(seen: Seen) -> str:
    """Return the verdict's name in e4.md: two tags with two digests, or what there is in their place."""
    if "1" not in seen.tags:
        return "no-first"
    if "2" in seen.tags:
        return "one-image" if seen.tags["1"] == seen.tags["2"] else "passed"
    if seen.untagged:
        return "tag-moved"
    others = set(seen.tags) - {"1"}
    if others:
        return "latest" if others == {"latest"} else "other-tag"
    return "other-repository" if seen.asked else "untouched"


def second(lab: Lab, tag: str = "2") -> None:
    """Push the changed page."""
    lab.push(HELLO, tag, SECOND_PAGE)


def through_the_api(lab: Lab) -> None:
    """Push under another name, then give the image the name 2 by PutImage: another client, the same shelf."""
    second(lab, "new")
    name_again(lab, HELLO, "2", imageTag="new")


def to_another_repository(lab: Lab) -> None:
    """Push to hello2, which nobody made."""
    with suppress(Refused):
        lab.push("hello2", "1", SECOND_PAGE)
        raise AssertionError("ECR created a repository because of a push")


TRIES = {
    "passed": {"a changed page": second, "under another name, then called 2 through the API": through_the_api},
    "no-first": [fresh],
    "one-image": [lambda lab: lab.push(HELLO, "2", FIRST_PAGE)],
    "tag-moved": [lambda lab: lab.push(HELLO, "1", SECOND_PAGE)],
    "latest": [(to_another_repository, lambda lab: second(lab, "latest"))],
    "other-tag": [lambda lab: second(lab, "v2")],
    "other-repository": [to_another_repository],
}


def reset(lab: Lab) -> None:
    """Take every tag but 1 away; build the place again where that is not enough."""
    try:
        seen = Seen(lab)
    except ClientError:
        return
    if "1" not in seen.tags or seen.untagged:
        pushed(lab)
        return
    ids = [{"imageTag": tag} for tag in seen.tags if tag != "1"]
    if ids:
        lab.client("ecr").batch_delete_image(repositoryName=HELLO, imageIds=ids)
