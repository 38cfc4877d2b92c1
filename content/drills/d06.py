"""Drill d06: a key that was deleted, and is still there. What a learner reads is in d06.md."""

from __future__ import annotations

import gzip
import io
import tarfile
import urllib.request

from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.authoring.staging import digest_of, pack_layer, put_image
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME = "shop/booking"
PAGE = {"www/index.html": b"<h1>Harbour Bikes</h1>"}
README = {"app/readme.txt": b"The key is fetched when the page starts.\n"}


def secret(lab: DrillLab) -> str:
    """Return what the key file says."""
    return f"HB-{lab.seed}-4711"


def key_file(lab: DrillLab) -> dict[str, bytes]:
    """Return the files of the layer that holds the key."""
    return {"app/key.txt": secret(lab).encode() + b"\n"}


def prepare(lab: DrillLab) -> None:
    """Put 1.0 with the key, 1.1 with a whiteout over it, and 1.2 without it."""
    lab.repository(NAME)
    put_image(lab, NAME, "1.0", PAGE, key_file(lab))
    put_image(lab, NAME, "1.1", PAGE, key_file(lab), {"app/.wh.key.txt": b""})
    put_image(lab, NAME, "1.2", PAGE, README)


class Seen:
    """Which images there are, which of them list the layer with the key, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        images = lab.images(NAME)
        layer = digest_of(pack_layer(key_file(lab)))
        holding = sorted(
            ", ".join(tags) or digest[:19]
            for digest, tags in images.items()
            if layer in {one["digest"] for one in manifest(lab, NAME, digest).get("layers", [])}
        )
        self.holding = " and ".join(holding)
        self.listing = Sentence("several") if len(holding) > 1 else Sentence("one") if holding else Sentence("nobody")
        self.count = len(images)
        self.image_count = f"{len(images)} image{'' if len(images) == 1 else 's'}"
        self.kept = any("1.2" in tags for tags in images.values())
        self.said = findings.get("key", "").strip()
        self.found = self.said.strip("\"'`“” ") == secret(lab)


def judge(seen: Seen) -> str:
    """Return the verdict's name in d06.md: the key read, its layer in no image, and 1.2 still there."""
    if not seen.kept:
        return "lost"
    if not seen.said:
        return "untouched" if seen.count == 3 else "no-key"
    if not seen.found:
        return "wrong-key"
    return "still-there" if seen.holding else "passed"


def remove(lab: DrillLab, *tags: str) -> None:
    """Delete images by tag."""
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag} for tag in tags])


def read_and_remove(lab: DrillLab) -> None:
    """Fetch the layer as curl would, hold that the key stands in it, and remove both images."""
    layer = digest_of(pack_layer(key_file(lab)))
    url = lab.client("ecr").get_download_url_for_layer(repositoryName=NAME, layerDigest=layer)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url["downloadUrl"]) as answer:
        data = gzip.decompress(answer.read())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.extractfile("app/key.txt")
        assert member is not None
        assert member.read().decode().strip() == secret(lab)
    remove(lab, "1.0", "1.1")


def remove_by_digest(lab: DrillLab) -> None:
    """Delete both images by digest."""
    digests = [lab.digest(NAME, tag) for tag in ("1.0", "1.1")]
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": each} for each in digests])


def begin_again(lab: DrillLab) -> None:
    """Delete the repository, and put 1.2 into a new one."""
    lab.client("ecr").delete_repository(repositoryName=NAME, force=True)
    lab.repository(NAME)
    put_image(lab, NAME, "1.2", PAGE, README)


def known(lab: DrillLab) -> dict[str, str]:
    """Return the key as it is typed."""
    return {"key": secret(lab)}


TRIES = {
    "passed": {
        "both by tag, the key read": attempt(known, read_and_remove, seed="amber"),
        "both by digest": attempt(known, remove_by_digest, seed="cobalt"),
        "a repository made again, the key in quotes": attempt(
            lambda lab: {"key": f'"{secret(lab)}"'}, begin_again, seed="ochre"
        ),
    },
    "lost": {
        "everything": attempt(known, lambda lab: remove(lab, "1.0", "1.1", "1.2"), seed="amber"),
        "the repository": attempt(
            known, lambda lab: lab.client("ecr").delete_repository(repositoryName=NAME, force=True)
        ),
    },
    "no-key": {"deleted, and never read": attempt({}, lambda lab: remove(lab, "1.0", "1.1"))},
    "wrong-key": {
        "a guess": attempt({"key": "secret"}, lambda lab: remove(lab, "1.0", "1.1"), seed="amber"),
        "the key of another state": attempt({"key": "HB-amber-4711"}, seed="cobalt"),
        "the file's name": attempt({"key": "app/key.txt"}),
    },
    "still-there": {
        "only 1.0": attempt(known, lambda lab: remove(lab, "1.0"), seed="amber"),
        "only found": attempt(known, seed="ochre"),
        "hidden once more": attempt(
            known,
            lambda lab: put_image(lab, NAME, "1.3", PAGE, key_file(lab), {"app/.wh.key.txt": b""}, README),
            seed="cobalt",
        ),
    },
}
