"""Drill d07: a script deletes everything untagged; what is gone tomorrow? Q110, Q84, Q36."""

# E006: an untagged image is pullable by digest; err 54: a child of an index is not deleted, HTTP 200;
# err 55: look at `failures`, not at the exit code; E092: no undelete; ecr.md 9.2: lifecycle rules spare
# children; E064: 100 images a call; E079 E084: what a rule selects by; E091: the preview; E015: the last pull may lag;
# E164: index and children.

from __future__ import annotations

from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Attempt, Drill, Finding, Findings

NAME = "shop/web"
NUMBERS = {"none": "0", "zero": "0", "two": "2", "four": "4"}
SCRIPT = """#!/usr/bin/env bash
# Up for review: delete everything that has no tag.
ids=$(aws ecr list-images --repository-name shop/web --filter tagStatus=UNTAGGED --query 'imageIds[*]' --output json)
aws ecr batch-delete-image --repository-name shop/web --image-ids "$ids"
"""


def prepare(lab: DrillLab) -> None:
    lab.repository(NAME)
    old = lab.put(NAME, "", {"page": b"an image whose tag has moved"})
    live = lab.put(NAME, "", {"page": b"what runs tonight"})
    amd = lab.put(NAME, "", {"page": b"for amd64"})
    arm = lab.put(NAME, "", {"page": b"for arm64"}, architecture="arm64")
    lab.put_index(NAME, "2.0", ("amd64", amd), ("arm64", arm))
    lab.put(NAME, "1.9", {"page": b"what the tag 1.9 is now"})
    lab.write("cleanup.sh", SCRIPT)
    lab.write("deployed.txt", f"production runs {NAME}@{live}\n")
    iam = lab.client("iam")
    # Where the evidence finds the digests again, out of the learner's way.
    iam.tag_user(UserName="admin", Tags=[{"Key": "old", "Value": old}, {"Key": "live", "Value": live}])


def _kept(lab: DrillLab) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    images, kept = lab.images(NAME), _kept(lab)
    gone, code = (findings.get(key, "").strip() for key in ("gone", "code"))
    gone, code = NUMBERS.get(gone.lower(), gone), NUMBERS.get(code.lower(), code)
    tags = {tag for each in images.values() for tag in each}
    lost = sorted({"1.9", "2.0"} - tags)
    if lost:
        index = "With the index 2.0 its images lose their protection. " if "2.0" in lost else ""
        return not_yet(
            f"Of the tagged images, this is gone: {', '.join(lost)}. {index}Nothing undoes a deletion. Build the state "
            "again.",
            "untagged-is-garbage",
        )
    if kept["live"] not in images:
        return not_yet(
            "`deployed.txt` names a digest, and that image is gone: it had no tag, and it is what runs. The next node "
            "that needs it cannot fetch it. Build the state again.",
            "untagged-is-garbage",
        )
    if len(images) == 6 and not gone and not code:
        return untouched("There are six images. Predict first, then delete what is really garbage.")
    if gone != "2":
        return not_yet(
            f"You predicted that the script takes {gone or 'no number of'} images. It asks for four; what does ECR do "
            "with one that an index names?",
            "untagged-is-garbage",
        )
    if code != "0":
        return not_yet(
            f"You predicted the exit code {code or '(none)'}. The call returns 200 although some images stay; the "
            f"answer says which, under another name.",
            "no-exception-is-success",
        )
    if kept["old"] in images:
        return not_yet("Predicted right. The one image that nobody needs is still there.", "left-out")
    return passed("The garbage is gone, the index is whole, and what runs by digest can still be pulled.")


def delete(lab: DrillLab, *digests: str) -> None:
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": each} for each in digests])


def delete_the_old(lab: DrillLab) -> None:
    delete(lab, _kept(lab)["old"])


def run_over_all_but_what_runs(lab: DrillLab) -> None:
    live = _kept(lab)["live"]
    delete(lab, *[digest for digest, tags in lab.images(NAME).items() if not tags and digest != live])


def run_the_script(lab: DrillLab) -> None:
    code, output = lab.sh("bash cleanup.sh")
    if code or "failures" not in output:
        raise RuntimeError(output)


def delete_by_tag(lab: DrillLab, tag: str) -> None:
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag}])


def index_first(lab: DrillLab) -> None:
    delete_by_tag(lab, "2.0")


RIGHT = {"gone": "2", "code": "0"}
DRILL = Drill(
    id="d07",
    kind="predict the deletion",
    level="S",
    lesson="08",
    situation="Storage costs rise. Dara wants to run `cleanup.sh` tonight: it deletes every image of `shop/web` that "
    "has no tag. `shop/web` holds an index for two platforms, and production runs an image by its digest.",
    question="What will be gone tomorrow, what will not, and what will the script say? Do you let it run?",
    points=(
        Point(
            "use",
            "Untagged is not unused: it can still be pulled by digest, and that is how careful people deploy.",
            FollowUp(
                "How do you find out what runs?",
                "From where it runs: the digests in the task or pod definitions and on the nodes. The registry's "
                "time of the last pull is a hint; it may lag by a day, and a node that has the image does not pull.",
            ),
        ),
        Point(
            "index",
            "The images of an index have no tags of their own; ECR does not delete them while an index names them.",
            FollowUp(
                "So the script cannot harm the index?",
                "Not in this form. If the index goes first, its images are free to be deleted: scripts that delete "
                "by age do it in that order sooner or later.",
            ),
        ),
        Point(
            "answer",
            "The call still succeeds: what stayed is listed under `failures`, and the exit code is 0.",
            FollowUp(
                "What does the script need, then?",
                "To read `failures` and to stop, or report, when it is not empty. And to delete in batches: a call "
                "takes at most 100 images.",
            ),
        ),
        Point(
            "rule",
            "Better: a lifecycle rule for untagged images, with a preview first; a deletion is final.",
            FollowUp(
                "Would that rule have spared what production runs by digest?",
                "No. A rule that deletes sees tags, age and counts (the last pull only for archiving), not who runs "
                "what. Give what is deployed a tag that no rule selects.",
            ),
        ),
    ),
    beyond=FollowUp(
        "What would you change so the question does not come up again?",
        "Whatever is deployed keeps its own tag as long as it runs, and a rule clears untagged images after some "
        "days. Its preview shows what it would take, and takes nothing: `aws ecr start-lifecycle-policy-preview`.",
    ),
    model="I would not let it run. Two of the four untagged images belong to the index 2.0, and ECR refuses to "
    "delete those; the call still ends with exit code 0, and only `failures` tells you. Of the other two, one is "
    "garbage, and one is what production runs by digest: that one would be gone for good. I tag what is deployed, "
    "and let a previewed rule do the rest.",
    weak="“Untagged means unused.” A digest needs no tag. Or: “it ended with 0, so all four are gone.”",
    task="Type how many images the script would delete, and its exit code. Then delete what is really garbage, and "
    "nothing else. The digest in `deployed.txt` is what production runs.",
    seconds=180,
    findings=(
        Finding("gone", "Images that the script would delete"),
        Finding("code", "Its exit code"),
    ),
    hints=(
        "`aws ecr describe-images --repository-name shop/web` shows six. Which untagged ones does the manifest of "
        "2.0 name, and which one does `deployed.txt` name?",
        "`aws ecr batch-get-image --repository-name shop/web --image-ids imageTag=2.0 --query "
        "'images[0].imageManifest' --output text` lists the two of the index. One image remains that nothing names.",
    ),
    misconceptions=("untagged-is-garbage", "no-exception-is-success"),
    sources=(
        "AWS: Amazon ECR API Reference, BatchDeleteImage (failures)",
        "AWS: Amazon ECR User Guide, lifecycle policies",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    accepts=(
        Attempt("the one", delete_the_old, RIGHT),
        Attempt("all untagged but what runs", run_over_all_but_what_runs, {"gone": "Two", "code": "zero"}),
    ),
    rejects=(
        Attempt("the script", run_the_script, RIGHT, misconception="untagged-is-garbage", says="it is what runs"),
        Attempt(
            "the index first", index_first, RIGHT, misconception="untagged-is-garbage", says="lose their protection"
        ),
        Attempt(
            "1.9 deleted too",
            lambda lab: delete_by_tag(lab, "1.9"),
            RIGHT,
            misconception="untagged-is-garbage",
            says="this is gone: 1.9. Nothing undoes",
        ),
        Attempt(
            "four gone",
            delete_the_old,
            {**RIGHT, "gone": "4"},
            misconception="untagged-is-garbage",
            says="an index names",
        ),
        Attempt(
            "a failing exit code",
            delete_the_old,
            {**RIGHT, "code": "1"},
            misconception="no-exception-is-success",
            says="returns 200",
        ),
        Attempt("predicted only", None, RIGHT, misconception="left-out", says="still there"),
    ),
)
