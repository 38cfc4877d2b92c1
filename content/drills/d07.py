"""Drill d07: a script deletes everything untagged; what is gone tomorrow? What a learner reads is in d07.md."""

from __future__ import annotations

from ecrlab_course.authoring.staging import name_again, put_image, put_index
from ecrlab_course.authoring.typed import numbers
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME = "shop/web"
ALL = {"own": 6, "child": 5}
GOES = {"own": 2, "child": 1}
"""How many images there are in each state, and how many of them the script deletes."""
SCRIPT = """#!/usr/bin/env bash
# Up for review: delete everything that has no tag.
ids=$(aws ecr list-images --repository-name shop/web --filter tagStatus=UNTAGGED --query 'imageIds[*]' --output json)
aws ecr batch-delete-image --repository-name shop/web --image-ids "$ids"
"""


def prepare(lab: DrillLab) -> None:
    """Put an index with two images, one that runs by digest, one that nobody needs, and 1.9.

    What runs is an image of its own, or (`child`) one of the index's.
    """
    lab.repository(NAME)
    old = put_image(lab, NAME, "", {"page": b"an image whose tag has moved"})
    amd = put_image(lab, NAME, "", {"page": b"for amd64"})
    arm = put_image(lab, NAME, "", {"page": b"for arm64"}, architecture="arm64")
    live = arm if lab.seed == "child" else put_image(lab, NAME, "", {"page": b"what runs tonight"})
    put_index(lab, NAME, "2.0", ("amd64", amd), ("arm64", arm))
    put_image(lab, NAME, "1.9", {"page": b"what the tag 1.9 is now"})
    lab.write("cleanup.sh", SCRIPT)
    lab.write("deployed.txt", f"production runs {NAME}@{live}\n")
    iam = lab.client("iam")
    # Where the evidence finds the digests again, out of the learner's way.
    iam.tag_user(UserName="admin", Tags=[{"Key": "old", "Value": old}, {"Key": "live", "Value": live}])


def kept(lab: DrillLab) -> dict[str, str]:
    """Return the digests of the garbage ("old") and of what runs ("live")."""
    return {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}


class Seen:
    """Which images there are, and what was predicted."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        images, marked = lab.images(NAME), kept(lab)
        self.tags = {tag for tags in images.values() for tag in tags}
        self.garbage, self.live = marked["old"] in images, marked["live"] in images
        self.whole = len(images) == ALL[lab.seed]
        self.goes, self.asked = GOES[lab.seed], ("three", "four")[GOES[lab.seed] - 1]
        self.untagged = sum(1 for tags in images.values() if not tags)
        self.image_count = f"{len(images)} image{'' if len(images) == 1 else 's'}"
        self.gone, self.code = (findings.get(key, "").strip() for key in ("gone", "code"))


def judge(seen: Seen) -> str:
    """Return the verdict's name in d07.md: predicted, the garbage gone, and nothing else."""
    if "2.0" not in seen.tags:
        return "index-gone"
    if "1.9" not in seen.tags:
        return "tag-gone"
    if not seen.live:
        return "live-gone"
    if seen.whole and not seen.gone and not seen.code:
        return "untouched"
    if not seen.gone or not seen.code:
        return "not-predicted"
    if numbers(seen.gone)[:1] != [seen.goes]:
        return "wrong-number"
    if numbers(seen.code)[:1] != [0]:
        return "wrong-code"
    return "garbage-there" if seen.garbage else "passed"


def delete(lab: DrillLab, *digests: str) -> None:
    """Delete images by digest."""
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": each} for each in digests])


def delete_the_old(lab: DrillLab) -> None:
    """Delete the garbage."""
    delete(lab, kept(lab)["old"])


def all_but_what_runs(lab: DrillLab) -> None:
    """Ask for every untagged image but the one that runs."""
    live = kept(lab)["live"]
    delete(lab, *[digest for digest, tags in lab.images(NAME).items() if not tags and digest != live])


def run_the_script(lab: DrillLab) -> None:
    """Run cleanup.sh."""
    code, output = lab.sh("bash cleanup.sh")
    if code or "failures" not in output:
        raise RuntimeError(output)


def tag_what_runs(lab: DrillLab) -> None:
    """Give what runs a tag of its own."""
    name_again(lab, NAME, "production", imageDigest=kept(lab)["live"])


def delete_by_tag(lab: DrillLab, tag: str) -> None:
    """Delete a tag's image."""
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag}])


RIGHT = {"gone": "2", "code": "0"}
TRIES = {
    "passed": {
        "the one": attempt(RIGHT, delete_the_old),
        "all untagged but what runs": attempt({"gone": "Two", "code": "zero"}, all_but_what_runs),
        "what runs tagged, then the script": attempt(
            {"gone": "2 of the 4", "code": "exit 0"}, (tag_what_runs, run_the_script)
        ),
        "the script, where the index holds what runs": attempt({**RIGHT, "gone": "1"}, run_the_script, seed="child"),
    },
    "index-gone": {"the index first": attempt(RIGHT, lambda lab: delete_by_tag(lab, "2.0"))},
    "tag-gone": {"1.9 deleted too": attempt(RIGHT, (delete_the_old, lambda lab: delete_by_tag(lab, "1.9")))},
    "live-gone": {"the script": attempt(RIGHT, run_the_script)},
    "not-predicted": {
        "deleted in silence": attempt({}, delete_the_old),
        "no exit code": attempt({"gone": "2"}, delete_the_old),
    },
    "wrong-number": {
        "four gone": attempt({**RIGHT, "gone": "4"}, delete_the_old),
        "the other state's": attempt(RIGHT, delete_the_old, seed="child"),
        "all": attempt({**RIGHT, "gone": "all"}, delete_the_old),
    },
    "wrong-code": {"a failing exit code": attempt({**RIGHT, "code": "1"}, delete_the_old)},
    "garbage-there": {"predicted only": attempt(RIGHT), "something else": attempt(RIGHT, tag_what_runs)},
}
