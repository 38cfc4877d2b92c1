"""Lesson 10: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import PULL_ONLY, Lab, Request, requests
from ecrlab_course.authoring.evidence import manifest, tags
from ecrlab_course.authoring.staging import PEOPLE, log_in, log_out, make_repository, put_image

FILES = Path(__file__).parent / "files"
ACCOUNT = "123456789012"
PAGE, API, JOBS, NIGHT, FIXED = "web/page", "web/api", "web/jobs", "web/night", "web/fixed"
OWN = (PAGE, API, JOBS, NIGHT, FIXED, "web/pages")
PHOTO = (FILES / "page/harbour.raw").read_bytes()
LARGE = 50_000
"""Bytes: a transfer of so many holds the photo; configs and manifests are far smaller."""
FIRST = {"www/index.html": b"Harbour Bikes, 1\n", "www/harbour.raw": PHOTO}
SECOND = {"www/index.html": b"Harbour Bikes, 1.1\n"}


def arn(name: str) -> str:
    """Return a repository's ARN."""
    return f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}"


# Building the places of the lesson


def mine(lab: Lab) -> list[str]:
    """Return the repositories below `web/`."""
    pages = lab.client("ecr").get_paginator("describe_repositories").paginate()
    names = [str(each["repositoryName"]) for page in pages for each in page["repositories"]]
    return [name for name in names if name.startswith("web/")]


def mounting(lab: Lab, on: bool) -> None:
    """Switch the registry's blob mounting."""
    lab.client("ecr").put_account_setting(name="BLOB_MOUNTING", value="ENABLED" if on else "DISABLED")


def undo(lab: Lab) -> None:
    """Put the registry's setting, the Hub, the clock and docker's logins back, and remove `web/`."""
    lab.clock.reset()
    lab.hub.reset()
    mounting(lab, False)
    lab.clear(*mine(lab))
    log_out(lab, "admin", *PEOPLE)


def begun(lab: Lab) -> None:
    """`web/page:1` is in ECR, and `web/api` is empty. Nobody's permissions were changed; docker is logged in."""
    lab.clock.reset()
    lab.hub.reset()
    mounting(lab, False)
    lab.clear(*mine(lab))
    lab.user(*PEOPLE)
    log_in(lab)
    for name in (PAGE, API):
        make_repository(lab, name)
    put_image(lab, PAGE, "1", FIRST)
    lab.sh(
        f'for each in {PAGE} {JOBS} {NIGHT} {FIXED}; do docker rmi -f "$REGISTRY/$each:1" >/dev/null 2>&1; done; true'
    )


def slide(lab: Lab) -> None:
    """`web/page:1` is in ECR, and `web/api` is empty; no layer is mounted, and nobody has asked the Hub."""
    begun(lab)


def give(lab: Lab, user: str, *statements: dict[str, Any], name: str = "pages") -> None:
    """Put an inline policy on a user."""
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    lab.client("iam").put_user_policy(UserName=user, PolicyName=name, PolicyDocument=text)


def pulls(*resources: str, actions: Iterable[str] = PULL) -> list[dict[str, Any]]:
    """Return two statements: the login on a star, and these actions on these ARNs."""
    return [
        {"Effect": "Allow", "Action": LOGIN, "Resource": "*"},
        {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)},
    ]


def sprint(lab: Lab) -> None:
    """`web/page` has 1 and 1.1, and `prod` names 1.1. Omar's only policy, `pages`, lets him log in, and not pull."""
    begun(lab)
    put_image(lab, PAGE, "1.1", FIRST, SECOND)
    put_image(lab, PAGE, "prod", FIRST, SECOND)
    only_pages(lab)
    log_out(lab, "ops")


def only_pages(lab: Lab) -> None:
    """Let Omar hold one policy, with a letter too many in it."""
    lab.user("ops")
    iam = lab.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.detach_user_policy(UserName="ops", PolicyArn=f"arn:aws:iam::aws:policy/{PULL_ONLY}")
    give(lab, "ops", *pulls(arn("web/pages")))


def end(lab: Lab) -> None:
    """The sprint is done: `prod` names 1 again, 1.1 is there, and Omar pulls `web/page` and nothing else."""
    sprint(lab)
    put_image(lab, PAGE, "prod", FIRST)
    give(lab, "ops", *pulls(arn(PAGE)))


CHECKPOINTS = {"begun": begun, "slide": slide, "sprint": sprint, "end": end}


# Looking


def layers_of(lab: Lab, repository: str) -> set[str]:
    """Return the digests of the layers of the images that have a tag in a repository."""
    found = set(tags(lab, repository).values())
    return {str(each["digest"]) for one in found for each in manifest(lab, repository, one).get("layers", ())}


def repository_of(request: Request) -> str:
    """Return the repository that a request to the registry is about; "" for another one."""
    return request.path.partition(f"/v2/{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/")[2].partition("/blobs/")[0]


def sends(request: Request) -> bool:
    """Tell whether a request carried the photo's layer to a registry."""
    return request.ok and request.method in ("PATCH", "PUT", "POST") and int(request.row["bytes_in"]) > LARGE


def e4_seen(lab: Lab) -> str | None:
    """Return what the push of `web/page:1` to `web/jobs` carried since the guess."""
    rows = requests(lab, "registry", "ecr")
    there = [row for row in rows if f"/{JOBS}/" in row.path]
    if not any(row.puts(JOBS) for row in there):
        return None
    if any(sends(row) for row in there):
        return "b"
    return "a" if any(row.ok and "mount=" in row.path for row in there) else "c"


def g2_seen(lab: Lab) -> str | None:
    """Return what the push of the same image to `web/night` carried since the guess."""
    there = [row for row in requests(lab, "registry") if f"/{NIGHT}/" in row.path]
    if not any(row.puts(NIGHT) for row in there):
        return None
    return "a" if any(sends(row) for row in there) else "b"
