"""Drill d01: what lies in a registry. What a learner reads is in d01.md."""

from __future__ import annotations

from ecrlab_course.authoring import as_words
from ecrlab_course.authoring.evidence import resource_tag_like
from ecrlab_course.authoring.typed import number
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME = "shop/booking"
TAGS = ("1.4", "1.4.2", "stable")
CONTENT = b"the booking page"


def prepare(lab: DrillLab) -> None:
    """Build one image with three names; in the state `again` an earlier one is there too, which has lost its name."""
    lab.repository(NAME)
    if lab.seed == "again":
        lab.push(NAME, TAGS[0], b"the booking page, a first try")
    for tag in TAGS:
        lab.push(NAME, tag, CONTENT)


class Seen:
    """The images with their names, and the number that was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.images = lab.images(NAME)
        self.tags = {tag: digest for digest, tags in self.images.items() for tag in tags}
        self.tags_seen = as_words(sorted(self.tags)) or "no name"
        self.image_count = f"{len(self.images)} image{'' if len(self.images) == 1 else 's'}"
        self.lost = as_words([tag for tag in TAGS if tag not in self.tags])
        self.elsewhere = as_words([name for name in lab.repositories() if name != NAME])
        self.resource_tag = "" if "proof" in self.tags else resource_tag_like(lab, NAME, ["proof"])
        self.said = findings.get("images", "").strip()
        self.counted = number(self.said, of="image")
        original = self.tags.get(TAGS[0])
        self.new_names = as_words([tag for tag, digest in self.tags.items() if digest == original and tag not in TAGS])


def judge(seen: Seen) -> str:
    """Return the verdict's name in d01.md: a fourth name for the same bytes, and the images counted."""
    if seen.lost:
        return "gone"
    if len({seen.tags[tag] for tag in TAGS}) > 1:
        return "moved"
    if "proof" not in seen.tags:
        if seen.resource_tag:
            return "resource-tag"
        return "other-name" if seen.new_names else "other-repository" if seen.elsewhere else "untouched"
    if seen.tags["proof"] != seen.tags[TAGS[0]]:
        return "other-image"
    if not seen.said:
        return "not-counted"
    return "passed" if seen.counted == len(seen.images) else "miscounted"


def name_it(lab: DrillLab, tag: str = "proof") -> None:
    """Put the image's own manifest again under a fourth name."""
    ecr = lab.client("ecr")
    found = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "1.4"}])["images"][0]
    ecr.put_image(repositoryName=NAME, imageManifest=found["imageManifest"], imageTag=tag)


def tag_the_repository(lab: DrillLab) -> None:
    """Give the repository a resource tag that is called so."""
    ecr = lab.client("ecr")
    arn = ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "proof", "Value": "1.4"}])


def push_mine(lab: DrillLab) -> None:
    """Push an image that has nothing to do with it."""
    lab.push(NAME, "mine", b"an image of one's own")


def push_other(lab: DrillLab) -> None:
    """Push other bytes as `proof`."""
    lab.push(NAME, "proof", b"other")


def delete(lab: DrillLab, tag: str) -> None:
    """Delete a name."""
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag}])


TRIES = {
    "passed": {
        "the manifest put again": attempt({"images": "1"}, name_it),
        "the same bytes pushed": attempt({"images": " 1 "}, lambda lab: lab.push(NAME, "proof", CONTENT)),
        "counted in words": attempt({"images": "One image."}, name_it),
        "both counts, each by its name": attempt({"images": "four names, but only one image"}, name_it),
        "one that has lost its name is counted": attempt({"images": "2"}, name_it, seed="again"),
        "with an image of their own beside it": attempt({"images": "2"}, (name_it, push_mine)),
    },
    "untouched": {"only the number": attempt({"images": "1"})},
    "gone": {"a name given up for another": attempt({"images": "1"}, (name_it, lambda lab: delete(lab, "stable")))},
    "moved": {"a name moved": attempt({"images": "2"}, lambda lab: lab.push(NAME, "stable", b"other"))},
    "resource-tag": {"on the repository": attempt({"images": "1"}, tag_the_repository)},
    "other-repository": {"another repository": attempt({"images": "1"}, lambda lab: lab.repository("shop/proof"))},
    "other-name": {"in other letters": attempt({"images": "1"}, lambda lab: name_it(lab, "Proof"))},
    "other-image": {"other bytes": attempt({"images": "1"}, push_other)},
    "not-counted": {"shown, not counted": attempt({}, name_it)},
    "miscounted": {
        "names counted": attempt({"images": "4"}, name_it),
        "the other state's": attempt({"images": "1"}, name_it, seed="again"),
        "names counted, in words": attempt({"images": "four"}, name_it),
        "a right number for the wrong thing": attempt({"images": "1 container, 4 images"}, name_it),
    },
}
