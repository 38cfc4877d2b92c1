"""Drill d10: a design for two more Regions. What a learner reads is in d10.md."""

from __future__ import annotations

import gzip
import json
import time
from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Sentence, as_words
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.authoring.requests import requests
from ecrlab_course.authoring.staging import digest_of, pack_layer, put_image
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, TAG, HERE, THERE = "my-web-app", "2.0", "us-east-1", "eu-west-1"
LOCKED = "IMMUTABLE"
UNDER_WAY = ("PREPARING", "IN_PROGRESS")
LAYERS = ({"www/index.html": b"<h1>Harbour Bikes 2.0</h1>"}, {"app/start": b"start"})
REBUILT = (LAYERS[0], {"app/start": b"start, built again"})
WRITES = ("ecr:CreateRepository", "ecr:InitiateLayerUpload", "ecr:PutImage")


def prepare(lab: DrillLab) -> None:
    """Make the release in us-east-1, its tags locked; in one seed eu-west-1 has another image of its name, locked."""
    lab.repository(NAME, imageTagMutability=LOCKED)
    release = put_image(lab, NAME, TAG, *LAYERS)
    marks = [{"Key": "live", "Value": release}]
    if lab.seed == "taken":
        lab.repository(NAME, THERE, imageTagMutability=LOCKED)
        marks.append({"Key": "old", "Value": put_image(lab, NAME, TAG, *REBUILT, region=THERE)})
    lab.client("iam").tag_user(UserName="admin", Tags=marks)


class Seen:
    """The release in both Regions, its repositories' settings, and the rules of the registry."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        here, there = lab.repositories(), lab.repositories(THERE)
        marked = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
        self.release, self.found = marked["live"], lab.digest(NAME, TAG)
        self.old = marked.get("old", "")
        self.locked_here = NAME in here and here[NAME]["imageTagMutability"] == LOCKED
        self.made, self.locked = NAME in there, NAME in there and there[NAME]["imageTagMutability"] == LOCKED
        images = lab.images(NAME, THERE)
        self.images, self.copied = len(images), lab.digest(NAME, TAG, THERE)
        self.in_the_way = bool(self.old) and self.copied == self.old
        self.now_there = Sentence("another") if self.in_the_way else Sentence("absent")
        self.tried = any(row.action in WRITES for row in requests(lab))
        self.copy, self.original = f"{str(self.copied)[:19]}…", f"{str(self.found)[:19]}…"
        parts_there, parts_here = parts_of(lab, self.copied, THERE), parts_of(lab, self.found, HERE)
        self.same_config = parts_there[:1] == parts_here[:1] != []
        self.same_parts = parts_there == parts_here != []
        self.tags_there = as_words(sorted(tag for tags in images.values() for tag in tags)) or "none"
        self.there_seen = as_words([*there]) or "no repository"
        self.others = ", ".join(
            [f"`{name}` in {HERE}" for name in here if name != NAME] + [f"`{name}` in {THERE}" for name in there]
        )
        rules = lab.client("ecr").describe_registry()["replicationConfiguration"]["rules"]
        self.rule_count = sum(1 for rule in rules if any(each["region"] == THERE for each in rule["destinations"]))
        self.why_not = Sentence("running") if running(lab) else Sentence("before")


def parts_of(lab: DrillLab, digest: str | None, region: str) -> list[str]:
    """Return the digests of the image's config and of its layers, in order; [] when it has none.

    The config names the layers unpacked, so packing them again leaves it alone.
    """
    held = manifest(lab, NAME, digest, region) if digest else {}
    parts = [held["config"], *held.get("layers", [])] if "config" in held else []
    return [str(each.get("digest", "")) for each in parts]


def running(lab: DrillLab) -> bool:
    """Tell whether a backfill is under way."""
    return any(each["status"] in UNDER_WAY for each in lab.client("ecr").list_replication_backfills()["backfills"])


def judge(seen: Seen) -> str:
    """Return the verdict's name in d10.md: the same digest under the same name, the tags locked in both Regions."""
    if seen.found is None:
        return "gone"
    if seen.found != seen.release:
        return "changed-here"
    if not seen.locked_here:
        return "unlocked-here"
    if not seen.made:
        return "rule-alone" if seen.rule_count else "elsewhere" if seen.others else "untouched"
    if not seen.images:
        return "empty"
    if seen.in_the_way:
        return "in-the-way" if seen.rule_count or seen.tried else "untouched"
    if seen.copied is None:
        return "no-tag"
    if seen.copied != seen.found:
        return copied_otherwise(seen)
    return "passed" if seen.locked else "no-lock"


def copied_otherwise(seen: Seen) -> str:
    """Return how far an image of another digest is the same."""
    if seen.same_parts:
        return "written-again"
    return "packed-again" if seen.same_config else "other-digest"


def copy_by_api(lab: DrillLab) -> None:
    """Put the same layers and manifest there."""
    lab.repository(NAME, THERE, imageTagMutability=LOCKED)
    put_image(lab, NAME, TAG, *LAYERS, region=THERE)


def lock_later(lab: DrillLab) -> None:
    """Copy first, and lock the tags afterwards."""
    forget_the_lock(lab)
    lab.client("ecr", region=THERE).put_image_tag_mutability(repositoryName=NAME, imageTagMutability=LOCKED)


def write_again(lab: DrillLab) -> None:
    """Copy, and write the manifest in other bytes."""
    lab.repository(NAME, THERE)
    release = put_image(lab, NAME, "tmp", *LAYERS, region=THERE)
    there = lab.client("ecr", region=THERE)
    there.put_image(repositoryName=NAME, imageManifest=json.dumps(manifest(lab, NAME, release, THERE)), imageTag=TAG)
    there.put_image_tag_mutability(repositoryName=NAME, imageTagMutability=LOCKED)


def pack_again(lab: DrillLab) -> None:
    """Copy, and let the second layer be packed in other bytes, as docker does between registries."""
    lab.repository(NAME, THERE, imageTagMutability=LOCKED)
    held = manifest(lab, NAME, put_image(lab, NAME, "tmp", *LAYERS, region=THERE), THERE)
    packed = gzip.compress(gzip.decompress(pack_layer(LAYERS[1])), compresslevel=0, mtime=0)
    there = lab.client("ecr", region=THERE)
    upload = there.initiate_layer_upload(repositoryName=NAME)["uploadId"]
    there.upload_layer_part(
        repositoryName=NAME, uploadId=upload, partFirstByte=0, partLastByte=len(packed) - 1, layerPartBlob=packed
    )
    there.complete_layer_upload(repositoryName=NAME, uploadId=upload, layerDigests=[digest_of(packed)])
    held["layers"][1].update(digest=digest_of(packed), size=len(packed))
    there.put_image(repositoryName=NAME, imageManifest=json.dumps(held, indent=3), imageTag=TAG)


def rule(lab: DrillLab) -> None:
    """Write a rule that copies to eu-west-1."""
    destination = {"region": THERE, "registryId": lab.account}
    rules = {"rules": [{"destinations": [destination]}]}
    lab.client("ecr").put_replication_configuration(replicationConfiguration=rules)


def backfill(lab: DrillLab) -> None:
    """Have what was there before the rule copied, and wait for the end, ten seconds at most."""
    lab.client("ecr").start_replication_backfill(destination={"region": THERE, "registryId": lab.account})
    until = time.monotonic() + 10
    while running(lab):
        if time.monotonic() > until:
            raise RuntimeError("the backfill does not end")
        time.sleep(0.05)


def template(lab: DrillLab) -> None:
    """Write a template that locks what replication creates."""
    lab.client("ecr", region=THERE).create_repository_creation_template(
        prefix="ROOT", appliedFor=["REPLICATION"], imageTagMutability=LOCKED
    )


def rebuild(lab: DrillLab) -> None:
    """Put another image of the same name there."""
    lab.repository(NAME, THERE, imageTagMutability=LOCKED)
    put_image(lab, NAME, TAG, *REBUILT, region=THERE)


def forget_the_lock(lab: DrillLab) -> None:
    """Copy into a repository with the default settings."""
    lab.repository(NAME, THERE)
    put_image(lab, NAME, TAG, *LAYERS, region=THERE)


def unlock_here(lab: DrillLab) -> None:
    """Make the original's tags mutable."""
    lab.client("ecr").put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")


def rebuild_both(lab: DrillLab) -> None:
    """Put another image under the name in both Regions."""
    rebuild(lab)
    unlock_here(lab)
    put_image(lab, NAME, TAG, *REBUILT)


def delete_here(lab: DrillLab) -> None:
    """Delete the original."""
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": TAG}])


def copy_without_name(lab: DrillLab) -> None:
    """Copy under another tag."""
    lab.repository(NAME, THERE, imageTagMutability=LOCKED)
    put_image(lab, NAME, "latest", *LAYERS, region=THERE)


def make_room(lab: DrillLab) -> None:
    """Delete the image that somebody built there."""
    lab.client("ecr", region=THERE).batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": TAG}])


def drop_there(lab: DrillLab) -> None:
    """Delete the whole repository there."""
    lab.client("ecr", region=THERE).delete_repository(repositoryName=NAME, force=True)


def put_there(lab: DrillLab) -> None:
    """Put the release into the repository that is there."""
    put_image(lab, NAME, TAG, *LAYERS, region=THERE)


def move_there(lab: DrillLab) -> None:
    """Unlock the tags there, put the release over the other image, and lock them again."""
    there = lab.client("ecr", region=THERE)
    there.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")
    put_there(lab)
    there.put_image_tag_mutability(repositoryName=NAME, imageTagMutability=LOCKED)


def as_if_empty(lab: DrillLab) -> None:
    """Create the repository and put the release, as an empty Region needs it, and be refused twice."""
    for act in (copy_by_api, put_there):
        with suppress(ClientError):
            act(lab)


TRIES = {
    "passed": {
        "by the API": copy_by_api,
        "a template, a rule and a backfill": [template, rule, backfill],
        "locked afterwards": lock_later,
        "the other image deleted": attempt(None, (make_room, put_there), seed="taken"),
        "the other image overwritten": attempt(None, move_there, seed="taken"),
        "the repository deleted, then by a rule": attempt(None, (drop_there, template, rule, backfill), seed="taken"),
    },
    "in-the-way": {
        "as if it were empty": attempt(None, as_if_empty, seed="taken"),
        "a template, a rule and a backfill": attempt(None, (template, rule, backfill), seed="taken"),
    },
    "gone": {"moved instead of copied": [copy_by_api, delete_here]},
    "changed-here": {"another image in both": rebuild_both},
    "unlocked-here": {"both as they come": [forget_the_lock, unlock_here]},
    "elsewhere": {
        "a Region in the name": lambda lab: lab.repository("eu-west-1/my-web-app"),
        "another name there": lambda lab: lab.repository("my-web-app-eu", THERE),
    },
    "rule-alone": {"a rule alone": rule},
    "empty": {
        "an empty shelf": lambda lab: lab.repository(NAME, THERE),
        "only the other image deleted": attempt(None, make_room, seed="taken"),
    },
    "no-tag": {"under another tag": copy_without_name},
    "other-digest": {"built again": rebuild},
    "written-again": {"the manifest written again": write_again},
    "packed-again": {"a layer packed again": pack_again},
    "no-lock": {
        "a rule and a backfill, no template": [rule, backfill],
        "without the lock": forget_the_lock,
        "made again without the lock": attempt(None, (drop_there, forget_the_lock), seed="taken"),
    },
}
