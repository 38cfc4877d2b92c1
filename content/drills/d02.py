"""Drill d02: a push from memory. What a learner reads is in d02.md."""

from __future__ import annotations

import urllib.error
import urllib.request
from contextlib import suppress

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN
from ecrlab_course.authoring import Refused, Sentence, as_words, push
from ecrlab_course.authoring.image_files import files_of
from ecrlab_course.authoring.requests import requests
from ecrlab_course.authoring.staging import put_image
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.toolbox.image import image, push_image

NAME, TAG, THERE, HERE = "shop/orders", "1", "eu-west-1", "us-east-1"
INSIDE = "www/index.html"
TEMPLATES = "ecr:DescribeRepositoryCreationTemplates"
HOST = f"{ACCOUNT}.dkr.ecr.{THERE}.amazonaws.com"
GOALS = (push(NAME, TAG, by="ci", region=THERE),)
LOCKED = "IMMUTABLE"
PAGE = {"bare": "<h1>Orders</h1>\n", "prepared": "<h1>Orders, once more</h1>\n"}
"""By seed: the page of the folder."""
DOCKERFILE = """# The orders service of Harbour Bikes.
FROM ecrlab/base:1
COPY index.html /www/index.html
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"""


def prepare(lab: DrillLab) -> None:
    """Make the build robot, and the folder with the Dockerfile; the registries stay empty.

    In one seed eu-west-1 has a template, by which a push makes the repository.
    """
    everywhere = [arn("shop/*", region) for region in (HERE, THERE)]
    looks = ["ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:BatchGetImage"]
    lab.person("ci", allow([LOGIN, TEMPLATES]), allow([*looks, *DOCKER_PUSH], everywhere))
    lab.write("orders/Dockerfile", DOCKERFILE)
    lab.write("orders/index.html", PAGE[lab.seed])
    if lab.seed == "prepared":
        lab.client("ecr", region=THERE).create_repository_creation_template(
            prefix="shop", appliedFor=["CREATE_ON_PUSH"], imageTagMutability=LOCKED
        )


class Seen:
    """What is in both registries, who pushed last, and what the image holds."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        here, there = lab.repositories(HERE), lab.repositories(THERE)
        self.made, self.here = NAME in there, bool(lab.images(NAME, HERE))
        self.locked = self.made and there[NAME]["imageTagMutability"] == LOCKED
        held = lab.client("ecr", region=THERE).describe_repository_creation_templates()["repositoryCreationTemplates"]
        self.seed, self.prefix = lab.seed, as_words([str(each["prefix"]) for each in held])
        self.laid_down = Sentence("a-template") if held else Sentence("nothing-laid-down")
        self.how_made = Sentence("as-laid-down") if self.seed == "prepared" else Sentence("asked-for")
        tags = [tag for tags in lab.images(NAME, THERE).values() for tag in tags]
        self.images, self.tags_there = bool(lab.images(NAME, THERE)), as_words(tags)
        found = lab.digest(NAME, TAG, THERE)
        self.digest = f"{found[:19]}…" if found else ""
        self.other_names = as_words([name for name in (*there, *here) if name != NAME])
        self.stray = ", ".join(
            [f"`{name}` in {HERE}" for name in here] + [f"`{name}` in {THERE}" for name in there if name != NAME]
        )
        self.there_seen = as_words([*there]) or "no repository"
        self.here_seen = as_words([*here]) or "no repository"
        puts = [row for row in requests(lab) if row.ok and row.action == "ecr:PutImage"]
        puts = [row for row in puts if row.row["resource"] == arn(NAME, THERE)]
        self.pusher = puts[-1].user if puts else "ci"
        page = files_of(lab, NAME, found, THERE).read(INSIDE) if found else None
        assert lab.folder is not None
        file = lab.folder / "orders" / "index.html"
        self.right_page = page is not None and page in (
            PAGE[lab.seed].encode(),
            file.read_bytes() if file.is_file() else b"",
        )
        self.page_seen = Sentence("no-page") if page is None else Sentence("other-page")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d02.md: the folder's image, in that Region, under that name, pushed by the robot."""
    if not seen.digest:
        return absent(seen)
    if not seen.right_page:
        return "unrelated"
    if seen.stray:
        return "stray"
    if seen.seed == "prepared" and not seen.locked:
        return "by-hand"
    return "passed" if seen.pusher == "ci" else "by-admin"


def absent(seen: Seen) -> str:
    """Return why nothing is under that name."""
    if seen.here:
        return "in-us-east-1"
    if seen.made:
        return "tag-missing" if seen.tags_there else "empty"
    if seen.other_names:
        return "name-missing"
    return "untouched"


def make(lab: DrillLab, region: str = THERE, profile: str = "ci", name: str = NAME) -> None:
    """Create a repository."""
    lab.client("ecr", profile, region).create_repository(repositoryName=name)


def make_locked(lab: DrillLab) -> None:
    """Create the repository with the template's lock."""
    lab.client("ecr", "ci", THERE).create_repository(repositoryName=NAME, imageTagMutability=LOCKED)


def put(lab: DrillLab, profile: str = "ci", region: str = THERE, tag: str = TAG, page: str = "") -> None:
    """Push the image through the API, as an SDK does."""
    put_image(lab, NAME, tag, {INSIDE: (page or PAGE[lab.seed]).encode()}, region=region, profile=profile)


def push_alone(lab: DrillLab, profile: str = "ci", page: str = "") -> None:
    """Push the image as docker does, and make no repository first."""
    data = lab.client("ecr", profile, THERE).get_authorization_token()["authorizationData"][0]
    made = image((page or PAGE[lab.seed]).encode(), INSIDE)
    with suppress(Refused):
        push_image(port(lab), f"{HOST}/{NAME}", TAG, made, data["authorizationToken"])


def with_docker(lab: DrillLab) -> None:
    """Go the usual way: aws and docker."""
    address = lab.registry_of(THERE)
    create = f"aws ecr create-repository --region {THERE} --repository-name {NAME}\n" if lab.seed == "bare" else ""
    code, output = lab.sh(
        f"{create}aws ecr get-login-password --region "
        f"{THERE} | docker login --username AWS --password-stdin {address}\ndocker build -t orders:1 orders\ndocker "
        f"tag orders:1 {address}/{NAME}:{TAG}\ndocker push {address}/{NAME}:{TAG}",
        "ci",
        timeout=120,
    )
    if code:
        raise RuntimeError(output)


def into_nothing(lab: DrillLab, region: str = THERE) -> None:
    """Push where nobody made a repository."""
    with suppress(Refused):
        lab.push(NAME, TAG, b"orders", "ci", region)


def built_again_by_admin(lab: DrillLab) -> None:
    """Push the same page once more as administrator, in an image that was built again."""
    put_image(lab, NAME, TAG, {INSIDE: PAGE[lab.seed].encode()}, {"built": b"again"}, region=THERE)


def with_another_token(lab: DrillLab) -> None:
    """Push to eu-west-1 with a token that us-east-1 gave out."""
    make(lab)
    data = lab.client("ecr", "ci", HERE).get_authorization_token()["authorizationData"][0]
    with suppress(Refused):
        push_image(port(lab), f"{HOST}/{NAME}", TAG, image(b"orders"), data["authorizationToken"])


def without_token(lab: DrillLab) -> None:
    """Begin a push as docker does without a login."""
    make(lab)
    begin = urllib.request.Request(f"http://localhost:{port(lab)}/v2/{HOST}/{NAME}/blobs/uploads/", b"")
    with suppress(urllib.error.HTTPError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(begin, timeout=10)


def port(lab: DrillLab) -> int:
    """Return the port of the registry of eu-west-1."""
    return int(lab.control.registry(ACCOUNT, THERE)["port"])


TRIES = {
    "passed": {
        "through the API": [make, put],
        "with aws and docker": with_docker,
        "as admin, then as ci": [
            lambda lab: make(lab, profile="admin"),
            lambda lab: put(lab, "admin", page="hello"),
            put,
        ],
        "refused first": [into_nothing, make, put],
        "by the push alone": attempt(None, push_alone, seed="prepared"),
        "by the push alone, with docker": attempt(None, with_docker, seed="prepared"),
        "by hand, with the template's lock": attempt(None, (make_locked, put), seed="prepared"),
    },
    "in-us-east-1": {"in us-east-1": [lambda lab: make(lab, HERE), lambda lab: put(lab, region=HERE)]},
    "no-repository": {"no repository": into_nothing, "what a template would do": push_alone},
    "no-login": {"no token": without_token},
    "other-region-login": {"the token of us-east-1": with_another_token},
    "empty": {"only the repository": make},
    "tag-missing": {"another tag": [make, lambda lab: put(lab, tag="latest")]},
    "name-missing": {"another name": lambda lab: make(lab, name="shop/order")},
    "by-hand": {"what the bare registry needs": attempt(None, (make, put), seed="prepared")},
    "unrelated": {
        "any image under the name": [make, lambda lab: lab.push(NAME, TAG, b"hello", "ci", THERE)],
        "the name of the file, other words": [make, lambda lab: put(lab, page="hello")],
        "the bare registry's page": attempt(None, lambda lab: push_alone(lab, page=PAGE["bare"]), seed="prepared"),
    },
    "stray": {"both Regions": [make, put, lambda lab: make(lab, HERE)]},
    "by-admin": {
        "as administrator": [make, lambda lab: put(lab, "admin")],
        "by the template, as administrator": attempt(None, lambda lab: push_alone(lab, "admin"), seed="prepared"),
        "as ci, then as administrator": [make, put, built_again_by_admin],
    },
}
