"""03-e7: the same digest at both ends. What a learner reads is in e7.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ecrlab.home import REGION
from ecrlab_course.authoring import Lab, Sentence
from ecrlab_course.authoring import push as pushed_to
from ecrlab_course.authoring.evidence import images, ok, repositories, short, tags
from ecrlab_course.authoring.staging import log_out, made, make_repository, name_again
from ecrlab_course.authoring.wire import at_ecr, at_hub

from .state import BUSYBOX, CARRIED, HUB_BUSYBOX, asked_for, copy, packed

GOALS = (pushed_to(BUSYBOX, by=""),)

_known: dict[str, bytes] = {}
"""The Hub's manifests by digest: each is fetched once, because the Hub counts pulls."""


class Seen:
    """The image of tools/busybox:1 and that of the Hub, as digests and as documents."""

    def __init__(self, lab: Lab) -> None:
        hub = at_hub(lab, HUB_BUSYBOX, looking=True)
        theirs = hub.digest("latest")
        found = tags(lab, BUSYBOX)
        ours = found.get("1", "")
        self.there, self.same = bool(ours), ours == theirs
        self.config = self.layers = self.line_end = self.words = False
        if self.there and not self.same:
            if theirs not in _known:
                _known[theirs] = hub.get("manifests/latest").content
            self._compare(_known[theirs], manifest_bytes(lab))
        rows = lab.rows()
        put = [row for row in asked_for(rows, "registry", f"{BUSYBOX}/manifests/") if row["method"] == "PUT"]
        refused = [row for row in put if not ok(row) and row["region"] == REGION]
        uploads = [row for row in asked_for(rows, "registry", f"{BUSYBOX}/blobs/") if row["region"] == REGION]
        self.sent = bool(uploads) and not self.there
        self.is_shelf = BUSYBOX in repositories(lab)
        self.untagged = any(each["imageDigest"] == theirs for each in images(lab, BUSYBOX))
        self.removed = any(ok(row) and row["region"] == REGION for row in put)
        # What e7.md may name:
        self.said = str(refused[-1]["said"] or refused[-1]["status"]) if refused else "none came"
        self.region = next((str(row["region"]) for row in put if ok(row) and row["region"] != REGION), "")
        self.ours, self.theirs = short(ours), short(theirs)
        self.tag = next((tag for tag, digest in found.items() if digest == theirs), "")
        self.shelf = "" if self.there or self.tag else on_another_shelf(lab, theirs)
        self.now = Sentence("nothing") if not self.there else Sentence("same") if self.same else Sentence("other")

    def _compare(self, theirs: bytes, ours: bytes) -> None:
        """Note in what the two manifests are alike."""
        one, other = json.loads(theirs), json.loads(ours)
        self.line_end, self.words = ours.rstrip() == theirs.rstrip(), one == other
        self.config = names(one["config"]) == names(other.get("config", {}))
        self.layers = [names(each) for each in one["layers"]] == [names(each) for each in other.get("layers", [])]


def names(piece: dict[str, Any]) -> str:
    """Return the digest of a descriptor."""
    return str(piece.get("digest", ""))


def manifest_bytes(lab: Lab) -> bytes:
    """Return the bytes of the manifest that tools/busybox:1 has in ECR; nothing is pulled."""
    answer = lab.client("ecr").batch_get_image(repositoryName=BUSYBOX, imageIds=[{"imageTag": "1"}])
    return str(answer["images"][0]["imageManifest"]).encode() if answer["images"] else b"{}"


def on_another_shelf(lab: Lab, digest: str) -> str:
    """Return a repository of ECR, with its tag, that has the image since the exercise began; "" without one."""
    put = {row["path"] for row in lab.rows() if row["method"] == "PUT" and "/manifests/" in row["path"]}
    for name in repositories(lab):
        for tag, found in tags(lab, name).items():
            if (name, tag) != (CARRIED, "carried") and found == digest and (put or name.startswith("docker")):
                return f"{name}:{tag}"
    return ""


def judge(seen: Seen) -> str:
    """Return the verdict's name in e7.md."""
    if seen.same:
        return "passed"
    if not seen.there:
        return not_there(seen)
    if seen.line_end:
        return "line-end"
    if seen.config and seen.layers:
        return "respaced"
    if seen.config:
        return "repacked"
    return "melted" if seen.layers else "other-image"


def not_there(seen: Seen) -> str:
    """Return what there is in the place of tools/busybox:1."""
    if not seen.is_shelf:
        return "shelf-gone"
    if seen.tag:
        return "other-tag-here"
    if seen.untagged:
        return "no-tag"
    if seen.shelf:
        return "other-shelf"
    if seen.region and not seen.sent:
        return "other-place"
    if seen.removed:
        return "removed"
    return "no-manifest" if seen.sent else "untouched"


# Tries


def by_hand(lab: Lab, tag: str = "1", name: str = BUSYBOX) -> None:
    """Carry the pieces and the manifest over; without a tag under its own digest."""
    source = at_hub(lab, HUB_BUSYBOX)
    copy(source, at_ecr(lab, name), "latest", tag or source.digest("latest"))


def in_ireland(lab: Lab) -> None:
    """Carry them to the registry of another Region."""
    ecr = lab.client("ecr", region="eu-west-1")
    uri = ecr.create_repository(repositoryName=BUSYBOX)["repository"]["repositoryUri"]
    target = at_ecr(lab, BUSYBOX, registry=uri.removesuffix(f"/{BUSYBOX}"), region="eu-west-1")
    copy(at_hub(lab, HUB_BUSYBOX), target, "latest", "1")


def removed(lab: Lab) -> None:
    """Carry it over, and delete it."""
    by_hand(lab)
    lab.client("ecr").batch_delete_image(repositoryName=BUSYBOX, imageIds=[{"imageTag": "1"}])


def pieces(lab: Lab) -> bytes:
    """Carry the pieces; return the manifest's bytes."""
    source, target = at_hub(lab, HUB_BUSYBOX), at_ecr(lab, BUSYBOX)
    answer = source.get("manifests/latest")
    for piece in (answer.json()["config"], *answer.json()["layers"]):
        target.put_blob(source.get(f"blobs/{piece['digest']}").content)
    return answer.content


def through_put_image(change: Callable[[bytes], str]) -> Callable[[Lab], object]:
    """Return what carries the pieces and puts the manifest through ECR's API, as this text."""

    def act(lab: Lab) -> None:
        manifest = pieces(lab)
        kind = json.loads(manifest)["mediaType"]
        lab.client("ecr").put_image(
            repositoryName=BUSYBOX, imageManifest=change(manifest), imageManifestMediaType=kind, imageTag="1"
        )

    return act


def packed_again(lab: Lab) -> None:
    """Put what a docker makes of it that packs again: the same config, another layer, another manifest."""
    source, target = at_hub(lab, HUB_BUSYBOX), at_ecr(lab, BUSYBOX)
    document = source.get("manifests/latest").json()
    target.put_blob(source.get(f"blobs/{document['config']['digest']}").content)
    layer = target.put_blob(b"packed in another way")
    manifest = json.dumps({**document, "layers": [layer] * len(document["layers"])}).encode()
    target.put_manifest(manifest, "1").raise_for_status()


def made_again(lab: Lab) -> None:
    """Put an image of the same layers with another config."""
    document = json.loads(pieces(lab))
    target = at_ecr(lab, BUSYBOX)
    config = target.put_blob(b'{"architecture": "amd64", "os": "linux"}', document["config"]["mediaType"])
    target.put_manifest(json.dumps({**document, "config": config}).encode(), "1").raise_for_status()


def list_first(lab: Lab) -> None:
    """Send one piece, and then the manifest."""
    target = at_ecr(lab, BUSYBOX)
    target.put_blob(b"a piece")
    target.put_manifest(at_hub(lab, HUB_BUSYBOX).get("manifests/latest").content, "1")


def tag_here(lab: Lab) -> None:
    """Pull it, and give it its ECR name on this computer."""
    made(
        lab,
        f'docker pull -q "$HUB/{HUB_BUSYBOX}:latest"\ndocker tag "$HUB/{HUB_BUSYBOX}:latest" "$REGISTRY/{BUSYBOX}:1"',
    )


def push_logged_out(lab: Lab) -> None:
    """Pull, tag, and push after a logout."""
    log_out(lab, "admin")
    tag_here(lab)
    lab.sh(f'docker push -q "$REGISTRY/{BUSYBOX}:1"')


def from_the_cache(lab: Lab) -> None:
    """Have it in a repository of a pull-through cache's kind."""
    make_repository(lab, "docker-hub/library/busybox")
    by_hand(lab, "latest", "docker-hub/library/busybox")


TRIES = {
    "passed": {
        "by hand": by_hand,
        "pieces by hand, the manifest through put-image": through_put_image(bytes.decode),
        "another tag first, and named again": (
            lambda lab: by_hand(lab, "latest"),
            lambda lab: name_again(lab, BUSYBOX, "1", imageTag="latest"),
        ),
    },
    "repacked": [packed_again],
    "melted": [made_again],
    "respaced": [through_put_image(lambda text: json.dumps(json.loads(text)))],
    "line-end": [through_put_image(lambda text: text.decode() + "\n")],
    "other-image": [lambda lab: at_ecr(lab, BUSYBOX).put_image("1", *packed("busy\n", "box"))],
    "no-manifest": [list_first],
    "other-shelf": {"a cache": from_the_cache, "the shelf of before": lambda lab: by_hand(lab, "1", CARRIED)},
    "shelf-gone": [lambda lab: lab.clear(BUSYBOX)],
    "no-tag": [lambda lab: by_hand(lab, "")],
    "other-place": [in_ireland],
    "removed": [removed],
    "other-tag-here": [lambda lab: by_hand(lab, "latest")],
    "only-tagged": [tag_here],
    "no-login": [push_logged_out],
}


def reset(lab: Lab) -> None:
    """Make tools/busybox empty again, and remove what went elsewhere."""
    lab.clear(BUSYBOX, "docker-hub/library/busybox")
    lab.clear(BUSYBOX, region="eu-west-1")
    if "1" in tags(lab, CARRIED):
        lab.client("ecr").batch_delete_image(repositoryName=CARRIED, imageIds=[{"imageTag": "1"}])
    make_repository(lab, BUSYBOX)
    lab.sh(f'docker rmi -f "$HUB/{HUB_BUSYBOX}:latest" "$REGISTRY/{BUSYBOX}:1" >/dev/null 2>&1 || true')
