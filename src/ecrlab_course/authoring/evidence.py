"""What probes and judges of several lessons look at: repositories, tags, digests, manifests, rows of the X-ray.

These functions only look: give them the lab that a probe got, so that they leave no trace in the X-ray. What builds a
state is in staging.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ecrlab.home import REGION
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.meter import Meter, read
from ecrlab_course.documents.xray_row import Row


def repositories(lab: LabView, region: str = REGION) -> list[str]:
    """Return the names of the account's repositories in the Region, sorted."""
    pages = lab.client("ecr", region=region).get_paginator("describe_repositories").paginate()
    return sorted(str(item["repositoryName"]) for page in pages for item in page["repositories"])


def images(lab: LabView, repository: str, region: str = REGION) -> list[dict[str, Any]]:
    """Return the image details of a repository, oldest push first; nothing when there is no such repository."""
    ecr = lab.client("ecr", region=region)
    try:
        pages = list(ecr.get_paginator("describe_images").paginate(repositoryName=repository))
    except ecr.exceptions.RepositoryNotFoundException:
        return []
    details: list[dict[str, Any]] = [detail for page in pages for detail in page["imageDetails"]]
    return sorted(details, key=lambda detail: detail["imagePushedAt"])


def tags(lab: LabView, repository: str, region: str = REGION) -> dict[str, str]:
    """Return the repository's tags, each with the digest that it names now; {} without repository or tags."""
    found = images(lab, repository, region)
    return {tag: detail["imageDigest"] for detail in found for tag in detail.get("imageTags", [])}


def resource_tag_like(lab: LabView, repository: str, names: Iterable[str], region: str = REGION) -> str:
    """Return the resource tag of the repository, as key=value, that has one of these names as its key or value.

    "" when it has none, or is not there; a resource tag on a repository is taken for an image tag now and then.
    """
    ecr = lab.client("ecr", region=region)
    try:
        arn = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryArn"]
    except ecr.exceptions.RepositoryNotFoundException:
        return ""
    found = [(each["Key"], each.get("Value", "")) for each in ecr.list_tags_for_resource(resourceArn=arn)["tags"]]
    wanted = set(names)
    return next((f"{key}={value}" for key, value in sorted(found) if wanted & {key, value}), "")


def manifest(lab: LabView, repository: str, digest: str, region: str = REGION) -> dict[str, Any]:
    """Return an image's manifest or index as ECR hands it out; {} when it does not, or has no such repository."""
    ecr = lab.client("ecr", region=region)
    try:
        answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    except ecr.exceptions.RepositoryNotFoundException:
        return {}
    found: dict[str, Any] = json.loads(answer["images"][0]["imageManifest"]) if answer["images"] else {}
    return found


def children(lab: LabView, repository: str, region: str = REGION) -> set[str]:
    """Return the digests that the repository's indexes list: images of one platform, and attestations.

    They never had a tag of their own. Where a learner's build adds an attestation, one push leaves an index with a tag
    and two of these (fact A070).
    """
    indexes = [one["imageDigest"] for one in images(lab, repository, region) if "index" in _media_type(one)]
    listed = [manifest(lab, repository, digest, region).get("manifests", []) for digest in indexes]
    return {str(entry["digest"]) for entries in listed for entry in entries}


def own_images(lab: LabView, repository: str, region: str = REGION) -> list[dict[str, Any]]:
    """Return `images` without `children`: one for each push, whether or not it has a tag now."""
    below = children(lab, repository, region)
    return [one for one in images(lab, repository, region) if one["imageDigest"] not in below]


def _media_type(detail: Mapping[str, Any]) -> str:
    return str(detail.get("imageManifestMediaType", "")).replace("manifest.list", "index")


def short(digest: str) -> str:
    """Return a digest as a message names it: sha256:0123456789… gives 01234567…"""
    return f"{digest.removeprefix('sha256:')[:8]}…"


# Rows of the X-ray


def ok(row: Row) -> bool:
    """Tell whether the request was carried out."""
    return 200 <= int(row["status"]) < 400


def moved(lab: LabView, after: int | None = None) -> Meter:
    """Return how many bytes of images moved, by Region and purpose, with the rows that `lab.rows(after)` gives."""
    return read(lab.rows(after))


def user_of(row: Row) -> str:
    """Return the name at the end of the row's principal; "" when nobody was known."""
    return str(row.get("principal") or "").rpartition("/")[2]


def at_registry(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that went to a registry, not to an AWS API."""
    return [row for row in rows if row["service"] == "registry"]


def puts_manifest(row: Row, repository: str = "") -> bool:
    """Tell whether the request stores a manifest (in that repository): the moment at which an image gets its name."""
    return row["method"] == "PUT" and f"{repository and '/' + repository}/manifests/" in str(row["path"])
