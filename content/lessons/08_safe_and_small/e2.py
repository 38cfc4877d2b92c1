"""08-e2: the same image under KMS. What a learner reads is in e2.md."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from ecrlab_course.authoring import Lab, Sentence, call, push, requests
from ecrlab_course.authoring.evidence import images, repositories, short, tags
from ecrlab_course.authoring.requests import Request
from ecrlab_course.authoring.staging import make_repository, put_image

from .state import APP, build, names_of, stored, under

NEW = "booking-kms"
GOALS = (call("ecr:CreateRepository"), push(NEW, "2.0"))


class Seen:
    """Which repositories hold the image of booking:2.0, and how they are encrypted."""

    def __init__(self, lab: Lab) -> None:
        self.there = APP in repositories(lab)
        found = tags(lab, APP).get("2.0", "") or known_here(lab)
        holders = under(lab, found) if found else {}
        shelves = kms(lab)
        self.right = [name for name in shelves if holders.get(name) == "KMS"]
        self.unencrypted = [name for name, kind in holders.items() if kind == "AES256" and name != APP]
        self.holders_known = bool(holders)
        self.others = [name for name in shelves if name not in self.right]
        filled = [name for name in self.others if images(lab, name)]
        chosen = [*self.right, *filled, *self.unencrypted, *self.others]
        self.place = chosen[0] if chosen else ""
        self.filled = bool(filled)
        self.held = names_of(short(one["imageDigest"]) for one in images(lab, self.place)) if self.place else ""
        self.digest = short(found) if found else "not known any more"
        self.region = "eu-west-1" if kms(lab, "eu-west-1") else ""
        self.errors = {row.operation: str(row.row["error"]) for row in since_the_push(lab) if not row.ok}
        self.in_between = deleted_first(lab)
        self.holders = names_of(f"{name} ({kind})" for name, kind in holders.items())
        self.where = Sentence("holders") if holders else Sentence("nowhere")


def since_the_push(lab: Lab) -> list[Request]:
    """Return the requests to ECR's API since the last push to `booking`: the page's cells end with it."""
    rows = requests(lab, "ecr", "registry")
    pushed = max((row.seq for row in rows if row.ok and row.puts(APP)), default=0)
    return [row for row in rows if row.seq > pushed and row.row["service"] == "ecr"]


def kms(lab: Lab, region: str = "us-east-1") -> list[str]:
    """Return the repositories of the Region that are encrypted with KMS."""
    pages = lab.client("ecr", region=region).get_paginator("describe_repositories").paginate()
    return [
        str(each["repositoryName"])
        for page in pages
        for each in page["repositories"]
        if each["encryptionConfiguration"]["encryptionType"] != "AES256"
    ]


def known_here(lab: Lab) -> str:
    """Return the digest that docker knows of `booking:2.0` from a push or a pull; "" when it knows none."""
    _, said = lab.sh(
        f"docker image inspect --format '{{{{json .RepoDigests}}}}' '{lab.registry}/{APP}:2.0' 2>&1 || true"
    )
    with suppress(ValueError):
        found: list[Any] = json.loads(said.strip().splitlines()[-1]) if said.strip() else []
        return next((str(one).partition("@")[2] for one in found or () if f"/{APP}@" in str(one)), "")
    return ""


def deleted_first(lab: Lab) -> bool:
    """Tell whether `booking` was deleted before an image had been put anywhere else."""
    for row in requests(lab, "ecr", "registry"):
        place = str(row.row["resource"]).partition("repository/")[2]
        if row.operation == "DeleteRepository" and row.ok and place == APP:
            return True
        if row.ok and place != APP and (row.puts() or row.operation == "PutImage"):
            return False
    return False


def judge(seen: Seen) -> str:
    """Return the verdict's name in e2.md."""
    if seen.right:
        if seen.in_between:
            return "in-between"
        return "passed" if seen.there else "deleted"
    if not seen.holders_known:
        return "gone"
    if seen.filled:
        return "another-image"
    if "LayersNotFoundException" in seen.errors.get("PutImage", ""):
        return "manifest-only"
    if seen.others:
        return "shelf-empty"
    if seen.unencrypted:
        return "without-option"
    return "elsewhere" if seen.region else refused(seen)


def refused(seen: Seen) -> str:
    """Return what the last refused call says, where nothing was made."""
    created = seen.errors.get("CreateRepository", "")
    if "AlreadyExists" in created:
        return "same-repository"
    if created and "AccessDenied" not in created:
        return "wrong-word"
    return "not-emptied" if "NotEmpty" in seen.errors.get("DeleteRepository", "") else "untouched"


# Tries


def shelf(lab: Lab, kind: str = "KMS", name: str = NEW, region: str = "us-east-1", **more: str) -> None:
    """Make the new repository."""
    with suppress(ClientError, ParamValidationError):
        lab.client("ecr", region=region).create_repository(
            repositoryName=name, encryptionConfiguration={"encryptionType": kind, **more}
        )


def carry(lab: Lab, name: str = NEW, tag: str = "2.0") -> None:
    """Pull, tag, push."""
    lab.sh(
        f"""docker pull -q "$REGISTRY/{APP}:2.0"
        docker tag "$REGISTRY/{APP}:2.0" "$REGISTRY/{name}:{tag}"
        docker push -q "$REGISTRY/{name}:{tag}" 2>&1"""
    )


def by_the_api(lab: Lab) -> None:
    """Fetch each layer and upload it, then put the manifest: what skopeo does."""
    import urllib.request

    ecr = lab.client("ecr")
    one = ecr.batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "2.0"}])["images"][0]
    manifest = json.loads(one["imageManifest"])
    for part in (manifest["config"], *manifest["layers"]):
        url = ecr.get_download_url_for_layer(repositoryName=APP, layerDigest=part["digest"])["downloadUrl"]
        with urllib.request.urlopen(url) as answer:
            blob = answer.read()
        upload = ecr.initiate_layer_upload(repositoryName=NEW)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=NEW, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
        )
        with suppress(ecr.exceptions.LayerAlreadyExistsException):
            ecr.complete_layer_upload(repositoryName=NEW, uploadId=upload, layerDigests=[part["digest"]])
    ecr.put_image(repositoryName=NEW, imageManifest=one["imageManifest"], imageTag="2.0")


def only_the_manifest(lab: Lab) -> None:
    """Put the manifest alone."""
    ecr = lab.client("ecr")
    one = ecr.batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "2.0"}])["images"][0]
    with suppress(ClientError):
        ecr.put_image(repositoryName=NEW, imageManifest=one["imageManifest"], imageTag="2.0")


def another(lab: Lab) -> None:
    """Put another image under the tag."""
    put_image(lab, NEW, "2.0", {"www/index.html": b"built again"})


def delete(lab: Lab, force: bool = True) -> None:
    """Delete `booking`."""
    with suppress(ClientError):
        lab.client("ecr").delete_repository(repositoryName=APP, force=force)


def again(lab: Lab) -> None:
    """Push to `booking` what this computer still has."""
    lab.sh(f'docker push -q "$REGISTRY/{APP}:2.0" 2>&1')


def forget(lab: Lab) -> None:
    """Remove the image from this computer too."""
    lab.sh(f'docker rmi -f "$REGISTRY/{APP}:2.0" booking:2.0 >/dev/null 2>&1 || true')


TRIES = {
    "passed": {
        "pull, tag, push": (shelf, carry),
        "layers and manifest by the API": (shelf, by_the_api),
        "under another tag, in another name": (
            lambda lab: shelf(lab, name="maps/booking"),
            lambda lab: carry(lab, "maps/booking", "thursday"),
        ),
    },
    "deleted": {"the old one deleted afterwards": (shelf, carry, delete)},
    "in-between": [(delete, lambda lab: shelf(lab, name=APP), again)],
    "another-image": [(shelf, another)],
    "same-repository": [lambda lab: shelf(lab, name=APP)],
    "without-option": [(lambda lab: make_repository(lab, NEW), carry)],
    "gone": [(delete, forget)],
    "manifest-only": [(shelf, only_the_manifest)],
    "wrong-word": [lambda lab: shelf(lab, kmsKey="alias/nope")],
    "shelf-empty": [shelf],
    "not-emptied": [lambda lab: delete(lab, force=False)],
    "elsewhere": [lambda lab: shelf(lab, region="eu-west-1")],
}


def reset(lab: Lab) -> None:
    """Remove what was made for it, and put `booking:2.0` back where it is gone or under KMS."""
    digest = "" if APP in kms(lab) else tags(lab, APP).get("2.0", "")
    lab.clear(*(name for name in {*kms(lab), *(under(lab, digest) if digest else ()), NEW} if name != APP))
    lab.clear(*kms(lab, "eu-west-1"), region="eu-west-1")
    if not digest:
        stored(lab)
    elif lab.sh("docker image inspect booking:2.0 >/dev/null 2>&1")[0]:
        build(lab, "2.0")
