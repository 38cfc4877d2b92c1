"""10-e3: disprove one sentence of the slide with a request. What a learner reads is in e3.md."""

from __future__ import annotations

import urllib.request

from ecrlab_course.authoring import Lab, Request, Sentence, requests
from ecrlab_course.authoring.staging import make_repository, put_image
from ecrlab_course.toolbox.hub_client import manifest as hub_manifest
from ecrlab_course.toolbox.hub_client import pass_for

from .state import API, FIRST, FIXED, JOBS, LARGE, NIGHT, PAGE, layers_of, mine, mounting

GIVEN = (PAGE, API)
READS = ("DescribeImages", "ListImages", "DescribeRegistry", "GetRepositoryPolicy", "GetLifecyclePolicy")
LIMIT = "100;w=21600"
TEST = "ratelimitpreview/test"


class Seen:
    """What was asked since the exercise began, and what the answers held."""

    def __init__(self, lab: Lab) -> None:
        rows = requests(lab)
        kinds = [row.row.get("shows", {}).get("encryption", {}) for row in rows if row.service == "ecr" and row.ok]
        described = {name: kind for one in kinds for name, kind in one.items()}
        self.key = any(described.get(name) == "AES256" for name in GIVEN)
        self.own = bool(set(described) - {JOBS, NIGHT, FIXED})
        hub = [row for row in rows if row.service == "hub"]
        self.at_hub = bool(hub)
        limits = [str(row.row.get("shows", {}).get("ratelimit-limit", "")) for row in hub]
        self.limit = next((each for each in limits if each), "")
        self._layers(lab, rows)
        reads = [row.operation for row in rows if row.operation in READS]
        self.asked = reads[-1] if reads else ""
        # What e3.md may name:
        self.so_far = Sentence("asked-already" if rows else "nothing")

    def _layers(self, lab: Lab, rows: list[Request]) -> None:
        """Note where an image went, and whether its layer is one of web/page's."""
        ours = layers_of(lab, PAGE)
        self.layer = self.mounted = False
        self.place, self.size = "", 0
        for name in mine(lab):
            if name in (PAGE, JOBS, NIGHT, FIXED):  # the page itself makes these, and pushes to them, further down
                continue
            sent = [row for row in rows if f"/{name}/blobs/uploads" in row.path or row.operation == "UploadLayerPart"]
            large = [int(row.row["bytes_in"]) for row in sent if int(row.row["bytes_in"]) > LARGE]
            held = layers_of(lab, name)
            if not held:
                continue
            self.place, self.size = name, max(large, default=0)
            self.layer = bool(held & ours and large)
            self.mounted = bool(held & ours and not large)
            if self.layer:
                return


def judge(seen: Seen) -> str:
    """Return the verdict's name in e3.md."""
    if seen.key + seen.layer + (seen.limit == LIMIT) > 1:
        return "passed"
    if seen.key:
        return "key"
    if seen.layer:
        return "layer"
    if seen.limit == LIMIT:
        return "limit"
    if seen.mounted:
        return "mounted"
    if seen.place:
        return "another-layer"
    if seen.own:
        return "own-repository"
    if seen.at_hub:
        return "no-header"
    return "another-question" if seen.asked else "untouched"


def describe(lab: Lab) -> None:
    """Ask for the repositories."""
    lab.client("ecr").describe_repositories()


def same_image(lab: Lab) -> None:
    """Put the image of web/page into web/api."""
    put_image(lab, API, "1", FIRST)


def mount(lab: Lab) -> None:
    """Let the layer of web/page be mounted in web/api, and put the manifest there."""
    mounting(lab, True)
    put_image(lab, API, "x", {"a": b"a"})
    lab.client("ecr").batch_delete_image(repositoryName=API, imageIds=[{"imageTag": "x"}])
    lab.sh(
        'docker pull -q "$REGISTRY/web/page:1" && docker tag "$REGISTRY/web/page:1" "$REGISTRY/web/api:1" && '
        'docker push -q "$REGISTRY/web/page:1" && docker push -q "$REGISTRY/web/api:1"'
    )


def of_my_own(lab: Lab) -> None:
    """Make a repository, which answers with its encryption."""
    lab.client("ecr").create_repository(repositoryName="web/mine")


def a_pass(lab: Lab) -> None:
    """Fetch a pass of the Hub, and ask for nothing with it."""
    pass_for(lab.hub, f"repository:{TEST}:pull")


def version(lab: Lab) -> None:
    """Greet the Hub."""
    with urllib.request.urlopen(f"http://{lab.hub.address}/token?scope=repository:{TEST}:pull", timeout=10) as answer:
        answer.read()


def elsewhere(lab: Lab) -> None:
    """Push the image to a repository of my own."""
    make_repository(lab, "web/mine")
    put_image(lab, "web/mine", "1", FIRST)


TRIES = {
    "passed": {"two of the three": (describe, lambda lab: hub_manifest(lab.hub, TEST, method="HEAD"))},
    "key": {"in Python": describe, "by the aws command": lambda lab: lab.sh("aws ecr describe-repositories")},
    "layer": {"into web/api": same_image, "into one of my own": elsewhere},
    "limit": {
        "by HEAD": lambda lab: hub_manifest(lab.hub, TEST, method="HEAD"),
        "by GET": lambda lab: hub_manifest(lab.hub, TEST),
    },
    "another-layer": [lambda lab: put_image(lab, API, "1", {"other": b"\0" * 9})],
    "mounted": [mount],
    "own-repository": [of_my_own],
    "no-header": [a_pass, version],
    "another-question": [lambda lab: lab.client("ecr").describe_images(repositoryName=PAGE)],
}


def reset(lab: Lab) -> None:
    """Empty web/api, and remove what was made."""
    mounting(lab, False)
    lab.clear(*[name for name in mine(lab) if name != PAGE])
    make_repository(lab, API)
    lab.hub.reset()
