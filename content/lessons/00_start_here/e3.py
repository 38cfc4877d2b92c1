"""00-e3: find an image by its digest. What a learner reads is in e3.md."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Result, Sentence
from ecrlab_course.toolbox.lab import image

from .state import FIRST_PAGE, HELLO

DIGEST = r"sha256:[0-9a-f]{64}"


class Seen:
    """What was given as a digest, and what ECR answered."""

    def __init__(self, lab: Lab, values: Mapping[str, str], result: Result) -> None:
        self.given = values["digest"]
        self.whole = re.fullmatch(DIGEST, self.given) is not None
        self.tag = result.output.strip() if result.code == 0 else ""
        self.found = self.whole and self.tag not in ("", "None")
        self.inside = self.whole and not self.found and has_piece(lab, self.given)
        self.short = self.given[7:15]
        within = re.search(DIGEST, self.given)
        self.begin = within[0][:15] if within else ""
        self.also = Sentence("one-name") if self.found and engine_id(lab) == self.given else ""


def has_piece(lab: Lab, digest: str) -> bool:
    """Tell whether the repository has a piece of that name: the config or a layer. No image is fetched for that."""
    try:
        layers = lab.client("ecr").batch_check_layer_availability(repositoryName=HELLO, layerDigests=[digest])["layers"]
    except ClientError:
        return False
    return any(layer["layerAvailability"] == "AVAILABLE" for layer in layers)


def engine_id(lab: Lab) -> str:
    """Return the name that the engine itself has for hello:1; "" when it has no such image."""
    return lab.sh(f"docker image inspect -f '{{{{.Id}}}}' {HELLO}:1 2>/dev/null || true")[1].strip()


def judge(seen: Seen) -> str:
    """Return the verdict's name in e3.md, by what ECR answered."""
    if seen.found:
        return "passed"
    if seen.whole:
        return "part-inside" if seen.inside else "of-no-image"
    if seen.begin:
        return "more-beside-it"
    if re.fullmatch(r"(?i)(sha256:)?[0-9a-f]{64}", seen.given):
        return "without-sha256"
    return "short-form" if re.fullmatch(r"(sha256:)?[0-9a-f]{6,63}", seen.given) else "given-name"


def digest_of(lab: Lab, tag: str = "1") -> str:
    """Return the digest that ECR has for the tag."""
    found = lab.client("ecr").describe_images(repositoryName=HELLO, imageIds=[{"imageTag": tag}])
    return str(found["imageDetails"][0]["imageDigest"])


def config_digest(_lab: Lab) -> dict[str, str]:
    """Give the digest of the config that the checkpoint's image has: what most engines call the image's id."""
    return {"digest": "sha256:" + hashlib.sha256(image(FIRST_PAGE)[1]).hexdigest()}


TRIES = {
    "passed": {
        "the digest of the push": lambda lab: {"digest": digest_of(lab)},
        "with a blank behind it": lambda lab: {"digest": digest_of(lab) + " "},
    },
    "more-beside-it": [lambda lab: {"digest": f"1: digest: {digest_of(lab)} size: 735"}],
    "part-inside": [config_digest],
    "of-no-image": [{"digest": "sha256:" + "0" * 64}],
    "without-sha256": {
        "without the word in front": lambda lab: {"digest": digest_of(lab)[7:]},
        "in capitals": lambda lab: {"digest": digest_of(lab).upper()},
    },
    "short-form": [lambda lab: {"digest": digest_of(lab)[7:19]}],
    "given-name": [{"digest": "1"}],
}
