"""Drill d01: what lies in a registry. Q3, Q51, Q53."""

# C002 C003: image and container; C021: stop and rm; C028 E005: a tag is a pointer; E007: deleting the last tag.

from __future__ import annotations

import re

from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Attempt, Drill, Finding, Findings

NAME = "shop/booking"
TAGS = ("1.4", "1.4.2", "stable")
CONTENT = b"the booking page"
NUMBERS = {"one": "1", "two": "2", "three": "3", "four": "4"}


def prepare(lab: DrillLab) -> None:
    lab.repository(NAME)
    for tag in TAGS:
        lab.push(NAME, tag, CONTENT)


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    images = lab.images(NAME)
    original = next((digest for digest, tags in images.items() if set(TAGS) & set(tags)), None)
    if original is None or not set(TAGS) <= set(images[original]):
        return not_yet(
            f"The names {', '.join(TAGS)} no longer point at one image. Moving a name changes what it shows; the proof "
            "was to add one. Build the state again.",
            "tag-copies",
        )
    proof = lab.digest(NAME, "proof")
    elsewhere = [name for name in lab.repositories() if name != NAME]
    if proof is None and elsewhere:
        return not_yet(
            f"There is a repository {', '.join(elsewhere)} now; `{NAME}` has no name `proof`. A repository is a "
            f"separate shelf, not another name for an image.",
            "registry-is-repository",
        )
    if proof is None:
        return untouched(f"`{NAME}` has the names {', '.join(images[original])} so far; none is called `proof`.")
    if proof != original:
        return not_yet(
            f"`proof` stands on another image: {len(images)} digests lie in the repository now. Other bytes were "
            "pushed, so nothing is shown about the first image. Take its own manifest.",
            "tag-copies",
        )
    said = findings.get("images", "").strip()
    number = re.search(r"\d+|\b(one|two|three|four)\b", said.lower())
    if number is None or NUMBERS.get(number[0], number[0]) != str(len(images)):
        return not_yet(
            f"The fourth name points at the same digest. You counted {said or 'nothing'}; look at how many different "
            "digests the registry lists.",
            "registry-stores-containers",
        )
    some = f"{len(images)} image{'s' if len(images) > 1 else ''}"
    return passed(f"Four names, one digest: {some}, and no container anywhere in the registry.")


def name_it(lab: DrillLab) -> None:
    ecr = lab.client("ecr")
    found = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "1.4"}])["images"][0]
    ecr.put_image(repositoryName=NAME, imageManifest=found["imageManifest"], imageTag="proof")


def name_it_beside_another(lab: DrillLab) -> None:
    name_it(lab)
    lab.push(NAME, "mine", b"an image of one's own")


DRILL = Drill(
    id="d01",
    kind="explain, then show",
    level="J",
    lesson="00",
    situation="A colleague has opened the repository `shop/booking` in the console, sees `1.4`, `1.4.2` and "
    "`stable`, and says: “We have three containers in ECR.”",
    question="What do you answer, in two or three sentences?",
    points=(
        Point(
            "images",
            "A registry keeps images. A container exists only where something runs.",
            FollowUp(
                "Where would you look for the containers of this page, then?",
                "On the machines that run it: `docker ps` there, or the tasks or pods of the orchestrator. The "
                "registry does not know them.",
            ),
        ),
        Point(
            "rest",
            "An image is files in read-only layers plus settings, at rest, named by a digest.",
            FollowUp(
                "Two people push the same bytes under two names. How many images is that?",
                "One. The digest is computed from the bytes, so both names point at it.",
            ),
        ),
        Point(
            "sheet",
            "A container is a process started from an image, with a writable layer of its own: many from one image.",
            FollowUp(
                "A container is stopped. Where is the file it changed, and where after `rm`?",
                "Still in the stopped container's writable layer; `rm` removes that layer. The image never changed.",
            ),
        ),
        Point(
            "tags",
            "The three lines are tags: three names that point at one image.",
            FollowUp(
                "You delete the tag `stable`. What is gone?",
                "One name. The image stays while it has another; deleting its last tag deletes the image.",
            ),
        ),
    ),
    beyond=FollowUp(
        "Somebody pushes other bytes as `1.4` tonight. What does `1.4.2` give tomorrow?",
        "The same as today: only `1.4` moved. Whoever needs certainty deploys the digest.",
    ),
    model="ECR holds images, not containers: an image is the program and its files at rest. What you see are three "
    "names of one image, and the digest shows it. A container begins when a server starts a process from it, and ten "
    "servers can do that from the same image.",
    weak="“An image is a stopped container, so yes, three.” A stopped container still has a writable layer on some "
    "machine; the registry has none, and the three names are not even three images.",
    task="Show it in the registry's own words: give that image a fourth name, `proof`, without changing a byte. Then "
    "count the images of `shop/booking`. The `aws` command, boto3 or docker will do.",
    seconds=90,
    findings=(Finding("images", "How many images are in the repository now?"),),
    hints=(
        "A name points at a manifest. If the same manifest is put again under another name, nothing is uploaded.",
        "`aws ecr batch-get-image` gives the manifest of a tag as text; `aws ecr put-image` takes one, with "
        "`--image-tag`. In boto3 the text passes unchanged; in a shell, `--output text` adds a newline, and a "
        "variable in `$(…)` drops it.",
    ),
    misconceptions=("registry-stores-containers", "tag-copies"),
    sources=(
        "OCI image specification: manifest, config, layers",
        "AWS: Amazon ECR API Reference, BatchDeleteImage",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    accepts=(
        Attempt("the manifest put again", name_it, {"images": "1"}),
        Attempt("the same bytes pushed", lambda lab: lab.push(NAME, "proof", CONTENT), {"images": " 1 "}),
        Attempt("counted in words", name_it, {"images": "One image."}),
        Attempt("with an image of their own beside it", name_it_beside_another, {"images": "2"}),
    ),
    rejects=(
        Attempt(
            "names counted",
            name_it,
            {"images": "4"},
            misconception="registry-stores-containers",
            says="different digests",
        ),
        Attempt(
            "names counted, in words",
            name_it,
            {"images": "four"},
            misconception="registry-stores-containers",
            says="You counted four",
        ),
        Attempt(
            "other bytes",
            lambda lab: lab.push(NAME, "proof", b"other"),
            {"images": "1"},
            misconception="tag-copies",
            says="another image",
        ),
        Attempt(
            "another repository",
            lambda lab: lab.repository("shop/proof"),
            {"images": "1"},
            misconception="registry-is-repository",
            says="shelf",
        ),
        Attempt(
            "a name moved",
            lambda lab: lab.push(NAME, "stable", b"other"),
            {"images": "2"},
            misconception="tag-copies",
            says="no longer point at one image",
        ),
    ),
)
