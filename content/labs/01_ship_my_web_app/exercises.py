"""Lab 01: its front matter, its checkpoints and its four milestones. They look at what is there, never at how.

Facts: E003 E021 E026 E031 E034 E056 E066 E070 E168; C024 to C029 C038; err 1 5 7; N1 N5.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import tarfile
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import zstandard
from botocore.exceptions import ClientError

from ecrlab.client import LOOKING
from ecrlab_course.authoring.evidence import short
from ecrlab_course.authoring.exercises import (
    Attempt,
    BuildCommand,
    Field,
    FollowUp,
    FreeAnswer,
    Lesson,
    LiveCheck,
    Point,
    Result,
    Verdict,
    not_yet,
    passed,
    untouched,
)
from ecrlab_course.authoring.staging import address, log_in, made, make_repository
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.toolbox.refusals import refusals

WANTED = "1.2"
SOURCE = "my-web-app-1.2"
NAME = "harbour/booking"
"""The repository that the solution and the tests use; a learner may choose another."""
REGIONS = ("us-east-1", "eu-west-1")
IMAGES_AT_MOST = 60
LAYER_AT_MOST, UNPACKED_AT_MOST = 50_000_000, 200_000_000
ZSTANDARD = b"\x28\xb5\x2f\xfd"
PUSHED_TO = re.compile(r"/v2/(?:[^/]+\.amazonaws\.com/)?(.+)/blobs/")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TOO_MUCH = (
    "ecr:PutImage",
    "ecr:InitiateLayerUpload",
    "ecr:BatchDeleteImage",
    "ecr:DeleteRepository",
    "ecr:SetRepositoryPolicy",
)


# What lies in the registry

_versions: dict[str, str] = {}
"""What the page in an image says, by the image's digest: a digest names bytes, so it is read once."""


def fetch(url: str) -> bytes:
    """Return a layer's bytes from its signed address; the request is marked as one that only looks."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers={"User-Agent": LOOKING}), timeout=20) as answer:
        return bytes(answer.read(LAYER_AT_MOST))


def manifest_of(ecr: Any, repository: str, digest: str) -> dict[str, Any]:
    """Return an image's manifest or index; {} when ECR does not hand it out."""
    answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    found: dict[str, Any] = json.loads(answer["images"][0]["imageManifest"]) if answer["images"] else {}
    return found


def version_in(layer: bytes) -> str | None:
    """Return what a version.txt in the layer says; None when there is none, or when the layer cannot be unpacked."""
    if layer.startswith(ZSTANDARD):
        with suppress(zstandard.ZstdError):
            layer = zstandard.ZstdDecompressor().stream_reader(layer).read(UNPACKED_AT_MOST)
    with suppress(tarfile.TarError, OSError, EOFError), tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for entry in archive:
            if entry.isfile() and entry.name.rpartition("/")[2] == "version.txt":
                file = archive.extractfile(entry)
                return file.read(100).decode(errors="replace").strip() if file else None
    return None


def version_of(ecr: Any, repository: str, digest: str) -> str:
    """Return what the page in the image says ("1.2"); "" when it holds no page. Of an index, its first image's."""
    if digest in _versions:
        return _versions[digest]
    manifest = manifest_of(ecr, repository, digest)
    found = ""
    for child in manifest.get("manifests", []):
        found = found or version_of(ecr, repository, child["digest"])
    for layer in reversed(manifest.get("layers", [])):
        if found or int(layer["size"]) > LAYER_AT_MOST:
            continue
        where = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=layer["digest"])
        found = version_in(fetch(where["downloadUrl"])) or ""
    if manifest:
        _versions[digest] = found
    return found


def images(lab: LabView, region: str) -> list[dict[str, Any]]:
    """Return the newest images of a Region: repository, digest, tags, pushed (seconds), version."""
    ecr = lab.client("ecr", region=region)
    found = []
    for page in ecr.get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            name = repository["repositoryName"]
            for details in ecr.get_paginator("describe_images").paginate(repositoryName=name):
                found += [
                    {
                        "repository": name,
                        "digest": detail["imageDigest"],
                        "tags": sorted(detail.get("imageTags", [])),
                        "pushed": detail["imagePushedAt"].timestamp(),
                    }
                    for detail in details["imageDetails"]
                ]
    newest = sorted(found, key=lambda image: image["pushed"], reverse=True)[:IMAGES_AT_MOST]
    return [{**image, "version": version_of(ecr, image["repository"], image["digest"])} for image in newest]


def right_ones(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the images of us-east-1 that say 1.2 and have a tag, newest first."""
    return [image for image in state["here"] if image["version"] == WANTED and image["tags"]]


# Steps that the checkpoints and the attempts are made of


def build(lab: LabView, version: str = WANTED, name: str = "") -> None:
    """Build booking:VERSION from a copy of the source, and give it another name."""
    made(
        lab,
        f"""copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
        cp -r {SOURCE}/. "$copy"; echo {version} > "$copy/www/version.txt"
        docker build -q -t booking:{version} "$copy" 2>&1
        {f'docker tag booking:{version} "{name}"' if name else ""}""",
    )


def ship(lab: LabView, version: str = WANTED, tag: str = "", name: str = NAME, region: str = "us-east-1") -> str:
    """Build, make the repository, log in, push; return the name that was pushed."""
    reference = f"{address(lab, region)}/{name}:{tag or version}"
    build(lab, version, reference)
    make_repository(lab, name, region)
    log_in(lab, region=region)
    made(lab, f"docker push -q {reference}")
    return reference


def server_pulls(lab: LabView, reference: str, profile: str = "ops") -> None:
    """Pull as Omar's server would: the local names are gone, and the login is its own."""
    log_in(lab, profile)
    made(lab, f"docker rmi -f {reference} >/dev/null 2>&1 || true; docker pull -q {reference} 2>&1", profile)


def run(lab: LabView, reference: str, command: str = "") -> None:
    """Start a container called booking."""
    made(lab, f"docker rm -f booking >/dev/null 2>&1 || true; docker run -d --name booking {reference} {command} 2>&1")


def containers(lab: LabView) -> list[dict[str, Any]]:
    """Return the engine's containers that show a booking page or come from this lab's registry.

    Each with name, running, exit code, the name it was started under, the digests of its image at this lab's
    registries, the image's version (booking page in the image is not read here), and what its own page says.
    """
    if lab.engine == "none":
        return []
    _, listed = lab.sh("docker ps -aq --no-trunc 2>/dev/null || true")
    names = listed.split()
    if not names:
        return []
    code, text = lab.sh(f"docker inspect {' '.join(names)} 2>/dev/null")
    found = []
    for item in json.loads(text) if code == 0 else []:
        code, text = lab.sh(f"docker image inspect {item['Image']} 2>/dev/null")
        digests = json.loads(text)[0].get("RepoDigests") or [] if code == 0 else []
        ours = sorted({one.partition("@")[2] for one in digests if one.startswith("localhost:")})
        _, page = lab.sh(f"docker cp {item['Id']}:/www/version.txt - 2>/dev/null | tar -xO 2>/dev/null || true")
        if not ours and not page.strip():
            continue
        found.append(
            {
                "name": item["Name"].lstrip("/"),
                "running": bool(item["State"]["Running"]),
                "code": item["State"]["ExitCode"],
                "started": item["Config"]["Image"],
                "digests": ours,
                "page": page.strip()[:20],
            }
        )
    return found


# The places of the lab


def fresh(lab: LabView) -> None:
    """Nothing of 1.2 anywhere: no repository that holds it, no container, no login; Omar may pull, as at first."""
    lab.clock.reset()
    for region in REGIONS:
        lab.clear(NAME, region=region)
        take_out(lab, region)
    lab.user("ops")
    stop(lab)
    for profile in ("admin", "ops"):
        lab.sh('docker logout "$REGISTRY" >/dev/null 2>&1 || true', profile)
    lab.sh(
        f"docker images --format '{{{{.Repository}}}}:{{{{.Tag}}}}' | grep -e '/{NAME}:' -e '^booking:' |"
        " xargs -r docker rmi -f >/dev/null 2>&1 || true"
    )


def take_out(lab: LabView, region: str) -> None:
    """Delete the images of 1.2, wherever they were pushed to, and the repositories that are empty then."""
    ecr = lab.client("ecr", region=region)
    found = [image for image in images(lab, region) if image["version"] == WANTED]
    for repository in {image["repository"] for image in found}:
        ours = [{"imageDigest": one["digest"]} for one in found if one["repository"] == repository]
        for _ in range(2):  # an image that an index names goes when the index has gone
            ecr.batch_delete_image(repositoryName=repository, imageIds=ours)
        if not ecr.list_images(repositoryName=repository)["imageIds"]:
            lab.clear(repository, region=region)


def stop(lab: LabView) -> None:
    """Remove the containers of this lab; those of other lessons are left alone."""
    mine = [one["name"] for one in containers(lab) if one["page"] == WANTED or one["name"] == "booking"]
    if mine:
        lab.sh(f"docker rm -f {' '.join(mine)} >/dev/null 2>&1 || true")


def forget_pulls(lab: LabView) -> None:
    """Give ops its first rights back, and take its login."""
    lab.user("ops")
    lab.sh('docker logout "$REGISTRY" >/dev/null 2>&1 || true', "ops")


def pushed(lab: LabView) -> None:
    """`fresh`, and 1.2 in the repository harbour/booking, pushed by admin."""
    fresh(lab)
    ship(lab)


def pulled(lab: LabView) -> None:
    """`pushed`, and the server has pulled it, with a login of its own."""
    pushed(lab)
    server_pulls(lab, f"{lab.registry}/{NAME}:{WANTED}")


def running(lab: LabView) -> None:
    """`pulled`, and where there is an engine: a container that runs it."""
    pulled(lab)
    if lab.engine != "none":
        run(lab, f"{lab.registry}/{NAME}:{WANTED}")


LESSON = Lesson(
    id="lab-01",
    title="Ship my-web-app",
    minutes=40,
    follows="04",
    verbs=(
        "bring a change from source into ECR without being told the steps",
        "run it with another identity's permissions",
        "prove that what runs is what was pushed",
    ),
    needs=(
        "Lesson 04. Three of the four milestones count on every machine; the third needs a container engine, because "
        "something has to run."
    ),
    checkpoints={"fresh": fresh, "pushed": pushed, "pulled": pulled, "running": running},
    repositories=(NAME,),
    users=("ops",),
    undo=fresh,
    undoes=f"every image of {WANTED}, its containers, your docker logins and those of ops, and the clock's lead",
    sticking={
        "“I pushed it, and milestone 1 says nothing is there”": (
            "the page inside is read, not the tag: ask what `version.txt` says in the image, not in the folder"
        ),
        "the server's pull does not show": (
            "`docker run` asks no registry when the image is on the computer, `docker pull` always does; and a cell "
            "without `--as ops` is you, not Omar"
        ),
        "`no basic auth credentials` as ops": "logins are per person here: Omar's docker has never logged in",
        "the container is gone after a second": "`docker ps -a` shows it, `docker logs` says why",
    },
)


# m1: it is in the registry


def m1_probe(lab: LabView) -> dict[str, Any]:
    """Read the images of both Regions, the names that docker has on this computer, and which pushes found no place."""
    _, names = lab.sh("docker images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null || true")
    repositories = lab.client("ecr").describe_repositories()["repositories"]
    return {
        "here": images(lab, "us-east-1"),
        "ireland": images(lab, "eu-west-1"),
        "repositories": [row["repositoryName"] for row in repositories],
        "local": [
            name.replace(lab.registry, "$REGISTRY")
            for name in names.split()
            if "amazonaws.com/" in name and name.endswith(f":{WANTED}")
        ],
        "missing": [
            match[1]
            for row in lab.rows()
            if row["error"] == "NAME_UNKNOWN" and row["region"] == "us-east-1"
            if (match := PUSHED_TO.match(str(row["path"])))
        ],
    }


def m1_judge(state: dict[str, Any]) -> Verdict:
    """An image with the page 1.2, under a tag, in us-east-1."""
    found = right_ones(state)
    if found:
        image = found[0]
        return passed(f"`{image['repository']}:{image['tags'][0]}` is in ECR, and the page inside says {WANTED}.")
    untagged = [image for image in state["here"] if image["version"] == WANTED]
    if untagged:
        return not_yet(
            f"`{untagged[0]['repository']}` holds an image that says {WANTED}, but no tag points at it any more. "
            "Another push took its tag.",
            "tag-is-version",
        )
    if any(image["version"] == WANTED for image in state["ireland"]):
        return not_yet(
            f"I see {WANTED} in eu-west-1. Omar's server asks us-east-1, and the two registries share nothing.",
            "ecr-is-global",
        )
    called = [image for image in state["here"] if WANTED in image["tags"]]
    if called:
        says = called[0]["version"] or "nothing about a version"
        return not_yet(
            f"`{called[0]['repository']}:{WANTED}` is there, and the page inside says: {says}. A tag is a label "
            f"somebody stuck on; what is in the image was decided when it was built.",
            "tag-is-version",
        )
    absent = [name for name in state["missing"] if name not in state["repositories"]]
    if absent:
        return not_yet(
            f"A push reached the registry and was refused: us-east-1 has no repository `{absent[-1]}`. A push does "
            f"not create one.",
            "ecr-creates-repository",
        )
    if state["local"]:
        return not_yet(
            f"On this computer an image has the name `{state['local'][0]}`. In ECR I see no image that says {WANTED}. "
            "Naming it on the laptop sends nothing.",
            "tag-copies",
        )
    return untouched(
        f"I look through all repositories in us-east-1 for a tagged image whose `version.txt` says {WANTED}. There is "
        "none yet."
    )


def m1_hint(state: Mapping[str, Any]) -> str:
    """Say what is there."""
    seen = [f"`{one['repository']}:{(one['tags'] or ['(no tag)'])[0]}` says {one['version']}" for one in state["here"]]
    listed = "; ".join(seen[:5]) or "no image with a booking page"
    number = len(state["repositories"])
    if not number:
        return "I see no repository in us-east-1, so no image either."
    return f"In us-east-1 I see {number} repositor{'y' if number == 1 else 'ies'}; in there: {listed}."


def tag_only(lab: LabView) -> None:
    """Built, named with an ECR address, never pushed."""
    build(lab, name=f"{lab.registry}/{NAME}:{WANTED}")
    make_repository(lab, NAME)


def no_repository(lab: LabView) -> None:
    """Built, named, logged in and pushed; the repository was never made."""
    reference = f"{lab.registry}/{NAME}:{WANTED}"
    build(lab, name=reference)
    log_in(lab)
    lab.sh(f"docker push -q {reference}")


def old_page_under_new_tag(lab: LabView) -> None:
    """The tag says 1.2, the page says 1.1."""
    ship(lab, version="1.1", tag=WANTED)


def lost_its_tag(lab: LabView) -> None:
    """1.2 was pushed as `prod`, and then 1.1 was."""
    ship(lab, tag="prod")
    ship(lab, version="1.1", tag="prod")


def by_put_image(lab: LabView) -> None:
    """Pushed under one name by docker, carried to a second tag by the API; the first tag removed."""
    ship(lab, tag="candidate", name="web/shop")
    ecr = lab.client("ecr")
    one = ecr.batch_get_image(repositoryName="web/shop", imageIds=[{"imageTag": "candidate"}])["images"][0]
    ecr.put_image(
        repositoryName="web/shop",
        imageManifest=one["imageManifest"],
        imageManifestMediaType=one["imageManifestMediaType"],
        imageTag="release",
    )
    ecr.batch_delete_image(repositoryName="web/shop", imageIds=[{"imageTag": "candidate"}])


def undo(lab: LabView) -> None:
    """Remove what any attempt made."""
    lab.clear("web/shop")
    fresh(lab)


m1 = LiveCheck(
    id="lab-01-m1",
    objective="Get version 1.2 from its source into your registry.",
    prompt=(
        "**Milestone 1: it is in ECR.** A repository in us-east-1 holds a tagged image whose `/www/version.txt` says "
        f"**{WANTED}**. Which repository and which tag is up to you; so is the tool."
    ),
    probe=m1_probe,
    judge=m1_judge,
    hints=(
        m1_hint,
        "Five things make a push: a repository, an image, a name that begins with the registry, a login, the push "
        "itself. Which of them do you have?",
        f"The source is `{SOURCE}/`. Build it; name the result with `$REGISTRY`, a repository that exists and a tag; "
        "log docker in; push. Then ask ECR, not docker, whether it is there.",
    ),
    solution=(
        f"```bash\naws ecr create-repository --repository-name {NAME}\n"
        'aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"\n'
        f'docker build -t "$REGISTRY/{NAME}:{WANTED}" {SOURCE}/\ndocker push "$REGISTRY/{NAME}:{WANTED}"\n```\n\n'
        "**Why the page is read, and not the tag:** anybody can put the tag 1.2 on anything. What an image is was "
        "decided when it was built. buildx with `--push`, skopeo, or a script with the docker library get to the same "
        "place."
    ),
    accepts=(
        Attempt("docker", do=ship),
        Attempt("another repository, another tag", do=lambda lab: ship(lab, tag="prod", name="web/shop")),
        Attempt("the tag given through the API", do=by_put_image),
    ),
    rejects=(
        Attempt(
            "no repository",
            do=no_repository,
            misconception="ecr-creates-repository",
            says="was refused: us-east-1 has no repository",
        ),
        Attempt("only named", do=tag_only, misconception="tag-copies", says="Naming it on the laptop sends nothing"),
        Attempt(
            "in Ireland",
            do=lambda lab: ship(lab, region="eu-west-1"),
            misconception="ecr-is-global",
            says="Omar's server asks us-east-1",
        ),
        Attempt(
            "old page, new tag",
            do=old_page_under_new_tag,
            misconception="tag-is-version",
            says="the page inside says: 1.1",
        ),
        Attempt("its tag was taken", do=lost_its_tag, misconception="tag-is-version", says="Another push took its tag"),
    ),
    reset=undo,
    neighbour="Ask your neighbour: how would you tell, without running it, that an image tagged 1.2 is not 1.2?",
)


# m2: the server has fetched it, as itself


def m2_probe(lab: LabView) -> dict[str, Any]:
    """Read the images, who fetched a manifest of which, and what ops may do beyond pulling."""
    pulls = []
    for row in lab.rows():
        match = re.search(r"amazonaws\.com/(.+)/manifests/([^/]+)$", str(row["path"])) or re.fullmatch(
            r"/v2/(.+)/manifests/([^/]+)", str(row["path"])
        )
        if row["service"] == "registry" and row["method"] in ("GET", "HEAD") and int(row["status"]) == 200 and match:
            pulls.append(
                {
                    "who": str(row["principal"] or "").rpartition("/")[2],
                    "repository": match[1],
                    "reference": match[2],
                    "sent": row["method"] == "GET",
                    "region": row["region"],
                    "time": datetime.fromisoformat(row["time"]).timestamp(),
                }
            )
    here = images(lab, "us-east-1")
    arns = {f"arn:aws:ecr:us-east-1:{lab.account}:repository/{image['repository']}" for image in here}
    questions = [("user/ops", action, arn) for arn in sorted(arns) for action in TOO_MUCH]
    answers = lab.control.decide_all(questions) if questions else []
    wide = [q[1] for q, answer in zip(questions, answers, strict=True) if answer["decision"] == "allowed"]
    return {"here": here, "pulls": pulls, "wide": sorted(set(wide))}


def fetched(pull: Mapping[str, Any], image: Mapping[str, Any]) -> bool:
    """Tell whether the pull asked for this image: by its digest, or by its tag after it was pushed."""
    if pull["region"] != "us-east-1" or pull["repository"] != image["repository"]:
        return False
    by_tag = pull["reference"] in image["tags"] and pull["time"] >= image["pushed"] - 0.001
    return bool(by_tag or pull["reference"] == image["digest"])


def m2_judge(state: dict[str, Any]) -> Verdict:
    """ops asked for the image that is right now, and may neither push nor delete."""
    found = right_ones(state)
    pulls = state["pulls"]
    mine = [pull for pull in pulls if pull["who"] == "ops"]
    good = [pull for pull in mine if any(fetched(pull, image) for image in found)]
    if state["wide"]:
        return not_yet(
            f"Omar's server may also do `{state['wide'][0]}`. It has to fetch an image at three in the morning, and "
            f"whoever breaks into it gets every permission it has.",
            "wide-is-fixed",
        )
    if good:
        said = "Omar's server asked for it with its own login, and may neither push nor delete."
        if not any(pull["sent"] for pull in good):
            said += " It was on this computer already, so nothing was sent; a separate server would have fetched it."
        return passed(said)
    if mine and found:
        return not_yet(
            f"`ops` asked for `{mine[-1]['repository']}`, `{mine[-1]['reference'][:20]}`. That was not the image that "
            f"now says {WANTED}: it was another one, or the tag pointed elsewhere then.",
            "tag-is-version",
        )
    others = [pull for pull in pulls if any(fetched(pull, image) for image in found) and pull["who"] != "ops"]
    # A push looks for the manifest, too; only a pull counts as somebody else's.
    if [pull for pull in others if pull["time"] > found[0]["pushed"] + 0.5]:
        return not_yet(
            f"I see a pull by `{others[-1]['who']}`. Omar's server does not have that person's login, and must not.",
            "login-is-permission",
        )
    return untouched("I look for a pull of the image that says 1.2, made by `ops`. There is none in the X-ray yet.")


def m2_hint(state: Mapping[str, Any]) -> str:
    """Say who pulled what."""
    people = sorted({pull["who"] for pull in state["pulls"]}) or ["nobody"]
    return f"In the X-ray I see manifests fetched by: {', '.join(people)}. The server of the story is `ops`."


def whole_way(lab: LabView) -> None:
    """Push as admin, pull as ops."""
    server_pulls(lab, ship(lab))


def by_digest(lab: LabView) -> None:
    """Pull as ops, by digest."""
    reference = ship(lab, tag="prod", name="web/shop")
    digest = lab.client("ecr").describe_images(repositoryName="web/shop")["imageDetails"][0]["imageDigest"]
    lab.sh(f"docker rmi -f {reference} >/dev/null 2>&1 || true")
    server_pulls(lab, f"{lab.registry}/web/shop@{digest}")


def pulled_by_admin(lab: LabView) -> None:
    """Push and pull, both as admin; a pull comes some time after the push."""
    reference = ship(lab)
    lab.clock.advance(minutes=5)
    server_pulls(lab, reference, "admin")


def pulled_too_early(lab: LabView) -> None:
    """ops pulled while the tag still meant 1.1."""
    server_pulls(lab, ship(lab, version="1.1", tag="prod"))
    lab.clock.advance(minutes=5)
    ship(lab, tag="prod")


def power_user(lab: LabView) -> None:
    """ops got a policy that also pushes."""
    lab.client("iam").attach_user_policy(
        UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
    )
    whole_way(lab)


m2 = LiveCheck(
    id="lab-01-m2",
    objective="Let the server fetch the image with its own login and no wider permissions.",
    prompt=(
        "**Milestone 2: the server has fetched it.** Omar's server is the user `ops`. It pulls the image of "
        "milestone 1 with its own login, after the last push, and has no permission to push or delete. A cell runs "
        "as the server when its first line is `%%bash --as ops`."
    ),
    probe=m2_probe,
    judge=m2_judge,
    hints=(
        m2_hint,
        "Each identity has its own docker login here. And `docker run` asks no registry for an image that is on "
        "the computer already; `docker pull` asks each time, with a single request if nothing is new.",
        "As `ops`: log in, then pull. `ops` needs no new permission for that; see, as yourself, "
        "`aws iam list-attached-user-policies --user-name ops`.",
    ),
    solution=(
        "```bash\n%%bash --as ops\n"
        'aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"\n'
        f'docker rmi -f "$REGISTRY/{NAME}:{WANTED}"\ndocker pull "$REGISTRY/{NAME}:{WANTED}"\n```\n\n'
        "One computer plays both parts here, so the name is removed first, as if this were the server.\n\n"
        "**Why as ops:** whoever pushes and whoever runs are two principals with two sets of permissions. `ops` has "
        "the managed policy *AmazonEC2ContainerRegistryPullOnly*: login, manifest, layers. A server that can push "
        "can replace what every other server will run."
    ),
    accepts=(Attempt("by tag", do=whole_way), Attempt("by digest, other names", do=by_digest)),
    rejects=(
        Attempt("as admin", do=pulled_by_admin, misconception="login-is-permission", says="I see a pull by `admin`"),
        Attempt("with more rights", do=power_user, misconception="wide-is-fixed", says="may also do `ecr:"),
        Attempt(
            "too early", do=pulled_too_early, misconception="tag-is-version", says="the tag pointed elsewhere then"
        ),
    ),
    reset=forget_pulls,
    neighbour="Ask your neighbour: which line of the X-ray shows that it was the server and not you?",
)


# m3: it runs


def m3_probe(lab: LabView) -> dict[str, Any]:
    """Read the images of both Regions and the containers of the engine."""
    return {
        "engine": lab.engine,
        "registry": lab.registry,
        "here": images(lab, "us-east-1"),
        "ireland": images(lab, "eu-west-1"),
        "containers": containers(lab),
    }


def m3_judge(state: dict[str, Any]) -> Verdict:
    """A running container, started under a name of the registry, whose image is the one that ECR has."""
    if state["engine"] == "none":
        return untouched(
            "There is no container engine on this machine, so nothing can run, and this milestone cannot be passed "
            "here. Milestone 4 counts everywhere."
        )
    wanted = {image["digest"]: image for image in right_ones(state)}
    alive = [one for one in state["containers"] if one["running"]]
    for one in alive:
        match = next((wanted[digest] for digest in one["digests"] if digest in wanted), None)
        if match and _of_registry(one["started"], state["registry"]):
            return passed(
                f"`{one['name']}` runs, and its image is {short(match['digest'])}, the one that ECR has as "
                f"`{match['repository']}:{match['tags'][0]}`."
            )
    for one in alive:
        if any(digest in wanted for digest in one["digests"]):
            if ".eu-west-1." in one["started"]:
                return not_yet(
                    f"`{one['name']}` runs the right bytes, fetched from eu-west-1. Omar's server asks the registry of "
                    "us-east-1.",
                    "ecr-is-global",
                )
            return not_yet(
                f"`{one['name']}` was started under the name `{one['started']}`. That name exists on the computer "
                "where the image was built, and nowhere else. Omar's server knows the address in ECR.",
                "tag-copies",
            )
    for one in alive:
        verdict = _wrong(one, state, bool(wanted))
        if verdict is not None:
            return verdict
    for one in state["containers"]:
        if any(digest in wanted for digest in one["digests"]) and not one["running"]:
            return not_yet(
                f"`{one['name']}` has the right image but is not running: it ended with exit code {one['code']}. "
                "`docker run` printed an id and returned; that says it was started, not that it stayed up.",
                "no-exception-is-success",
            )
    return untouched("I look for a running container whose image is the one in ECR. There is no such container yet.")


def _of_registry(name: str, registry: str) -> bool:
    """Tell whether a container was started under an address of the registry, or by an image's id, not a name."""
    host = registry.partition("/")[0]
    ours = name.startswith(f"{registry}/") or (name.startswith(f"{host}/") and ".amazonaws.com/" not in name)
    return ours or re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", name) is not None


def _wrong(one: Mapping[str, Any], state: Mapping[str, Any], there: bool) -> Verdict | None:
    """Say why a running container is not the right one; None when it has nothing to do with the lab."""
    known = {image["digest"]: image for image in state["here"]}
    own = [known[digest] for digest in one["digests"] if digest in known]
    name = one["name"]
    if own and own[0]["version"] == WANTED:
        return not_yet(f"`{name}` runs an image in ECR that no tag points at any more.", "tag-is-version")
    if own and one["page"] == WANTED:
        return not_yet(
            f"`{name}` shows {WANTED} now, and its image says {own[0]['version']}: the page was changed inside the "
            "container. The next container of that image shows the old page.",
            "rm-keeps-data",
        )
    if own:
        tags = ", ".join(own[0]["tags"]) or "none"
        return not_yet(
            f"`{name}` still runs {short(own[0]['digest'])}, which says {own[0]['version'] or 'no version'} (tags in "
            f"ECR now: {tags}). A container keeps the image it was started with, wherever a tag points later.",
            "tag-moves-what-runs",
        )
    if {image["digest"] for image in state["ireland"]} & set(one["digests"]):
        return not_yet(
            f"`{name}` runs an image from eu-west-1. The registry of us-east-1 does not have it.", "ecr-is-global"
        )
    if one["digests"]:
        return not_yet(
            f"`{name}` runs {short(one['digests'][0])}, and ECR no longer has an image with that digest. Nobody could "
            f"start it a second time.",
            "left-out",
        )
    if one["page"] and there:
        return not_yet(
            f"`{name}` runs an image that was never pushed, although it shows {one['page']}. Built again, the same "
            "source is another image: its digest is not the one in ECR.",
            "tag-is-version",
        )
    if one["page"]:
        return not_yet(
            f"`{name}` shows {one['page']}, from an image on this computer. ECR has never seen it.", "tag-copies"
        )
    return None


def m3_hint(state: Mapping[str, Any]) -> str:
    """Say what runs."""
    if state["engine"] == "none":
        return "There is no engine here. Go on with milestone 4."
    rows = [
        f"`{one['name']}` ({'runs' if one['running'] else 'ended'}, started as `{one['started']}`)"
        for one in state["containers"]
    ]
    return f"Containers with a booking page or an image of this registry: {'; '.join(rows) or 'none'}."


def run_from_ecr(lab: LabView) -> None:
    """Push, pull as ops, run."""
    running(lab)


def run_by_digest(lab: LabView) -> None:
    """Run by digest, under other names."""
    ship(lab, tag="prod", name="web/shop")
    digest = lab.client("ecr").describe_images(repositoryName="web/shop")["imageDetails"][0]["imageDigest"]
    run(lab, f"{lab.registry}/web/shop@{digest}")


def run_by_library(lab: LabView) -> None:
    """Run with the docker library for Python."""
    reference = ship(lab)
    made(
        lab,
        "python - <<'END'\nimport docker\n"
        f"docker.from_env().containers.run({reference!r}, name='booking', detach=True)\nEND",
    )


def run_local_name(lab: LabView) -> None:
    """Pushed, and run under the local name."""
    ship(lab)
    run(lab, f"booking:{WANTED}")


def run_local_path(lab: LabView) -> None:
    """Pushed, and run under a name of this computer that looks like a repository's."""
    ship(lab)
    made(lab, f"docker tag booking:{WANTED} {NAME}:{WANTED}")
    run(lab, f"{NAME}:{WANTED}")


def run_irish_name(lab: LabView) -> None:
    """The same image in both Regions, run under the address of Ireland."""
    ship(lab)
    run(lab, ship(lab, region="eu-west-1"))


def never_pushed(lab: LabView) -> None:
    """Built and run; nothing in ECR."""
    build(lab)
    run(lab, f"booking:{WANTED}")


def built_again(lab: LabView) -> None:
    """Pushed, changed, built again, run."""
    ship(lab)
    made(lab, f"echo '<!-- built again -->' >> {SOURCE}/www/index.html")
    build(lab)
    made(lab, f"sed -i '/built again/d' {SOURCE}/www/index.html")
    run(lab, f"booking:{WANTED}")


def still_old(lab: LabView) -> None:
    """1.1 runs under the tag prod; then prod is moved to 1.2."""
    run(lab, ship(lab, version="1.1", tag="prod"))
    ship(lab, tag="prod")


def edited_inside(lab: LabView) -> None:
    """1.1 runs, and its page is changed inside."""
    ship(lab)
    run(lab, ship(lab, version="1.1", tag="1.1"))
    made(lab, f"docker exec booking /bin/busybox sh -c 'echo {WANTED} > /www/version.txt'")


def ended(lab: LabView) -> None:
    """Started, and over at once."""
    run(lab, ship(lab), "/bin/busybox true")


def from_ireland(lab: LabView) -> None:
    """Pushed to Ireland and run from there."""
    run(lab, ship(lab, region="eu-west-1"))


def repository_gone(lab: LabView) -> None:
    """Runs, and the repository was deleted since."""
    run(lab, ship(lab))
    lab.client("ecr").delete_repository(repositoryName=NAME, force=True)


m3 = LiveCheck(
    id="lab-01-m3",
    objective="Run a container whose image is the one in ECR.",
    prompt=(
        "**Milestone 3: it runs.** A container is running, started under an address of your registry, and its image "
        "has the digest that ECR reports for the image of milestone 1. (Needs an engine. Without one, go on with "
        "milestone 4.)"
    ),
    engine=True,
    probe=m3_probe,
    judge=m3_judge,
    hints=(
        m3_hint,
        "Compare three digests: what ECR says about the tag, what `docker image inspect` says in `RepoDigests`, and "
        "which image the container was started from.",
        "Remove the old container. Start a new one under `$REGISTRY/…`, with the tag or with `@` and the digest. Then "
        "`docker ps`: is it still there after a few seconds?",
    ),
    solution=(
        f'```bash\ndocker rm -f booking\ndocker run -d --name booking "$REGISTRY/{NAME}:{WANTED}"\n'
        "docker exec booking /bin/busybox wget -qO- http://127.0.0.1:8080/version.txt\n```\n\n"
        "**Why the check compares digests:** the tag can have moved between the push and the start. A container keeps "
        "the image it was started with; its digest says which."
    ),
    accepts=(
        Attempt("docker run", do=run_from_ecr),
        Attempt("by digest, other names", do=run_by_digest),
        Attempt("docker library", do=run_by_library),
    ),
    rejects=(
        Attempt("local name", do=run_local_name, misconception="tag-copies", says="and nowhere else"),
        Attempt("local name with a slash", do=run_local_path, misconception="tag-copies", says="and nowhere else"),
        Attempt("Ireland's name", do=run_irish_name, misconception="ecr-is-global", says="fetched from eu-west-1"),
        Attempt("never pushed", do=never_pushed, misconception="tag-copies", says="ECR has never seen it"),
        Attempt("built again", do=built_again, misconception="tag-is-version", says="that was never pushed"),
        Attempt("still the old one", do=still_old, misconception="tag-moves-what-runs", says="still runs"),
        Attempt("edited inside", do=edited_inside, misconception="rm-keeps-data", says="changed inside the container"),
        Attempt("ended", do=ended, misconception="no-exception-is-success", says="ended with exit code 0"),
        Attempt("from Ireland", do=from_ireland, misconception="ecr-is-global", says="an image from eu-west-1"),
        Attempt(
            "repository gone",
            do=repository_gone,
            misconception="left-out",
            says="no longer has an image with that digest",
        ),
    ),
    reset=stop,
    neighbour="Ask your neighbour: somebody pushes `1.2` again right now. What does your container run tomorrow?",
)


# m4: prove it


def m4_run(lab: LabView, values: dict[str, str]) -> Result:
    """Pull by digest as ops; note what ECR knows of the repository."""
    name = f"{values['repository']}@{values['digest']}"
    command = f"docker pull -q {shlex.quote(f'{lab.registry}/{name}')}"
    code, output = lab.sh(f"{command} 2>&1", "ops")
    shown = command.replace(lab.registry, "$REGISTRY").replace("'", '"')
    ecr = lab.client("ecr")
    parts: set[str] = set()
    here = images(lab, "us-east-1")
    for image in here:
        with suppress(ClientError):
            manifest = manifest_of(ecr, image["repository"], image["digest"])
            pieces = [manifest.get("config", {}), *manifest.get("layers", [])]
            parts |= {piece["digest"] for piece in pieces if "digest" in piece}
    stranger = refusals()["pull-without-login"].fits(lab.prints, output)
    return Result(shown, code, output, {"here": here, "parts": sorted(parts), "stranger": stranger})


def m4_judge(_lab: LabView, values: dict[str, str], result: Result) -> Verdict:
    """The digest of the image that says 1.2, in the repository that holds it, and the server could pull it."""
    digest, repository = values["digest"], values["repository"]
    here = result.data["here"]
    if not DIGEST.fullmatch(digest):
        if any(digest in image["tags"] for image in here):
            return not_yet(
                f"`{digest}` is a tag. Tomorrow it may point at other bytes, so it proves nothing about today.",
                "tag-is-version",
            )
        return not_yet("A digest is `sha256:` and 64 characters, each of 0-9 and a-f.", "id-is-digest")
    if digest in result.data["parts"]:
        return not_yet(
            "That is the digest of a piece: of the image's config (docker calls it the image's ID) or of a layer. The "
            "image's own digest is the one of its manifest. ECR reports it.",
            "id-is-digest",
        )
    match = next((image for image in here if image["digest"] == digest), None)
    if match is None:
        return not_yet(
            "ECR has no image with that digest in us-east-1. Ask ECR for it, not this computer.",
            "claims-without-showing",
        )
    if match["version"] != WANTED:
        return not_yet(
            f"That image is in ECR, and its page says {match['version'] or 'nothing'}. You would run the wrong one.",
            "tag-is-version",
        )
    name, _, tag = repository.partition(":")
    if all(image["repository"] != name for image in here if image["digest"] == digest):
        return not_yet(
            f"The image is there, but not in a repository called `{repository}`. The name is what comes after "
            f"`$REGISTRY/` and before the `@`.",
            "registry-is-repository",
        )
    if result.data["stranger"]:
        return not_yet("The right digest. Omar's docker has no login for this registry.", "aws-login-is-docker-login")
    if result.code:
        return not_yet(
            "The right digest, but the server could not fetch it; read the last words.", "login-is-permission"
        )
    beside = f" The tag `{tag}` in it is for readers: next to a digest it decides nothing." if tag else ""
    return passed(
        "Pulled by digest, as the server. Whoever runs this line, on whatever day, gets these bytes or nothing."
        + beside
    )


def digests_of(lab: LabView) -> dict[str, str]:
    """Return digests of harbour/booking by what they are: each tag's image, the config and a layer of 1.2."""
    ecr = lab.client("ecr")
    found: dict[str, str] = {}
    for detail in ecr.describe_images(repositoryName=NAME)["imageDetails"]:
        found.update(dict.fromkeys(detail.get("imageTags", []), detail["imageDigest"]))
    manifest = manifest_of(ecr, NAME, found[WANTED])
    return {**found, "config": manifest["config"]["digest"], "layer": manifest["layers"][-1]["digest"]}


def m4_answer(which: str, repository: str = NAME) -> Callable[[LabView], dict[str, str]]:
    """Return a function of the lab that answers with one of `digests_of`."""
    return lambda lab: {"repository": repository, "digest": digests_of(lab)[which]}


def shipped_both(lab: LabView) -> None:
    """1.1 and 1.2 in ECR; ops is logged in."""
    ship(lab, version="1.1")
    ship(lab)
    log_in(lab, "ops")


def shipped_elsewhere(lab: LabView) -> None:
    """1.2 in a repository of another name; ops is logged in."""
    ship(lab, tag="prod", name="web/shop")
    log_in(lab, "ops")


def elsewhere(lab: LabView) -> dict[str, str]:
    """Return the answer for `shipped_elsewhere`."""
    detail = lab.client("ecr").describe_images(repositoryName="web/shop")["imageDetails"][0]
    return {"repository": "web/shop", "digest": detail["imageDigest"]}


def log_out_ops(lab: LabView) -> None:
    """1.2 in ECR and not on this computer any more; ops has no login."""
    reference = ship(lab)
    lab.sh(f"docker rmi -f booking:{WANTED} {reference} >/dev/null 2>&1 || true")
    lab.sh('docker logout "$REGISTRY" >/dev/null 2>&1 || true', "ops")


m4 = BuildCommand(
    id="lab-01-m4",
    objective="Name the image so that nobody can put another in its place, and fetch it by that name.",
    prompt=(
        "**Milestone 4: prove it.** Write the line for Omar's runbook: it must fetch *this* image, today and next "
        f"year, whatever happens to tags. Give the repository and the digest of the image that says {WANTED}; the line "
        "is run as `ops`."
    ),
    fields=(
        Field("repository", "repository", width=24),
        Field("digest", "digest", width=72),
    ),
    template="docker pull -q $REGISTRY/{repository}@{digest}",
    run=m4_run,
    judge=m4_judge,
    hints=(
        "A digest is computed from the manifest's bytes. Who has that manifest, and can tell you its digest now?",
        "`aws ecr describe-images` lists for each image its tags and its `imageDigest`.",
        "`aws ecr describe-images --repository-name … --image-ids imageTag=… --query 'imageDetails[0].imageDigest'`, "
        "and ops must be logged in.",
    ),
    solution=(
        f"```bash\naws ecr describe-images --repository-name {NAME} --image-ids imageTag={WANTED} \\\n"
        "  --query 'imageDetails[0].imageDigest' --output text\n```\n\n"
        "**Why:** a digest is computed from the manifest's bytes. Nobody can move it. If the image is gone, the line "
        "fails; it never fetches a different one."
    ),
    accepts=(
        Attempt("harbour/booking", do=shipped_both, answer=m4_answer(WANTED)),
        Attempt("another repository, another tag", do=shipped_elsewhere, answer=elsewhere),
        Attempt("with the tag beside it", do=shipped_both, answer=m4_answer(WANTED, f"{NAME}:{WANTED}")),
        Attempt(
            "with blanks around it",
            do=shipped_both,
            answer=lambda lab: {
                "repository": NAME,
                "digest": f" {digests_of(lab)[WANTED]} ",
            },
        ),
    ),
    rejects=(
        Attempt(
            "the tag",
            do=shipped_both,
            answer={"repository": NAME, "digest": WANTED},
            misconception="tag-is-version",
            says="is a tag",
        ),
        Attempt(
            "the image id",
            do=shipped_both,
            answer=m4_answer("config"),
            misconception="id-is-digest",
            says="the digest of a piece",
        ),
        Attempt(
            "a layer",
            do=shipped_both,
            answer=m4_answer("layer"),
            misconception="id-is-digest",
            says="the digest of a piece",
        ),
        Attempt(
            "the other version",
            do=shipped_both,
            answer=m4_answer("1.1"),
            misconception="tag-is-version",
            says="its page says 1.1",
        ),
        Attempt(
            "invented",
            do=shipped_both,
            answer={"repository": NAME, "digest": "sha256:" + "0" * 64},
            misconception="claims-without-showing",
            says="ECR has no image with that digest",
        ),
        Attempt(
            "another repository",
            do=shipped_both,
            answer=m4_answer(WANTED, "booking"),
            misconception="registry-is-repository",
            says="not in a repository called `booking`",
        ),
        Attempt(
            "ops without a login",
            do=log_out_ops,
            answer=m4_answer(WANTED),
            misconception="aws-login-is-docker-login",
            says="has no login for this registry",
        ),
    ),
    neighbour="Ask your neighbour: the runbook names a digest, and security asks for a patched base. What changes?",
)

# i1: say it in an interview

SAID = (
    "I ask the runtime for the digest of the image it started, because the tag may have moved since. Then I ask "
    "the registry which repository and tags hold that digest, and the build's record for the commit."
)
i1 = FreeAnswer(
    id="lab-01-i1",
    objective="Explain how you find out what is running.",
    question="Something is running in production. How do you find out what it is?",
    points=(
        Point(
            "digest",
            "the runtime knows the **digest** of the image it started, whatever the tag says now",
            FollowUp(
                "The tag says 1.2. Is that not enough?",
                "A tag can move after the start; the container does not.",
            ),
        ),
        Point(
            "registry",
            "the registry says which **repository and tags** hold that digest, and when it was pushed",
            FollowUp(
                "And if the registry does not know the digest?",
                "It was never pushed, or it was deleted since.",
            ),
        ),
        Point(
            "commit",
            "the **record of the build** leads from the digest to the commit; without one the trail ends here",
            FollowUp(
                "Where could such a record be?",
                "In the pipeline's log, in a label of the image, in a signed statement.",
            ),
        ),
    ),
    model=(
        '"I ask the runtime which image it started: not the tag, the digest. The registry tells me what that digest is '
        "called there and when it came. The pipeline that pushed it recorded the commit. If one of the three is "
        'missing, I say which, and what I can no longer prove."'
    ),
    weak=('"I look at the tag in the deployment file." A tag says what somebody once wanted, not what is running.'),
    accepts=(Attempt("every point", answer={"text": SAID, "made": ["digest", "registry", "commit"]}),),
    rejects=(
        Attempt("the weak answer", answer="I look at the tag.", misconception="words-not-reasons", says="has 5 words"),
    ),
)

EXERCISES = [m1, m2, m3, m4, i1]
