"""Drill d19: a file put into a registry without docker. What a learner reads is in d19.md."""

from __future__ import annotations

import gzip
import io
import tarfile
import urllib.request
from contextlib import suppress

from ecrlab.client import LOOKING
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.authoring.requests import requests
from ecrlab_course.authoring.staging import digest_of
from ecrlab_course.authoring.wire import EMPTY, MANIFEST, at_ecr, manifest_of
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, TAG, KIND = "tools/config", "1", "text/csv"
PLAIN = b"pier,state\n4,closed until Tuesday\n5,open\n"
PACKED = gzip.compress(PLAIN, mtime=0)
FILES = {"plain": ("piers.csv", PLAIN), "gzipped": ("piers.csv.gz", PACKED)}
FEWEST = 12


def prepare(lab: DrillLab) -> None:
    """Put the file and the ticket into the folder."""
    name, content = FILES[lab.seed]
    assert lab.folder is not None
    lab.write("ticket.txt", f"Please publish {name}.\nContent: {digest_of(PLAIN)}\n")
    (lab.folder / name).write_bytes(content)


class Seen:
    """What tools/config holds, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        given = FILES[lab.seed][1]
        images = lab.images(NAME)
        found = lab.digest(NAME, TAG)
        self.made, self.images, self.there = NAME in lab.repositories(), bool(images), found is not None
        held = manifest(lab, NAME, found) if found else {}
        layers = [str(each["digest"]) for each in held.get("layers", [])]
        self.layer_count = len(layers)
        content = fetched(lab, layers[0]) if len(layers) == 1 else b""
        self.as_given, self.unpacked = content == given, content == PLAIN != given
        self.tarred, self.same_inside = is_tar(content), unzipped(content) == PLAIN
        typed = findings.get("digest", "").strip().strip("`").lower().removeprefix("sha256:").rstrip("…")
        self.typed = typed if len(typed) >= FEWEST else ""
        self.is_layer, self.is_manifest = begins(layers, self.typed), begins([found or ""], self.typed)
        self.is_ticket = begins([digest_of(PLAIN)], self.typed)
        # What d19.md may name:
        self.layer_size, self.file_size = len(content), len(given)
        self.tags = ", ".join(sorted(tag for tags in images.values() for tag in tags)) or "an image without a tag"
        self.there_seen = Sentence("some") if images else Sentence("nothing")
        sent = [row for row in requests(lab) if f"/{NAME}/blobs/uploads/" in row.path or "LayerUpload" in row.operation]
        put = [row for row in requests(lab) if f"/{NAME}/manifests/" in row.path or row.operation == "PutImage"]
        self.refused = str(put[-1].row["said"] or put[-1].row["error"]) if put else "none came"
        self.pieces_seen = Sentence("sent") if sent or put else Sentence("unsent")


def fetched(lab: DrillLab, digest: str) -> bytes:
    """Return a layer's bytes."""
    where = lab.client("ecr").get_download_url_for_layer(repositoryName=NAME, layerDigest=digest)["downloadUrl"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(where, headers={"User-Agent": LOOKING}), timeout=20) as answer:
        return bytes(answer.read(10_000_000))


def unzipped(content: bytes) -> bytes:
    """Return what gzipped bytes hold; b"" when they are none."""
    with suppress(OSError, EOFError):
        return gzip.decompress(content)
    return b""


def is_tar(content: bytes) -> bool:
    """Tell whether the bytes are a tar, packed or not."""
    with suppress(tarfile.TarError, OSError, EOFError), tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return bool(archive.getmembers())
    return False


def begins(digests: list[str], typed: str) -> bool:
    """Tell whether what was typed is the beginning of one of them."""
    return bool(typed) and any(digest.removeprefix("sha256:").startswith(typed) for digest in digests if digest)


def judge(seen: Seen) -> str:
    """Return the verdict's name in d19.md: what is there, and then its digest."""
    if not seen.made:
        return "untouched"
    if not seen.images:
        return "empty"
    if not seen.there:
        return "other-tag"
    if seen.layer_count != 1:
        return "several"
    if not (seen.as_given or seen.unpacked):
        return other_content(seen)
    return named(seen)


def other_content(seen: Seen) -> str:
    """Return what the layer is when it is not the file."""
    if seen.tarred:
        return "in-a-tar"
    return "packed" if seen.same_inside else "other-bytes"


def named(seen: Seen) -> str:
    """Return what the digest is worth once the file is there."""
    if not seen.typed:
        return "no-digest"
    if seen.is_layer:
        return "unpacked" if seen.unpacked else "passed"
    if seen.is_manifest:
        return "manifest-digest"
    return "ticket-digest" if seen.is_ticket else "other-digest"


def put(lab: DrillLab, *layers: bytes, tag: str = TAG) -> None:
    """Make the repository, send config and layers, and the manifest."""
    if NAME not in lab.repositories():
        lab.repository(NAME)
    wire = at_ecr(lab, NAME)
    config = wire.put_blob(b"{}", EMPTY)
    pieces = [wire.put_blob(each, KIND) for each in layers]
    wire.put_manifest(manifest_of(config, *pieces, artifactType=KIND), tag).raise_for_status()


def by_boto3(lab: DrillLab) -> None:
    """Do the same through ECR's API."""
    lab.repository(NAME)
    ecr = lab.client("ecr")
    for blob in (PLAIN, b"{}"):
        upload = ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=NAME, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
        )
        ecr.complete_layer_upload(repositoryName=NAME, uploadId=upload, layerDigests=[digest_of(blob)])
    pieces = [
        {"mediaType": kind, "digest": digest_of(blob), "size": len(blob)}
        for blob, kind in ((b"{}", EMPTY), (PLAIN, KIND))
    ]
    text = manifest_of(pieces[0], pieces[1]).decode()
    ecr.put_image(repositoryName=NAME, imageManifest=text, imageManifestMediaType=MANIFEST, imageTag=TAG)


def pieces_alone(lab: DrillLab) -> None:
    """Send a piece, and a manifest that names another."""
    lab.repository(NAME)
    wire = at_ecr(lab, NAME)
    config = wire.put_blob(b"{}", EMPTY)
    wire.put_manifest(manifest_of(config, {"mediaType": KIND, "digest": digest_of(PLAIN), "size": len(PLAIN)}), TAG)


def tar_of(content: bytes) -> bytes:
    """Return a tar that holds the file."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        entry = tarfile.TarInfo("piers.csv")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def layer(content: bytes) -> dict[str, str]:
    """Return the typed digest of some bytes."""
    return {"digest": digest_of(content)}


def of_manifest(lab: DrillLab) -> dict[str, str]:
    """Return the typed digest of the manifest."""
    return {
        "digest": str(
            lab.looking().client("ecr").describe_images(repositoryName=NAME)["imageDetails"][0]["imageDigest"]
        )
    }


TRIES = {
    "passed": {
        "by HTTP": attempt(layer(PLAIN), lambda lab: put(lab, PLAIN)),
        "through boto3": attempt(layer(PLAIN), by_boto3),
        "gzipped, as it is": attempt({"digest": digest_of(PACKED)[7:25]}, lambda lab: put(lab, PACKED), seed="gzipped"),
    },
    "unpacked": {"unpacked first": attempt(layer(PLAIN), lambda lab: put(lab, PLAIN), seed="gzipped")},
    "empty": {
        "a shelf": attempt({}, lambda lab: lab.repository(NAME)),
        "a piece too few": attempt(layer(PLAIN), pieces_alone),
    },
    "other-tag": {"as latest": attempt(layer(PLAIN), lambda lab: put(lab, PLAIN, tag="latest"))},
    "in-a-tar": {"as docker packs": attempt(layer(PLAIN), lambda lab: put(lab, tar_of(PLAIN)))},
    "other-bytes": {"without its line end": attempt(layer(PLAIN), lambda lab: put(lab, PLAIN.rstrip()))},
    "packed": {"packed on the way": attempt(layer(PACKED), lambda lab: put(lab, PACKED))},
    "several": {"two layers": attempt(layer(PLAIN), lambda lab: put(lab, PLAIN, b"read me"))},
    "no-digest": {"nothing typed": attempt({}, lambda lab: put(lab, PLAIN))},
    "ticket-digest": {"the ticket's": attempt(layer(PLAIN), lambda lab: put(lab, PACKED), seed="gzipped")},
    "manifest-digest": {"the manifest's": attempt(of_manifest, lambda lab: put(lab, PLAIN))},
    "other-digest": {"another": attempt(layer(b"x"), lambda lab: put(lab, PLAIN))},
}
