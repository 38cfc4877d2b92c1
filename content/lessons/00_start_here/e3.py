"""00-e3: find an image by its digest. What a learner reads is in e3.md."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Result, Sentence, Try
from ecrlab_course.authoring.evidence import images, manifest, repositories
from ecrlab_course.authoring.staging import make_repository
from ecrlab_course.toolbox.image import image

from .state import FIRST_PAGE, HELLO, PAGE, SECOND_PAGE, fresh, push_page, pushed

DIGEST = r"sha256:[0-9a-f]{64}"


class Seen:
    """What was given as a digest, and what ECR answered."""

    def __init__(self, lab: Lab, values: Mapping[str, str], result: Result) -> None:
        self.given = values["digest"]
        self.whole = re.fullmatch(DIGEST, self.given) is not None
        self.tag = result.output.strip() if result.code == 0 else ""
        self.found = self.whole and bool(self.tag)
        self.answer = Sentence("no-tag") if self.tag == "None" else Sentence("its-tag")
        # Where ECR cannot be asked at all, this says why.
        self.no_hello = self.whole and not self.found and HELLO not in repositories(lab)
        inside = self.whole and not self.found and has_piece(lab, self.given)
        self.config = inside and any(
            manifest(lab, HELLO, one["imageDigest"]).get("config", {}).get("digest") == self.given
            for one in images(lab, HELLO)
        )
        self.layer = inside and not self.config
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
    if seen.no_hello:
        return "no-hello"
    if seen.whole:
        return "the-config" if seen.config else "a-layer" if seen.layer else "of-no-image"
    if seen.begin:
        return "more-beside-it"
    if re.fullmatch(r"(?i)(sha256:)?[0-9a-f]{64}", seen.given):
        return "without-sha256" if seen.given == seen.given.lower() else "in-capitals"
    return "short-form" if re.fullmatch(r"sha256:.*|[0-9a-f]{6,63}(…|\.\.\.)?", seen.given) else "given-name"


def digest_of(lab: Lab, tag: str = "1") -> str:
    """Return the digest that ECR has for the tag."""
    found = lab.client("ecr").describe_images(repositoryName=HELLO, imageIds=[{"imageTag": tag}])
    return str(found["imageDetails"][0]["imageDigest"])


def config_digest(_lab: Lab) -> dict[str, str]:
    """Give the digest of the config that the checkpoint's image has: what most engines call the image's id."""
    return {"digest": "sha256:" + hashlib.sha256(image(FIRST_PAGE, PAGE)[1]).hexdigest()}


def layer_digest(_lab: Lab) -> dict[str, str]:
    """Give the digest of its layer."""
    return {"digest": "sha256:" + hashlib.sha256(image(FIRST_PAGE, PAGE)[0]).hexdigest()}


def of_a_nameless_image(lab: Lab) -> dict[str, str]:
    """Give the digest that the push printed, after another page was pushed under the same tag."""
    digest = digest_of(lab)
    push_page(lab, "1", SECOND_PAGE)
    return {"digest": digest}


def of_another_repository(lab: Lab) -> dict[str, str]:
    """Give the digest of an image that is somewhere else in ECR."""
    make_repository(lab, "hello2")
    return {"digest": lab.push("hello2", "1", b"something else")}


TRIES = {
    "passed": {
        "the digest of the push": lambda lab: {"digest": digest_of(lab)},
        "with a blank behind it": lambda lab: {"digest": digest_of(lab) + " "},
        "in quotes, as the API prints it": lambda lab: {"digest": f'"{digest_of(lab)}"'},
        "after the tag has moved on": of_a_nameless_image,
    },
    "more-beside-it": {
        "the whole line": lambda lab: {"digest": f"1: digest: {digest_of(lab)} size: 735"},
        "as a name for docker": lambda lab: {"digest": f"hello@{digest_of(lab)}"},
    },
    "the-config": [config_digest],
    "a-layer": [layer_digest],
    "of-no-image": {
        "zeros": {"digest": "sha256:" + "0" * 64},
        "of another repository's image": of_another_repository,
    },
    "no-hello": [Try(lambda lab: {"digest": "sha256:" + "0" * 64}, do=fresh)],
    "without-sha256": {
        "without the word in front": lambda lab: {"digest": digest_of(lab)[7:]},
    },
    "in-capitals": {
        "with its beginning": lambda lab: {"digest": digest_of(lab).upper()},
        "without it": lambda lab: {"digest": digest_of(lab)[7:].upper()},
    },
    "short-form": {
        "as `docker images` prints it": lambda lab: {"digest": digest_of(lab)[7:19]},
        "a letter too few": lambda lab: {"digest": digest_of(lab)[:-1]},
        "as it stands in the task": {"digest": "sha256:…"},
    },
    "given-name": {"the tag": {"digest": "1"}, "the name": {"digest": "hello:1"}},
}


def reset(lab: Lab) -> None:
    """Return to `hello:1` as the first cell pushed it."""
    lab.clear("hello2")
    pushed(lab)
