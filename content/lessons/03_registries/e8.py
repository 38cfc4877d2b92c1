"""03-e8: a parts list, attached on another shelf. What a learner reads is in e8.md."""

from __future__ import annotations

import json
from typing import Any

from ecrlab_course.authoring import Lab, Sentence
from ecrlab_course.authoring.evidence import ok, puts_manifest, short
from ecrlab_course.authoring.staging import digest_of, make_repository
from ecrlab_course.authoring.wire import EMPTY, MANIFEST, Wire, at_ecr, described, manifest_of
from ecrlab_course.documents.xray_row import Row

from .state import BOOKING, OFF, ON, SBOM, asked_for, attach, copy, packed, parts_list, path_of

LISTS = ("cyclonedx", "spdx")


class Seen:
    """What points at web/on:1, what else lies there, and what was refused."""

    def __init__(self, lab: Lab) -> None:
        ecr = lab.client("ecr")
        self.image_digest, other = (digest_named(ecr, name) for name in (ON, BOOKING))
        tested = {other, digest_named(ecr, OFF)} - {""}
        self.there, self.rebuilt = bool(self.image_digest), bool(tested) and self.image_digest not in tested
        shelf = at_ecr(lab, ON, looking=True)
        self.found = pointing_at(shelf, self.image_digest) if self.there else []
        lists = [each for each in self.found if any(word in each["kind"].lower() for word in LISTS)]
        # What ECR's own list has, and nobody pushed as a referrer: tags, and manifests that point elsewhere.
        self.tags = [tag for tag in tag_names(ecr, ON) if tag != "1"]
        self.stray = [each for each in manifests(ecr, ON) if each["digest"] != self.image_digest]
        self.elsewhere = [each for each in self.stray if each["subject"] not in ("", self.image_digest)]
        right = [each for each in self.found if parts_list(lab) in each["content"]]
        self.right, self.named = bool(right), any(each in lists for each in right)
        self.lists = lists
        self.holds = [each for each in lists if any(content.strip() not in (b"", b"{}") for content in each["content"])]
        put = [row for row in lab.rows() if puts_here(row)]
        refused = [row for row in put if row["status"] >= 400]
        self.refused = bool(refused) and refused[-1] is put[-1]
        self.where = last_elsewhere(lab)
        # What e8.md may name:
        self.said = str(refused[-1]["said"] or refused[-1]["error"] or refused[-1]["status"]) if refused else ""
        self.pieces = "BLOB_UNKNOWN" in self.said.upper().replace(" ", "_")
        self.image = short(self.image_digest)
        self.subject = short(self.elsewhere[0]["subject"]) if self.elsewhere else ""
        self.kind = next((each["kind"] for each in (right or self.found)), "")
        self.tag = self.tags[0] if self.tags else ""
        self.count = len(self.found)
        self.now = Sentence("some") if self.found else Sentence("none")


def digest_named(ecr: Any, repository: str) -> str:
    """Return the digest that the tag 1 names; "" when there is none."""
    try:
        answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "1"}])
    except ecr.exceptions.RepositoryNotFoundException:
        return ""
    return str(answer["images"][0]["imageId"]["imageDigest"]) if answer["images"] else ""


def tag_names(ecr: Any, repository: str) -> list[str]:
    """Return the repository's tags."""
    return sorted(str(each["imageTag"]) for each in image_ids(ecr, repository) if "imageTag" in each)


def image_ids(ecr: Any, repository: str) -> list[dict[str, str]]:
    """Return what the repository lists; nothing when it is not there."""
    try:
        return list(ecr.list_images(repositoryName=repository)["imageIds"])
    except ecr.exceptions.RepositoryNotFoundException:
        return []


def manifests(ecr: Any, repository: str) -> list[dict[str, Any]]:
    """Return every manifest of the repository: its digest, its subject ("": none), and whether it holds a list."""
    ids = [{"imageDigest": each["imageDigest"]} for each in image_ids(ecr, repository)]
    unique = [json.loads(text) for text in sorted({json.dumps(each) for each in ids})]
    found = ecr.batch_get_image(repositoryName=repository, imageIds=unique)["images"] if unique else []
    documents = [(each["imageId"]["imageDigest"], json.loads(each["imageManifest"])) for each in found]
    return [
        {"digest": digest, "subject": str((document.get("subject") or {}).get("digest", "")), "document": document}
        for digest, document in documents
    ]


def pointing_at(shelf: Wire, digest: str) -> list[dict[str, Any]]:
    """Return what the repository says points at a digest: the kind, and the content of its layers and its config."""
    found = []
    for entry in shelf.get(f"referrers/{digest}").json().get("manifests", []):
        document = shelf.get(f"manifests/{entry['digest']}").json()
        content = [shelf.get(f"blobs/{each['digest']}").content for each in pieces_of(document)]
        found.append({"kind": str(entry.get("artifactType", "")), "content": content})
    return found


def pieces_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a manifest's descriptors: layers and config. A list of parts may be either."""
    return [*document.get("layers", []), *([document["config"]] if document.get("config") else [])]


def puts_here(row: Row) -> bool:
    """Tell whether a request puts a manifest into web/on: at the registry, or with PutImage."""
    if row["operation"] == "PutImage":
        return str(row["resource"]).endswith(f"/{ON}")
    return row["method"] == "PUT" and bool(asked_for([row], "registry", f"{ON}/manifests/"))


def last_elsewhere(lab: Lab) -> str:
    """Return the service's other repository that took the last manifest; "" when none did."""
    names = [path_of(row).partition("/manifests/")[0] for row in lab.rows() if puts_manifest(row) and ok(row)]
    return next((name for name in reversed(names) if name in (BOOKING, OFF)), "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e8.md."""
    if not seen.there:
        return "gone"
    if seen.rebuilt:
        return "rebuilt"
    if seen.right:
        if not seen.named:
            return "untold"
        return "tagged" if seen.tags else "passed"
    if seen.refused:
        return "pieces-missing" if seen.pieces else "kind-refused"
    if seen.found:
        return of_another_kind(seen)
    return not_pointing(seen)


def of_another_kind(seen: Seen) -> str:
    """Return what is wrong with what points at the image."""
    if not seen.lists:
        return "no-kind"
    return "other-list" if seen.holds else "empty"


def not_pointing(seen: Seen) -> str:
    """Return why nothing points at the image."""
    if seen.elsewhere:
        return "other-subject"
    if seen.tags:
        return "a-tag"
    if seen.stray:
        return "no-subject"
    return "elsewhere" if seen.where else "untouched"


# Tries


def only_the_manifest(lab: Lab) -> None:
    """Send the manifest to a shelf that does not hold its pieces."""
    image = at_ecr(lab, ON).get("manifests/1")
    about = described(image.content, image.headers["Content-Type"])
    parts = described(parts_list(lab), SBOM)
    manifest = manifest_of(described(b"{}", EMPTY), parts, artifactType=SBOM, subject=about)
    at_ecr(lab, ON).put_manifest(manifest, digest_of(manifest))


def from_booking(lab: Lab) -> None:
    """Attach it to web/booking, and copy manifest and pieces from there."""
    attach(lab, BOOKING)
    source, target = at_ecr(lab, BOOKING), at_ecr(lab, ON)
    listed = source.get(f"referrers/{digest_named(lab.client('ecr'), BOOKING)}").json()["manifests"]
    copy(source, target, listed[0]["digest"], listed[0]["digest"])


def at_config(lab: Lab) -> None:
    """Point at the image's config."""
    config = at_ecr(lab, ON).get("manifests/1").json()["config"]
    attach(lab, ON, subject=config)


def at_other_image(lab: Lab) -> None:
    """Point at an image of this shelf that is another one."""
    digest = at_ecr(lab, ON).put_image("other", *packed("other\n", "other.txt"))
    attach(lab, ON, subject={"mediaType": MANIFEST, "digest": digest, "size": 1})


def bad_subject(lab: Lab) -> None:
    """Point at a tag."""
    attach(lab, ON, subject={"mediaType": MANIFEST, "digest": "1", "size": 1})


def rebuilt(lab: Lab) -> None:
    """Put the list into an image of its own, as web/on:1."""
    at_ecr(lab, ON).put_image("1", *packed("list\n", "sbom.json"))


def as_artifact(lab: Lab) -> None:
    """Push the list under a tag that looks related, pointing at nothing."""
    attach(lab, ON, subject={}, tag="1-sbom")


def signature(lab: Lab) -> None:
    """Attach something that is not a parts list."""
    attach(lab, ON, kind="application/vnd.example.signature", content=b"signed")


TRIES = {
    "passed": {
        "the same as above": lambda lab: attach(lab, ON),
        "manifest and pieces from web/booking": from_booking,
        "no artifactType, a config of that kind": lambda lab: attach(lab, ON, kind=None),
        "as SPDX": lambda lab: attach(lab, ON, kind="application/spdx+json"),
    },
    "tagged": [lambda lab: attach(lab, ON, tag="1.sbom")],
    "untold": {
        "a kind of the harbour's own": lambda lab: attach(lab, ON, kind="application/vnd.harbour.parts"),
        "web/booking is gone": (lambda lab: attach(lab, ON, kind="text/plain"), lambda lab: lab.clear(BOOKING)),
    },
    "gone": {
        "the tag": lambda lab: lab.client("ecr").batch_delete_image(repositoryName=ON, imageIds=[{"imageTag": "1"}]),
        "the repository": lambda lab: lab.clear(ON),
    },
    "rebuilt": [rebuilt],
    "elsewhere": {"as above": lambda lab: attach(lab, BOOKING), "web/off": lambda lab: attach(lab, OFF)},
    "other-subject": {"the config": at_config, "another image": at_other_image},
    "no-subject": [lambda lab: attach(lab, ON, subject={})],
    "a-tag": [as_artifact],
    "no-kind": [signature],
    "empty": [lambda lab: attach(lab, ON, content=b"{}")],
    "other-list": [lambda lab: attach(lab, ON, content=parts_list(lab) + b"\n")],
    "pieces-missing": [only_the_manifest],
    "kind-refused": {
        "a kind with a parameter": lambda lab: attach(lab, ON, kind=f"{SBOM};version=1.6"),
        "a tag as subject": bad_subject,
    },
}


def reset(lab: Lab) -> None:
    """Take everything away from web/booking, web/off and web/on that is not their image."""
    ecr = lab.client("ecr")
    for name in (BOOKING, OFF):
        digest = digest_named(ecr, name)
        for each in manifests(ecr, name):
            if each["digest"] != digest:
                ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": each["digest"]}])
    lost = [ON] if digest_named(ecr, BOOKING) else [BOOKING, ON]
    for name in lost:
        lab.clear(name)
        make_repository(lab, name)
        copy(at_ecr(lab, OFF if BOOKING in lost else BOOKING), at_ecr(lab, name), "1", "1")
