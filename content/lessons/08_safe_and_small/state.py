"""Lesson 08: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecrlab.policy.sets import DOCKER_PUSH, PULL
from ecrlab_course.authoring import Refused
from ecrlab_course.authoring.evidence import images, repositories, tags
from ecrlab_course.authoring.staging import (
    PEOPLE,
    learner_module,
    log_in,
    log_out,
    made,
    make_repository,
    put_image,
    put_index,
)
from ecrlab_course.documents.lab_view import LabView

HERE = Path(__file__).parent
FILES = HERE / "files"
ACCOUNT = "123456789012"
APP, LANDING, KIOSK, DOCK, RELEASE = "booking", "landing", "kiosk", "dock", "release"
CACHED = "hub/library/busybox"
OWN = (APP, "booking-kms", LANDING, KIOSK, DOCK, RELEASE, "gate")
PREFIXES = ("hub", "mirror", "team-maps", "trial/")
UNTAGGED_AFTER_A_WEEK = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7,
            },
            "action": {"type": "expire"},
        }
    ]
}  # fmt: skip


ships = learner_module(HERE, "ships")


# What is set for the whole registry


def tidy(lab: LabView) -> None:
    """Take back what the lesson sets for the whole registry, and let the clock, the Hub and scans be as usual."""
    ecr = lab.client("ecr")
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    with suppress(ecr.exceptions.SigningConfigurationNotFoundException):
        ecr.delete_signing_configuration()
    with suppress(ecr.exceptions.RegistryPolicyNotFoundException):
        ecr.delete_registry_policy()
    no_cache_rules(lab)
    lab.control.hub_switch(on=True)
    lab.control.scan_time(0)
    lab.clock.reset()


def no_cache_rules(lab: LabView) -> None:
    """Delete all pull-through cache rules and all creation templates."""
    ecr = lab.client("ecr")
    for rule in ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]:
        ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix=rule["ecrRepositoryPrefix"])
    for template in ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]:
        ecr.delete_repository_creation_template(prefix=template["prefix"])


def mine(lab: LabView) -> list[str]:
    """Return the repositories of this lesson: by their names, and those that somebody made under KMS."""
    pages = lab.client("ecr").get_paginator("describe_repositories").paginate()
    return [
        each["repositoryName"]
        for page in pages
        for each in page["repositories"]
        if each["repositoryName"] in (*OWN, *ships.FLEETS)
        or each["repositoryName"].startswith((*PREFIXES, f"{APP}-", f"{APP}/", "my-web-ap"))
        or each["encryptionConfiguration"]["encryptionType"] == "KMS"
    ]


def undo(lab: LabView) -> None:
    """Take back the registry's settings, and let docker forget its logins."""
    tidy(lab)
    lab.clear(*mine(lab))
    log_out(lab, "admin", *PEOPLE)


def scanning(lab: LabView, *filters: str, kind: str = "BASIC", frequency: str = "SCAN_ON_PUSH") -> None:
    """Set the registry's scanning: these filters, scanned on push."""
    found = [{"filter": each, "filterType": "WILDCARD"} for each in filters]
    rules = [{"scanFrequency": frequency, "repositoryFilters": found}] if found else []
    lab.client("ecr").put_registry_scanning_configuration(scanType=kind, rules=rules)


def signing(lab: LabView, **signed: str) -> None:
    """Let ECR sign what is pushed: profile=repository."""
    rules = [
        {
            "signingProfileArn": f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/{profile}",
            "repositoryFilters": [{"filter": name, "filterType": "WILDCARD_MATCH"}],
        }
        for profile, name in signed.items()
    ]
    lab.client("ecr").put_signing_configuration(signingConfiguration={"rules": rules})


def wait_for(done: Callable[[], bool], what: str) -> None:
    """Wait until something that the cloud does by itself has happened; raises RuntimeError after ten seconds."""
    deadline = time.monotonic() + 10
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not happen in ten seconds")
        time.sleep(0.02)


# Images with packages


def package_list(libc: str, curl: str) -> bytes:
    """Return what a Debian keeps of its packages: libc6 and curl of these versions."""
    text = (FILES / "os/12.1/var/lib/dpkg/status").read_text(encoding="utf-8")
    return text.replace("2.36-9+deb12u1", libc).replace("7.88.1-10+deb12u3", curl).encode()


LIBC, CURL = "2.36-9+deb12", "7.88.1-10+deb12"


def debian(libc: str = "u9", curl: str = "u8", **more: bytes) -> dict[str, bytes]:
    """Return the files of a small Debian whose packages are of these versions; more: files in /www."""
    return {
        "etc/os-release": (FILES / "os/12.1/etc/os-release").read_bytes(),
        "var/lib/dpkg/status": package_list(LIBC + libc, CURL + curl),
        "usr/bin/curl": f"curl {CURL}{curl}\n".encode(),
        **{f"www/{name}": content for name, content in more.items()},
    }


def scan(lab: LabView, repository: str, tag: str) -> None:
    """Scan an image by hand, and wait for the end."""
    ecr, which = lab.client("ecr"), {"repositoryName": repository, "imageId": {"imageTag": tag}}
    ecr.start_image_scan(**which)
    wait_for(lambda: scan_status(lab, repository, tag) not in ("", "IN_PROGRESS"), "the scan")


def scan_status(lab: LabView, repository: str, tag: str) -> str:
    """Return the status of an image's scan; "" when nobody has scanned it, or there is no such image."""
    ecr = lab.client("ecr")
    with suppress(
        ecr.exceptions.ScanNotFoundException,
        ecr.exceptions.ImageNotFoundException,
        ecr.exceptions.RepositoryNotFoundException,
    ):
        found = ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageTag": tag})
        return str(found["imageScanStatus"]["status"])
    return ""


def findings(lab: LabView, repository: str, tag: str) -> dict[str, int]:
    """Return how many findings an image has of each severity; {} without a scan."""
    if not scan_status(lab, repository, tag):
        return {}
    found = lab.client("ecr").describe_image_scan_findings(repositoryName=repository, imageId={"imageTag": tag})
    return dict(found.get("imageScanFindings", {}).get("findingSeverityCounts", {}))


# Building the places of the lesson


def at_first(lab: LabView) -> None:
    """Begin every checkpoint: the settings, the repositories and the people are as they were; docker has a login."""
    tidy(lab)
    lab.clear(*mine(lab))
    lab.user(*PEOPLE)
    log_in(lab)


def build(lab: LabView, version: str, base: str = "12.1", text: str = "", push: bool = False) -> None:
    """Build booking:VERSION in the engine, from a copy of the lesson's own files, and push it where asked for."""
    address = f"{lab.registry}/{APP}:{version}"
    made(
        lab,
        f"""for each in 12.1 12.9; do
          docker image inspect harbour/os:$each >/dev/null 2>&1 ||
            docker build -q -t harbour/os:$each '{FILES}'/os/$each
        done
        copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
        cp -r '{FILES}'/booking/. "$copy"; echo '{text or version}' > "$copy/www/version.txt"
        sed 's#harbour/os:12.1#harbour/os:{base}#' '{FILES}/booking/Dockerfile' > "$copy/Dockerfile"
        docker build -q -t booking:{version} "$copy"
        {f"docker tag booking:{version} '{address}'; docker push -q '{address}' 2>&1" if push else ""}""",
    )


def landing(lab: LabView) -> None:
    """Make the repository `landing`, with two releases and `latest`."""
    lab.clear(LANDING)
    make_repository(lab, LANDING)
    for tag in ("v2", "v2.0", "latest"):
        put_image(lab, LANDING, tag, {"www/index.html": b"the landing stage, 2.0\n"})


def fresh(lab: LabView) -> None:
    """`booking:2.0` is built on this computer; ECR has no repository `booking`.

    docker is logged in as admin. The repository `landing` is there.
    """
    at_first(lab)
    lab.sh(f"docker rmi -f '{lab.registry}/{APP}:2.0' booking:2.1 booking:2.1-quick >/dev/null 2>&1 || true")
    build(lab, "2.0")
    landing(lab)


def stored(lab: LabView) -> None:
    """`booking:2.0` is in ECR, in a repository with nothing but a name.

    `landing` has v2, v2.0 and latest.
    """
    at_first(lab)
    make_repository(lab, APP)
    build(lab, "2.0", push=True)
    landing(lab)


def locked(lab: LabView) -> None:
    """The tags of `booking` are immutable; `booking:2.0` on this computer is Thursday's, in ECR the one before."""
    stored(lab)
    lab.client("ecr").put_image_tag_mutability(repositoryName=APP, imageTagMutability="IMMUTABLE")
    build(lab, "2.0", text="2.0, Thursday")
    made(lab, f"docker tag booking:2.0 '{lab.registry}/{APP}:2.0'")


def scanned(lab: LabView) -> None:
    """`booking:2.0` in ECR was scanned by hand; nothing is scanned automatically."""
    at_first(lab)
    make_repository(lab, APP)
    build(lab, "2.0", push=True)
    scan(lab, APP, "2.0")


def fixed(lab: LabView) -> None:
    """What is pushed to `booking` is scanned; 2.1 is built on the newer base."""
    scanned(lab)
    scanning(lab, APP)
    build(lab, "2.1", "12.9", push=True)
    wait_for(lambda: scan_status(lab, APP, "2.1") == "COMPLETE", "the scan of 2.1")


def may_push(lab: LabView, user: str, *names: str) -> None:
    """Let somebody push to these repositories, and pull from them."""
    arns = [f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}" for name in names]
    give(
        lab,
        user,
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": [*DOCKER_PUSH, *PULL], "Resource": arns},
    )


def give(lab: LabView, user: str, *statements: Mapping[str, Any], name: str = "work") -> None:
    """Put an inline policy on a user."""
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    lab.client("iam").put_user_policy(UserName=user, PolicyName=name, PolicyDocument=text)


def half(lab: LabView) -> None:
    """`booking` has 2.0 and 2.1, and `ci` may push to `kiosk`; `dock` and `release` have images, some signed."""
    fixed(lab)
    make_repository(lab, KIOSK)
    may_push(lab, "ci", KIOSK)
    log_in(lab, "ci")
    dock(lab)
    release(lab)


def signed(lab: LabView, repository: str, tag: str, text: str, profile: str = "harbour") -> str:
    """Put an image that ECR signs with that profile; return its digest."""
    signing(lab, **{profile: repository})
    digest = put_image(lab, repository, tag, {"page": text.encode()})
    wait_for(lambda: bool(signatures(lab, repository, digest)), "the signature")
    lab.client("ecr").delete_signing_configuration()
    return digest


def signatures(lab: LabView, repository: str, digest: str) -> list[str]:
    """Return the digests of the artifacts that refer to an image."""
    found = lab.client("ecr").list_image_referrers(repositoryName=repository, subjectId={"imageDigest": digest})
    return [str(each["digest"]) for each in found["referrers"]]


def dock(lab: LabView) -> None:
    """Make `dock`: five images with signatures of several kinds, and with none."""
    lab.clear(DOCK)
    make_repository(lab, DOCK)
    ecr = lab.client("ecr")
    first = signed(lab, DOCK, "4.3", "4.3")
    put_image(lab, DOCK, "4.1", {"page": b"4.1"})
    copied = put_image(lab, DOCK, "4.0", {"page": b"4.0"})
    copy_signature(ecr, signatures(lab, DOCK, first)[0], copied)
    signed(lab, DOCK, "4.4", "4.4", "nightly")
    signed(lab, DOCK, "4.2", "4.2")
    put_image(lab, DOCK, "4.2", {"page": b"4.2, again"})


def copy_signature(ecr: Any, signature: str, image: str) -> None:
    """Put the same signature beside another image of `dock`: its text still speaks of the first."""
    found = ecr.batch_get_image(repositoryName=DOCK, imageIds=[{"imageDigest": signature}])["images"][0]
    manifest = json.loads(found["imageManifest"])
    other = ecr.batch_get_image(repositoryName=DOCK, imageIds=[{"imageDigest": image}])["images"][0]
    manifest["subject"] = {**manifest["subject"], "digest": image, "size": len(other["imageManifest"].encode())}
    ecr.put_image(
        repositoryName=DOCK,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=found["imageManifestMediaType"],
    )


def release(lab: LabView) -> None:
    """Make `release`: eight manifests, of which five have no tag."""
    lab.clear(RELEASE)
    make_repository(lab, RELEASE)
    put_image(lab, RELEASE, "", {"page": b"what the kiosk runs, by its digest"})
    put_image(lab, RELEASE, "edge", {"page": b"yesterday's edge"})
    put_image(lab, RELEASE, "edge", {"page": b"today's edge"})
    signed(lab, RELEASE, "3.0", "3.0")
    halves = [
        (each, put_image(lab, RELEASE, "", {"page": f"4.0 for {each}".encode()}, architecture=each))
        for each in ("amd64", "arm64")
    ]
    put_index(lab, RELEASE, "4.0", *halves)


def fleet(lab: LabView) -> None:
    """`fleet` has images of fifty days, `pair` three; on the lab's clock it is 110 days later."""
    at_first(lab)
    lab.fleet(ships.FLEETS)


def no_cache(lab: LabView) -> None:
    """No cache rule and no creation template; Omar has AWS's managed policy for pulls.

    docker is logged in as admin and as Omar.
    """
    at_first(lab)
    # The first template that an account makes leaves a role of ECR's own behind: it is there from the beginning here.
    lab.client("ecr").create_repository_creation_template(prefix="hub", appliedFor=["PULL_THROUGH_CACHE"])
    no_cache_rules(lab)
    log_in(lab, "ops")
    lab.sh(f"docker rmi -f '{lab.registry}/{CACHED}' >/dev/null 2>&1 || true")


SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/hub-AbCdEf"


def cache_rule(lab: LabView, prefix: str = "hub") -> None:
    """Let what is pulled below the prefix be fetched from the Hub; nothing where there is such a rule."""
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.PullThroughCacheRuleAlreadyExistsException):
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix=prefix, upstreamRegistryUrl="registry-1.docker.io", credentialArn=SECRET
        )


# Looking


def names_of(found: Iterable[str]) -> str:
    """Return names in a sentence: `a`, `b` and `c`."""
    words = [f"`{name}`" for name in found]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def under(lab: LabView, digest: str) -> dict[str, str]:
    """Return the repositories that hold this image, with the encryption of each."""
    pages = lab.client("ecr").get_paginator("describe_repositories").paginate()
    return {
        each["repositoryName"]: each["encryptionConfiguration"]["encryptionType"]
        for page in pages
        for each in page["repositories"]
        if any(one["imageDigest"] == digest for one in images(lab, each["repositoryName"]))
    }


def attempt_push(lab: LabView, repository: str, tag: str, content: bytes, profile: str = "admin") -> None:
    """Push an image, whether or not it is taken."""
    with suppress(Refused):
        lab.push(repository, tag, content, profile)


# Predictions and guesses


def e1_seen(lab: LabView) -> str | None:
    """Return which encryption a repository has that was made since, without a word about it."""
    if not any(row["operation"] == "CreateRepository" and row["status"] < 400 for row in lab.rows()):
        return None
    if APP not in repositories(lab):
        return None
    found = lab.client("ecr").describe_repositories(repositoryNames=[APP])["repositories"][0]
    return {"KMS": "a", "AES256": "b"}.get(found["encryptionConfiguration"]["encryptionType"], "c")


def e4_seen(lab: LabView) -> str | None:
    """Return how the last pull of booking:2.0 since then ended."""
    for row in reversed(lab.rows()):
        asked = row["service"] == "registry" and row["path"].endswith(f"/{APP}/manifests/2.0")
        if asked and row["method"] in ("GET", "HEAD"):
            return "c" if row["status"] < 400 else "d" if row["status"] == 404 else "a"
    return None


def e8_seen(lab: LabView) -> str | None:
    """Return what the last preview on `pair` since then would take."""
    if not any(row["operation"] == "StartLifecyclePolicyPreview" and row["status"] < 400 for row in lab.rows()):
        return None
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.LifecyclePolicyPreviewNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        answer = ecr.get_lifecycle_policy_preview(repositoryName="pair")
        if answer["status"] == "COMPLETE":
            return {0: "a", 1: "b", 2: "c", 3: "d"}[len(answer["previewResults"])]
    return None


def moved_by_delete(lab: LabView) -> str | None:
    """Return how 2.0 came to other bytes since then: c, deleted and pushed; None before that."""
    deleted = any(row["operation"] == "BatchDeleteImage" and row["status"] < 400 for row in lab.rows())
    return "c" if deleted and "2.0" in tags(lab, APP) else None


CHECKPOINTS = {
    "fresh": fresh,
    "stored": stored,
    "locked": locked,
    "scanned": scanned,
    "fixed": fixed,
    "half": half,
    "fleet": fleet,
    "no-cache": no_cache,
}
