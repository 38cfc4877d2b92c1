"""Drill d26: a slide about KMS. What a learner reads is in d26.md."""

from __future__ import annotations

from ecrlab_course.authoring.evidence import short
from ecrlab_course.authoring.staging import put_image
from ecrlab_course.drills.account import ACCOUNT, DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, NEW = "shop/orders", "shop/orders-kms"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef"
CONTENT = {"www/index.html": b"<h1>Orders 1.0</h1>"}
WANTED = {
    "plain": "shop/orders:1.0 under KMS, with AWS's own key (aws/ecr). The same digest.\n",
    "managed": f"shop/orders:1.0 under KMS, with our key\n{KEY}\nThe same digest.\n",
}


def prepare(lab: DrillLab) -> None:
    """Make the repository as it should not be, with the image, and say what is wanted."""
    kind = {"plain": "AES256", "managed": "KMS"}[lab.seed]
    lab.repository(NAME, encryptionConfiguration={"encryptionType": kind})
    release = put_image(lab, NAME, "1.0", CONTENT)
    lab.client("iam").tag_user(UserName="admin", Tags=[{"Key": "live", "Value": release}])
    lab.write("wanted.txt", WANTED[lab.seed])


class Seen:
    """Where the image of 1.0 is, and how each repository is encrypted."""

    def __init__(self, lab: DrillLab, _findings: Findings) -> None:
        self.seed = lab.seed
        found = lab.repositories()
        images = {name: lab.images(name) for name in found}
        keys = {name: each["encryptionConfiguration"].get("kmsKey", "") for name, each in found.items()}
        kinds = {name: each["encryptionConfiguration"]["encryptionType"] for name, each in found.items()}
        release = release_of(lab)
        holders = [name for name, held in images.items() if release in held]
        wanted = [name for name in found if kinds[name] == "KMS" and (keys[name] == KEY) is (lab.seed == "managed")]
        self.right = [name for name in wanted if name in holders]
        self.filled = [name for name in wanted if images[name] and name not in holders]
        self.empty = [name for name in wanted if not images[name]]
        self.moved = [name for name in holders if name != NAME and name not in wanted]
        self.gone = not holders
        self.there = [name for name, each in lab.repositories("eu-west-1").items() if each]
        places = [*self.right, *self.filled, *self.moved, *self.empty, *self.there]
        self.place = places[0] if places else ""
        self.kind = kinds.get(self.place, "")
        self.key = f"`{keys.get(self.place) or 'AES256'}`"
        self.kind_now = ", ".join(f"`{name}`: {kinds[name]} {keys[name]}".strip() for name in found) or "there is none"
        self.seen = f"{self.kind_now}; 1.0 is {short(release)}"


def release_of(lab: DrillLab) -> str:
    """Return the digest that 1.0 had when the state was built."""
    tags = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
    return str(tags["live"])


def judge(seen: Seen) -> str:
    """Return the verdict's name in d26.md."""
    if seen.right:
        return "passed"
    if seen.gone:
        return "gone"
    if seen.filled:
        return "another-image"
    if seen.moved:
        return "plain" if seen.kind == "AES256" else "other-key"
    if seen.empty:
        return "empty"
    return "elsewhere" if seen.there else "untouched"


def shelf(lab: DrillLab, key: str = "", kind: str = "KMS", region: str = "us-east-1") -> None:
    """Make the new repository."""
    more = {"kmsKey": key} if key else {}
    lab.repository(NEW, region, encryptionConfiguration={"encryptionType": kind, **more})


def own_key(lab: DrillLab) -> None:
    """Make it with our key."""
    shelf(lab, KEY)


def carry(lab: DrillLab) -> None:
    """Put the same layers and manifest there."""
    put_image(lab, NEW, "1.0", CONTENT)


def again(lab: DrillLab) -> None:
    """Put another image there."""
    put_image(lab, NEW, "1.0", {"www/index.html": b"<h1>Orders 1.0, built again</h1>"})


def delete(lab: DrillLab) -> None:
    """Delete the old repository."""
    lab.client("ecr").delete_repository(repositoryName=NAME, force=True)


TRIES = {
    "passed": {
        "AWS's own key": attempt(do=(shelf, carry), seed="plain"),
        "our key, the old one deleted": attempt(do=(own_key, carry, delete), seed="managed"),
    },
    "gone": {"deleted first": attempt(do=delete, seed="managed")},
    "another-image": {"built again": attempt(do=(own_key, again), seed="managed")},
    "empty": {"a shelf": attempt(do=shelf, seed="plain")},
    "plain": {"without the option": attempt(do=(lambda lab: shelf(lab, kind="AES256"), carry), seed="plain")},
    "other-key": {
        "KMS, but whose": attempt(do=(shelf, carry), seed="managed"),
        "our key where AWS's was wanted": attempt(do=(own_key, carry), seed="plain"),
    },
    "elsewhere": {"in Ireland": attempt(do=lambda lab: shelf(lab, region="eu-west-1"), seed="plain")},
}
