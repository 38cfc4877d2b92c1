"""Drill d06: a key that was deleted, and is still there. Q25, Q46, Q146."""

# C018 C020: whiteouts, and what a later layer hides; E005: image, manifest, layers; E007: deleting an image by digest;
# E108 E110: deletes and replicas; E119: a cache keeps its own copy.

from __future__ import annotations

import gzip
import io
import json
import tarfile
import urllib.request

from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import DrillLab, digest_of, layer
from ecrlab_course.drills.drill import Attempt, Drill, Finding, Findings

NAME = "shop/booking"
PAGE = {"www/index.html": b"<h1>Harbour Bikes</h1>"}


def secret(lab: DrillLab) -> str:
    return f"HB-{lab.seed}-4711"


def prepare(lab: DrillLab) -> None:
    lab.repository(NAME)
    key = {"app/key.txt": secret(lab).encode() + b"\n"}
    lab.put(NAME, "1.0", PAGE, key)
    lab.put(NAME, "1.1", PAGE, key, {"app/.wh.key.txt": b""})
    lab.put(NAME, "1.2", PAGE, {"app/readme.txt": b"The key is fetched when the page starts.\n"})


def _layers(lab: DrillLab) -> dict[str, set[str]]:
    """Return for each image, by its tags or its digest, the digests of its layers."""
    ecr = lab.client("ecr")
    found = {}
    for digest, tags in lab.images(NAME).items():
        image = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": digest}])["images"][0]
        manifest = json.loads(image["imageManifest"])
        found[", ".join(tags) or digest[:19]] = {each["digest"] for each in manifest["layers"]}
    return found


def _layer_with_the_key(lab: DrillLab) -> str:
    return digest_of(layer({"app/key.txt": secret(lab).encode() + b"\n"}))


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    typed = findings.get("key", "").strip()
    images = _layers(lab)
    holding = sorted(name for name, layers in images.items() if _layer_with_the_key(lab) in layers)
    if not typed and len(images) == 3:
        return untouched("Three images are there, and no key has been found yet.")
    if lab.digest(NAME, "1.2") is None:
        return not_yet("`1.2` is gone too: it never held the key, and it is what runs tonight.", "wide-is-fixed")
    if typed != secret(lab):
        shown = f"“{typed}”" if typed else "nothing"
        return not_yet(
            f"You typed {shown} as the key; that is not what the file says. The file is in a layer, and a layer "
            "is an archive that the registry hands out by its digest.",
            "delete-hides",
        )
    if holding:
        return not_yet(
            f"The key is found. {' and '.join(holding)} still list{'' if len(holding) > 1 else 's'} the layer that "
            "holds it: whoever may pull can read it.",
            "delete-hides",
        )
    return passed("Found, and no image here lists that layer any more. You changed the key itself first, didn't you?")


def remove(lab: DrillLab, *tags: str) -> None:
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag} for tag in tags])


def read_and_remove(lab: DrillLab) -> None:
    """Fetch the layer as curl would, hold that the key stands in it, and remove both images."""
    url = lab.client("ecr").get_download_url_for_layer(repositoryName=NAME, layerDigest=_layer_with_the_key(lab))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url["downloadUrl"]) as answer:
        data = gzip.decompress(answer.read())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.extractfile("app/key.txt")
        assert member is not None
        assert member.read().decode().strip() == secret(lab)
    remove(lab, "1.0", "1.1")


def known(lab: DrillLab) -> dict[str, str]:
    return {"key": secret(lab)}


def remove_by_digest(lab: DrillLab) -> None:
    digests = [lab.digest(NAME, tag) for tag in ("1.0", "1.1")]
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": each} for each in digests])


DRILL = Drill(
    id="d06",
    kind="take it apart",
    level="M",
    lesson="02",
    situation="Last month somebody copied a key file into the image `shop/booking:1.0`. “No harm done”, says the "
    "ticket, “in 1.1 we delete it with `RUN rm /app/key.txt`, and 1.2 was built without it.” Security asks you "
    "whether that is true.",
    question="What do you say, what do you do first, and how would it have been avoided?",
    points=(
        Point(
            "still",
            "The file is still in its layer: a later layer only marks it as deleted.",
            FollowUp(
                "What exactly did `RUN rm` add to the image?",
                "One more layer, with an empty file `.wh.key.txt`: a whiteout. It hides the file in a container, and "
                "the layer below keeps it.",
            ),
        ),
        Point(
            "rotate",
            "First change the key: whoever could pull may have it, and no deletion takes that back.",
            FollowUp(
                "How do you find out who pulled it?",
                "CloudTrail keeps `BatchGetImage` and `GetDownloadUrlForLayer` with the caller; it shows the past; it "
                "takes nothing back.",
            ),
        ),
        Point(
            "remove",
            "Then remove every image that lists the layer, including untagged ones, copies in other Regions, and "
            "caches.",
            FollowUp(
                "You deleted both here. Are the replicas in eu-west-1 gone?",
                "Not by themselves: deletions travel only where the replication rule says so, which a rule can since "
                "November 2026.",
            ),
        ),
        Point(
            "avoid",
            "Secrets do not go through `COPY`, `ARG` or `ENV`: use a build's secret mount, or fetch them at start.",
            FollowUp(
                "Why is `ARG KEY` no better?",
                "A build argument can be read in the image's history.",
            ),
        ),
    ),
    beyond=FollowUp(
        "A multi-stage build copies only the program into the last stage. Is the key safe in the first?",
        "It is not in the image that is pushed. It is in the builder's cache, so a secret mount is still the better "
        "way.",
    ),
    model="It is not true. `rm` in a later step hides the file in a container; the layer that holds it is still part "
    "of 1.0 and of 1.1, and anybody who may pull can read it. So first the key is changed. Then both images go, with "
    "their copies. 1.2 stays. And from now on the build gets its secret through a secret mount.",
    weak="“We deleted it in 1.1.” Each image keeps every layer it was built from. Or: deleting the images, and "
    "leaving the key as it is.",
    task="Show that it is there: find what `app/key.txt` says, from the registry. Then delete the images that list "
    "that layer, and no others.",
    seconds=180,
    findings=(Finding("key", "What the file says"),),
    hints=(
        "The manifest of 1.1 lists three layers. Which of them does 1.2 not list?",
        "`aws ecr get-download-url-for-layer --repository-name shop/booking --layer-digest sha256:… --query "
        "downloadUrl --output text`, and the answer through `curl -s … | tar -xzO`.",
    ),
    misconceptions=("delete-hides", "every-line-a-layer"),
    sources=(
        "OCI image specification: layer, whiteouts",
        "AWS: Amazon ECR API Reference, GetDownloadUrlForLayer, BatchDeleteImage",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    seeds=("amber", "cobalt", "ochre"),
    accepts=(
        Attempt("both by tag, the key read", read_and_remove, known, seed="amber"),
        Attempt("both by digest", remove_by_digest, known, seed="cobalt"),
    ),
    rejects=(
        Attempt(
            "only 1.0",
            lambda lab: remove(lab, "1.0"),
            known,
            seed="amber",
            misconception="delete-hides",
            says="1.1 still lists the layer",
        ),
        Attempt(
            "only found",
            None,
            known,
            seed="ochre",
            misconception="delete-hides",
            says="1.0 and 1.1 still list the layer",
        ),
        Attempt(
            "another key",
            lambda lab: remove(lab, "1.0", "1.1"),
            {"key": "secret"},
            seed="amber",
            misconception="delete-hides",
            says="a layer is an archive",
        ),
        Attempt(
            "everything",
            lambda lab: remove(lab, "1.0", "1.1", "1.2"),
            known,
            seed="amber",
            misconception="wide-is-fixed",
            says="never held the key",
        ),
    ),
)
