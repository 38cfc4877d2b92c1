"""Incident 20: images that were deleted are still there. What a learner reads is in i20.md."""

from __future__ import annotations

import json
from contextlib import suppress

from ecrlab_course.authoring.staging import put_index
from ecrlab_course.desk.town import Ran, Town, run_again

JOB, LIST, ANSWER = "jobs/clean.sh", "jobs/old.json", "jobs/answer.json"
IRELAND = "eu-west-1"
OLD, LIVE = "0.9", "live"
PARTS = ("amd64", "arm64")


def repository(town: Town) -> str:
    """Return the repository that is cleaned up."""
    return town.release[0]


def before(town: Town) -> None:
    """Put the index that runs into the repository, with its two images."""
    push_index(town, LIVE)


def push_index(town: Town, tag: str) -> tuple[str, list[str]]:
    """Push an image for each architecture and an index that names them; return its digest and theirs.

    The images have tags of their own: the last tag of an image that an index names cannot be taken off.
    """
    name = repository(town)
    made = [town.push(name, f"{tag}-{part}", f"{tag} {part}".encode(), "admin") for part in PARTS]
    digest = put_index(town.lab.looking(), name, tag, *zip(PARTS, made, strict=True))
    return digest, made


def push_old(town: Town, region: str = "us-east-1") -> str:
    """Push the image that is to go; return its digest."""
    return town.push(repository(town), OLD, b"an old image", "admin", region)


def to_delete(town: Town, *digests: str) -> None:
    """Note what is to go."""
    town.notes["wanted"] = " ".join(digests)


def listed(town: Town, *digests: str) -> None:
    """Write the list with which the job deletes."""
    text = json.dumps([{"imageDigest": digest} for digest in digests], indent=2)
    town.write(LIST, text + "\n", 0o644)


def deleting_job(town: Town, more: str = "") -> None:
    """Write the job that deletes what is listed."""
    town.write(
        JOB,
        "#!/bin/bash\n# clean.sh: delete the images of old.json\n"
        f"aws ecr batch-delete-image{more} --repository-name {repository(town)} \\\n"
        f"  --image-ids file://{LIST} > {ANSWER} && echo cleaned\n",
    )


# Seeds


def named_by_index(town: Town) -> None:
    """List the two images of an index, and not the index."""
    index, parts = push_index(town, OLD)
    town.notes["index"] = index
    to_delete(town, *parts)
    listed(town, *parts)
    deleting_job(town)


def other_digest(town: Town) -> None:
    """List the digest of the image's config, or of a layer."""
    image = push_old(town)
    to_delete(town, image)
    name = repository(town)
    found = town.ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": image}])["images"][0]
    manifest = json.loads(found["imageManifest"])
    listed(town, (manifest["config"], manifest["layers"][0])[town.seed]["digest"])
    deleting_job(town)


def other_region(town: Town) -> None:
    """Let the job delete in Ireland; with seed 1 the same image was there."""
    image = push_old(town)
    to_delete(town, image)
    listed(town, image)
    town.client("ecr", region=IRELAND).create_repository(repositoryName=repository(town))
    if town.seed == 1:
        push_old(town, IRELAND)
    deleting_job(town, f" --region {IRELAND}")


def not_due(town: Town) -> None:
    """Leave it to a lifecycle rule, which has not been carried out yet."""
    to_delete(town, push_old(town))
    one = {
        "rulePriority": 1,
        "description": "old versions go",
        "selection": {
            "tagStatus": "tagged",
            "tagPrefixList": ["0."],
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 1,
        },
        "action": {"type": "expire"},
    }
    text = json.dumps({"rules": [one]}, indent=2)
    town.ecr.put_lifecycle_policy(repositoryName=repository(town), lifecyclePolicyText=text)
    town.write(JOB, '#!/bin/bash\n# clean.sh: a rule deletes the old images\necho "the rule is set; nothing to do"\n')
    town.advance(hours=(20, 23)[town.seed])


SEEDS = {"a": named_by_index, "b": other_digest, "c": other_region, "d": not_due}


def left(town: Town) -> list[str]:
    """Return what is to go and is still there."""
    there = set()
    with suppress(town.ecr.exceptions.RepositoryNotFoundException):
        for page in town.ecr.get_paginator("describe_images").paginate(repositoryName=repository(town)):
            there |= {str(image["imageDigest"]) for image in page["imageDetails"]}
    return [digest for digest in town.notes["wanted"].split() if digest in there]


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether the job says that all is well while something is still there."""
    return ran.code == 0 and bool(left(town))


def gone(town: Town) -> list[tuple[str, str | None]]:
    """Return what the ticket itself removes."""
    return [(repository(town), tag) for tag in (OLD, *(f"{OLD}-{part}" for part in PARTS))]


# Fixes


def delete(town: Town, *digests: str) -> None:
    """Delete these images in one call."""
    images = [{"imageDigest": digest} for digest in digests]
    town.ecr.batch_delete_image(repositoryName=repository(town), imageIds=images)


def index_as_well(town: Town) -> None:
    """List the index with its images, and run the job."""
    listed(town, town.notes["index"], *town.notes["wanted"].split())
    town.run()


def right_digest(town: Town) -> None:
    """List the image's own digest, and run the job."""
    listed(town, *town.notes["wanted"].split())
    town.run()


def right_region(town: Town) -> None:
    """Let the job delete where the image is, and run it."""
    town.replace(JOB, f" --region {IRELAND}", "")
    town.run()


def wait_a_day(town: Town) -> None:
    """Wait until the rule has been carried out."""
    town.advance(hours=24)


FIXES = {"a": index_as_well, "b": right_digest, "c": right_region, "d": wait_a_day}


# Wrong fixes


def delete_repository(town: Town) -> None:
    """Delete the repository with all that is in it, and make it again with the policy that it had."""
    town.ecr.delete_repository(repositoryName=repository(town), force=True)
    town.ecr.create_repository(repositoryName=repository(town))
    town.guarded(repository(town))


def delete_live_as_well(town: Town) -> None:
    """Delete what is to go, and the index that runs."""
    live = town.digest(repository(town), LIVE)
    assert live is not None
    index = [town.notes["index"]] if "index" in town.notes else []
    delete(town, live, *index, *town.notes["wanted"].split())


COMMON = {
    "once more": (run_again, "still"),
    "the repository deleted by force": (delete_repository, "things"),
    "the index that runs as well": (delete_live_as_well, "things"),
}
WRONG = {"a": COMMON, "b": COMMON, "c": COMMON, "d": COMMON}
