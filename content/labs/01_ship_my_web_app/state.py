"""Lab 01: its checkpoints, and what its milestones look at or try. They look at what is there, never at how."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from typing import Any

from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.image_files import Files, files_of
from ecrlab_course.authoring.staging import INDEX, MANIFEST, address, log_in, log_out, made, make_repository, put_image

WANTED = "1.2"
SOURCE = "my-web-app-1.2"
PAGE = "www/version.txt"
NAME, OTHER_NAME = "harbour/booking", "web/shop"
"""The repository that the solution uses, and one that only the tests use: a learner may choose any other."""
HOME, IRELAND = "us-east-1", "eu-west-1"
IMAGES_AT_MOST = 60
OCI = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json")


# What lies in the registry


@dataclass(frozen=True)
class Image:
    """An image in ECR, and what a container of it would find as /www/version.txt."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    pushed: float
    """Seconds, lab time."""
    version: str = ""
    """What the page says; "" when a container would find none."""
    hidden: bool = False
    """A layer holds the page of 1.2, and a later one deletes it."""
    elsewhere: str = ""
    """Where a version.txt lies instead, with a slash in front."""


def images(lab: Lab, region: str = HOME) -> list[Image]:
    """Return the newest images of a Region, newest first."""
    ecr = lab.client("ecr", region=region)
    found = []
    for page in ecr.get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            name = repository["repositoryName"]
            for details in ecr.get_paginator("describe_images").paginate(repositoryName=name):
                for one in details["imageDetails"]:
                    tags = tuple(sorted(one.get("imageTags", [])))
                    found.append(Image(name, one["imageDigest"], tags, one["imagePushedAt"].timestamp()))
    newest = sorted(found, key=lambda image: image.pushed, reverse=True)[:IMAGES_AT_MOST]
    return [_read(lab, image, region) for image in newest]


_pages: dict[str, dict[str, Any]] = {}
"""What is known of an image's page, by the image's digest: a digest names bytes, so it is read once."""


def _read(lab: Lab, image: Image, region: str) -> Image:
    if image.digest not in _pages:
        _pages[image.digest] = _page_of(files_of(lab, image.repository, image.digest, region))
    return replace(image, **_pages[image.digest])


def _page_of(files: Files) -> dict[str, Any]:
    content = files.read(PAGE)
    others = [f"/{path}" for path in files.paths if path.rpartition("/")[2] == "version.txt"]
    return {
        "version": (content or b"").decode(errors="replace").strip()[:20],
        "hidden": content is None and files.deleted.get(PAGE, b"").decode(errors="replace").strip() == WANTED,
        "elsewhere": others[0] if content is None and others else "",
    }


def right_ones(found: list[Image]) -> list[Image]:
    """Return the images that say 1.2 and have a tag."""
    return [image for image in found if image.version == WANTED and image.tags]


# Steps that checkpoints and tries are made of


def build(lab: Lab, version: str = WANTED, name: str = "") -> None:
    """Build booking:VERSION from a copy of the source, and give it another name."""
    made(
        lab,
        f"""copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
        cp -r {SOURCE}/. "$copy"; echo {version} > "$copy/www/version.txt"
        docker build -q -t booking:{version} "$copy" 2>&1
        {f'docker tag booking:{version} "{name}"' if name else ""}""",
    )


def ship(lab: Lab, version: str = WANTED, tag: str = "", name: str = NAME, region: str = HOME) -> str:
    """Build, make the repository, log in, push; return the name that was pushed."""
    reference = f"{address(lab, region)}/{name}:{tag or version}"
    build(lab, version, reference)
    make_repository(lab, name, region)
    log_in(lab, region=region)
    made(lab, f"docker push -q {reference}")
    return reference


def put(lab: Lab, version: str = WANTED, tag: str = "", name: str = NAME, region: str = HOME) -> str:
    """Put a small image with the page through the API, as an SDK does; return its digest."""
    make_repository(lab, name, region)
    return put_image(lab, name, tag or version, {PAGE: f"{version}\n".encode()}, region=region)


def ask(
    lab: Lab,
    reference: str,
    authorization: str,
    name: str = NAME,
    region: str = HOME,
    method: str = "GET",
    what: str = "manifests",
) -> int:
    """Ask for a manifest, or one of the `blobs`, over HTTP with that login, as skopeo does; return the status."""
    port = int(lab.control.registry(lab.account, region)["port"])
    headers = {"Accept": ", ".join((MANIFEST, INDEX, *OCI))}
    if authorization:
        headers["Authorization"] = authorization
    where = f"http://localhost:{port}/v2/{lab.account}.dkr.ecr.{region}.amazonaws.com/{name}/{what}/{reference}"
    asked = urllib.request.Request(where, headers=headers, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def server_pulls(lab: Lab, reference: str, profile: str = "ops") -> None:
    """Pull as Omar's server would: the local names are gone, and the login is its own."""
    log_in(lab, profile)
    made(lab, f"docker rmi -f {reference} >/dev/null 2>&1 || true; docker pull -q {reference} 2>&1", profile)


def run(lab: Lab, reference: str, command: str = "") -> None:
    """Start a container called booking."""
    made(lab, f"docker rm -f booking >/dev/null 2>&1 || true; docker run -d --name booking {reference} {command} 2>&1")


@dataclass(frozen=True)
class Container:
    """A container of the engine that shows a booking page, or comes from this lab's registry."""

    name: str
    running: bool
    code: int
    started: str
    """The image's name under which it was started."""
    digests: tuple[str, ...]
    """The digests of its image at this lab's registries."""
    page: str
    """What its own page says."""


def containers(lab: Lab) -> list[Container]:
    """Return the engine's containers that have to do with this lab; none where there is no engine."""
    if lab.engine == "none":
        return []
    _, listed = lab.sh("docker ps -aq --no-trunc 2>/dev/null || true")
    if not listed.split():
        return []
    code, text = lab.sh(f"docker inspect {' '.join(listed.split())} 2>/dev/null")
    found = [_container(lab, item) for item in (json.loads(text) if code == 0 else [])]
    return [one for one in found if one.digests or one.page]


def _container(lab: Lab, item: dict[str, Any]) -> Container:
    code, text = lab.sh(f"docker image inspect {item['Image']} 2>/dev/null")
    digests = json.loads(text)[0].get("RepoDigests") or [] if code == 0 else []
    _, page = lab.sh(f"docker cp {item['Id']}:/{PAGE} - 2>/dev/null | tar -xO 2>/dev/null || true")
    return Container(
        name=item["Name"].lstrip("/"),
        running=bool(item["State"]["Running"]),
        code=item["State"]["ExitCode"],
        started=item["Config"]["Image"],
        digests=tuple(sorted({one.partition("@")[2] for one in digests if one.startswith("localhost:")})),
        page=page.strip()[:20],
    )


# The places of the lab


def fresh(lab: Lab) -> None:
    """Nothing of 1.2 anywhere: no image, no container, no login.

    Omar's permissions stay as they are: lesson 06 counts on them, and a lab that begins has no business there.
    """
    lab.clock.reset()
    for region in (HOME, IRELAND):
        lab.clear(NAME, region=region)
        take_out(lab, region)
    stop(lab)
    log_out(lab, "admin", "ops")
    lab.sh(
        f"docker images --format '{{{{.Repository}}}}:{{{{.Tag}}}}' |"
        f" grep -e '/{NAME}:' -e '^booking:' -e 'amazonaws.com/.*:{WANTED}$' -e '^my-web-app:{WANTED}$' |"
        " xargs -r docker rmi -f >/dev/null 2>&1 || true"
    )


def take_out(lab: Lab, region: str) -> None:
    """Delete the images of 1.2 and those that pass for it, wherever they were pushed to, and what is empty then."""
    ecr = lab.client("ecr", region=region)
    found = [one for one in images(lab, region) if one.version == WANTED or WANTED in one.tags or one.hidden]
    for repository in {image.repository for image in found}:
        ours = [{"imageDigest": image.digest} for image in found if image.repository == repository]
        for _ in range(2):  # an image that an index names goes when the index has gone
            ecr.batch_delete_image(repositoryName=repository, imageIds=ours)
        if not ecr.list_images(repositoryName=repository)["imageIds"]:
            lab.clear(repository, region=region)


def stop(lab: Lab) -> None:
    """Remove the containers of this lab, and the login for Ireland; what belongs to other lessons is left alone."""
    log_out(lab, "admin", region=IRELAND)
    mine = [one.name for one in containers(lab) if one.page == WANTED or one.name == "booking"]
    if mine:
        lab.sh(f"docker rm -f {' '.join(mine)} >/dev/null 2>&1 || true")


def forget_pulls(lab: Lab) -> None:
    """Give ops its first permissions back, and take its login."""
    lab.user("ops")
    log_out(lab, "ops")


def pushed(lab: Lab) -> None:
    """Version 1.2 in the repository harbour/booking, pushed by you; Omar's server may pull, and has not yet."""
    fresh(lab)
    lab.user("ops")
    ship(lab)


def pulled(lab: Lab) -> None:
    """Version 1.2 in ECR, and pulled by Omar's server with a login of its own."""
    pushed(lab)
    server_pulls(lab, f"{lab.registry}/{NAME}:{WANTED}")


def running(lab: Lab) -> None:
    """Version 1.2 in ECR, pulled by Omar's server and, where there is an engine, running in a container."""
    pulled(lab)
    if lab.engine != "none":
        run(lab, f"{lab.registry}/{NAME}:{WANTED}")


CHECKPOINTS = {"fresh": fresh, "pushed": pushed, "pulled": pulled, "running": running}
