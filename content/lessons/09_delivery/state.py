"""Lesson 09: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import gzip
import json
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy.sets import DOCKER_PUSH, PULL
from ecrlab_course.authoring.staging import (
    DOCKER,
    LAYER,
    MANIFEST,
    PEOPLE,
    digest_of,
    log_out,
    made,
    pack_layer,
    put_image,
    put_text,
)
from ecrlab_course.documents.ecs import Task
from ecrlab_course.documents.lab_view import LabView

HERE = Path(__file__).parent
FILES = HERE / "files"
ACCOUNT = "123456789012"
APP, TRIAL = "booking", "trial"
GIT = "harbour-bikes/booking"
HOST = "git.harbour-bikes.example"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
PIPELINE = "pipeline"
EXECUTION, TASK, NIGHT = "booking-execution", "booking-task", "night-execution"
KIOSK, LANDING = "kiosk", "landing"
ROLES = (PIPELINE, EXECUTION, TASK, NIGHT, "kiosk-execution", "kiosk-task")
CLUSTER = "harbour"
FAMILIES = (APP, KIOSK, LANDING, "cause-one", "cause-two", "cause-three", "cause-four")
OWN = (APP, TRIAL, KIOSK, LANDING)
REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"], "securityGroups": ["sg-0abc1234"]}}
OLD, NEW = "1f4c0a7be210", "2d9b51e6c083"
"""The commits of release 1.4 and of release 1.5: the tags of their images."""
MAIN = f"repo:{GIT}:ref:refs/heads/main"
TAGS = f"repo:{GIT}:ref:refs/tags/v*"
AUDIENCE = "sts.amazonaws.com"
WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
LOGIN = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}


# Documents


def role_arn(name: str) -> str:
    """Return the ARN of a role of ours."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def repository_arn(name: str) -> str:
    """Return the ARN of a repository of ours in us-east-1."""
    return f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}"


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy with these statements, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]}, indent=2)


def allow(actions: str | Iterable[str], *resources: str) -> dict[str, Any]:
    """Return a statement of an identity-based policy that allows these actions on these resources."""
    words = actions if isinstance(actions, str) else list(actions)
    return {"Effect": "Allow", "Action": words, "Resource": list(resources)}


def letters(condition: Mapping[str, Any] | None, action: str = WEB_IDENTITY) -> dict[str, Any]:
    """Return a statement of a trust policy about the git server's letters."""
    fits = {"Condition": dict(condition)} if condition else {}
    return {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": action, **fits}


def subjects(*names: str, operator: str = "StringLike") -> dict[str, Any]:
    """Return a condition: addressed to STS, and about one of these subjects."""
    addressed = {f"{HOST}:aud": AUDIENCE}
    about = {f"{HOST}:sub": names[0] if len(names) == 1 else list(names)}
    if operator == "StringEquals":
        return {operator: {**addressed, **about}}
    return {"StringEquals": addressed, operator: about}


DRAFT = (FILES / "trust.json").read_text(encoding="utf-8")
RIGHT = document(letters(subjects(MAIN, TAGS)))


# Roles, provider, git server


def make_role(lab: LabView, name: str, trust: str, *statements: Mapping[str, Any]) -> None:
    """Make a role, in place of one of this name, with these statements in one policy."""
    remove_role(lab, name)
    iam = lab.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=document(*statements))


def remove_role(lab: LabView, name: str) -> None:
    """Delete a role with its policies; nothing where there is none."""
    iam = lab.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=each["PolicyArn"])
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        with suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_role_permissions_boundary(RoleName=name)
        iam.delete_role(RoleName=name)


def pipeline_may(lab: LabView, trust: str) -> None:
    """Make the role of the pipeline: it may log in, push to `booking`, and read the findings of its scans."""
    pushes = [*DOCKER_PUSH, *PULL, "ecr:DescribeImages", "ecr:DescribeImageScanFindings"]
    make_role(lab, PIPELINE, trust, LOGIN, allow(pushes, repository_arn(APP)))


def provide(lab: LabView) -> None:
    """Tell IAM whose letters to read, unless it knows."""
    iam = lab.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=[AUDIENCE])


def no_providers(lab: LabView) -> None:
    """Delete all OpenID Connect providers."""
    iam = lab.client("iam")
    for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"])


def exchange(lab: LabView, letter: str, role: str = PIPELINE) -> str:
    """Show a letter to STS for a role; return "" when it is in, else the code of the refusal."""
    try:
        lab.client("sts").assume_role_with_web_identity(
            RoleArn=role_arn(role), RoleSessionName="door", WebIdentityToken=letter
        )
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


# Users and their keys


def keys_work(lab: LabView) -> None:
    """Switch the robot's access keys on."""
    iam = lab.client("iam")
    for each in iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]:
        if each["Status"] != "Active":
            iam.update_access_key(UserName="ci", AccessKeyId=each["AccessKeyId"], Status="Active")


def robot_may(lab: LabView) -> None:
    """Let the robot push to `booking` with its key, as it has since lesson 04."""
    text = document(LOGIN, allow([*DOCKER_PUSH, *PULL], repository_arn(APP)))
    lab.client("iam").put_user_policy(UserName="ci", PolicyName="work", PolicyDocument=text)


# Images with packages


def package_list(curl: str = "u8", libc: str = "u9") -> bytes:
    """Return what a Debian keeps of its packages: libc6 and curl of these versions."""
    text = (FILES / APP / "packages").read_text(encoding="utf-8")
    return (
        text.replace("7.88.1-10+deb12u8", f"7.88.1-10+deb12{curl}")
        .replace("2.36-9+deb12u9", f"2.36-9+deb12{libc}")
        .encode()
    )


CRITICAL, HIGH = package_list("u3"), package_list(libc="u2")


def files_of_image(text: str, packages: bytes | None = None) -> dict[str, bytes]:
    """Return the files of a booking image whose page says this."""
    return {
        "etc/os-release": (FILES / APP / "os-release").read_bytes(),
        "var/lib/dpkg/status": package_list() if packages is None else packages,
        "www/index.html": f"<h1>Harbour Bikes</h1>\n<p>{text}</p>\n".encode(),
    }


# Building the places of the lesson


def tidy(lab: LabView) -> None:
    """Take back what the lesson made outside its repositories: roles, provider, git server, clock, logins."""
    lab.control.reset(clusters=[CLUSTER], families=list(FAMILIES))
    for name in ROLES:
        remove_role(lab, name)
    no_providers(lab)
    lab.regions_on()
    lab.control.reset(ci=True)
    lab.clock.reset()
    keys_work(lab)


def undo(lab: LabView) -> None:
    """Take back what the lesson made, and let docker forget its logins."""
    tidy(lab)
    lab.clear(*OWN)
    log_out(lab, "admin", *PEOPLE)


def at_first(lab: LabView) -> None:
    """Begin every checkpoint: nothing of the lesson's is there but `booking` with its first release."""
    tidy(lab)
    lab.clear(*OWN)
    lab.user(*PEOPLE)
    robot_may(lab)
    lab.client("ecr").create_repository(
        repositoryName=APP, imageTagMutability="IMMUTABLE", imageScanningConfiguration={"scanOnPush": True}
    )
    put_page(lab, APP, "first", "Book a bicycle at the harbour.")
    repository(lab)


def repository(lab: LabView) -> None:
    """Put `my-booking/` beside the notebook under git, with one commit and the remote `lab`."""
    path = lab.ci.repository(GIT, role=role_arn(PIPELINE))
    made(
        lab,
        f"""rm -rf my-booking && cp -r '{FILES}/booking' my-booking && cd my-booking
        git -c init.defaultBranch=main init -q
        git config user.name Dara && git config user.email dara@harbour-bikes.example
        git config core.hooksPath nothing && git config commit.gpgsign false
        git add -A && git commit -q -m "The booking page" && git remote add lab '{path}'""",
    )


def robot(lab: LabView) -> None:
    """`booking` has its first release, `ci` its access key; the role `pipeline` has a draft of a trust policy."""
    at_first(lab)
    pipeline_may(lab, DRAFT)


def reading(lab: LabView) -> None:
    """IAM reads the git server's letters; the trust policy of `pipeline` is a draft."""
    robot(lab)
    provide(lab)


def trusted(lab: LabView) -> None:
    """IAM reads the git server's letters; `pipeline` lets in `main` and tags `v…` of our repository alone."""
    at_first(lab)
    pipeline_may(lab, RIGHT)
    provide(lab)


def gates(lab: LabView) -> None:
    """As before; beside `booking`, `trial` has four images that were scanned: clean, high, critical, bare."""
    trusted(lab)
    lab.client("ecr").create_repository(repositoryName=TRIAL, imageScanningConfiguration={"scanOnPush": True})
    put_image(lab, TRIAL, "clean", files_of_image("clean"))
    put_image(lab, TRIAL, "high", files_of_image("high", HIGH))
    put_image(lab, TRIAL, "critical", files_of_image("critical", CRITICAL))
    put_image(lab, TRIAL, "bare", {"www/index.html": b"<p>bare</p>\n"})


# ECS


SERVICE_TRUST = document(
    {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
)


def may_pull(*names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the statements of a role that fetches these repositories' images."""
    return LOGIN, allow(PULL, *(repository_arn(name) for name in names))


def register(lab: LabView, family: str, image: str, execution: str = EXECUTION, task: str = "") -> str:
    """Register a revision of a recipe with one container; return FAMILY:REVISION."""
    roles = {"executionRoleArn": role_arn(execution), **({"taskRoleArn": role_arn(task)} if task else {})}
    made = lab.client("ecs").register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "page", "image": f"{REGISTRY}/{image}"}],
        **roles,
    )
    return str(made["taskDefinition"]["taskDefinitionArn"].rpartition("/")[2])


def run_task(lab: LabView, definition: str, **more: Any) -> Task:
    """Run one task and return it once it runs, or has stopped. Raises TimeoutError after twenty seconds."""
    given = {"cluster": CLUSTER, "launchType": "FARGATE", "networkConfiguration": NETWORK}
    started = lab.client("ecs").run_task(taskDefinition=definition, **given, **more)["tasks"][0]["taskArn"]
    deadline = time.monotonic() + 20
    while (task := lab.task(started)).state not in ("RUNNING", "STOPPED"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the task {definition} is still {task.state}")
        time.sleep(0.05)
    return task


def settle(lab: LabView, service: str = APP) -> None:
    """Wait until a service has one deployment and as many tasks as it wants. Raises TimeoutError after 30 seconds."""
    for _ in range(300):
        found = lab.service(service, cluster=CLUSTER)
        if found.stable and found.deployments[0].rollout != "IN_PROGRESS":
            return
        time.sleep(0.1)
    raise TimeoutError(f"the service {service} is still under way")


def serve(lab: LabView, service: str, definition: str, desired: int = 2) -> None:
    """Make a service of a recipe, with a circuit breaker that takes back what does not start."""
    lab.client("ecs").create_service(
        cluster=CLUSTER,
        serviceName=service,
        taskDefinition=definition,
        launchType="FARGATE",
        desiredCount=desired,
        networkConfiguration=NETWORK,
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    )
    settle(lab, service)


@cache
def base_layer(_address: str, save: Callable[[str], tuple[int, str]]) -> bytes:
    """Return the packed layer of `ecrlab/base:1` as the lab's engine has it, so that a container of it runs."""
    with tempfile.TemporaryDirectory() as folder:
        code, output = save(f"docker save -o '{folder}/base.tar' ecrlab/base:1")
        if code:
            raise RuntimeError(f"docker save ecrlab/base:1: {output.strip()}")
        with tarfile.open(f"{folder}/base.tar") as archive:
            listed = archive.extractfile("manifest.json")
            assert listed is not None
            found = archive.extractfile(json.load(listed)[0]["Layers"][0])
            assert found is not None
            layer = found.read()
    return layer if layer.startswith(b"\x1f\x8b") else gzip.compress(layer, mtime=0)


def page_image(lab: LabView, text: str, architecture: str = "amd64") -> tuple[str, list[bytes]]:
    """Return manifest and blobs of an image whose page says this; with an engine it lies on the base, and runs."""
    base = [base_layer(lab.registry, lab.sh)] if lab.engine != "none" else []
    layers = [*base, pack_layer(files_of_image(text))]
    command = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
    config = {
        "architecture": architecture,
        "config": {"Cmd": command},
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(layer)) for layer in layers]},
    }
    body = json.dumps(config, sort_keys=True).encode()
    described = [
        {"mediaType": kind, "size": len(blob), "digest": digest_of(blob)}
        for kind, blob in [(f"{DOCKER}container.image.v1+json", body), *((LAYER, layer) for layer in layers)]
    ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    return json.dumps(manifest, indent=3), [*layers, body]


def put_page(lab: LabView, name: str, tag: str, text: str, architecture: str = "amd64") -> str:
    """Put such an image; return its digest."""
    manifest, blobs = page_image(lab, text, architecture)
    return put_text(lab, name, tag, manifest, *blobs)


def release_digest(lab: LabView, release: str) -> str:
    """Return the digest of a release's image, `OLD` or `NEW`: the same bytes whenever they are put together."""
    return digest_of(page_image(lab, RELEASES[release])[0].encode())


RELEASES = {OLD: "Release 1.4", NEW: "Release 1.5"}


def gated(lab: LabView) -> None:
    """`booking` has two releases that passed the gate; the roles of a task are there, and an empty cluster."""
    trusted(lab)
    for tag, text in RELEASES.items():
        put_page(lab, APP, tag, text)
    put_page(lab, APP, "arm", "for another processor", architecture="arm64")
    make_role(lab, EXECUTION, SERVICE_TRUST, *may_pull(APP, LANDING))
    make_role(lab, TASK, SERVICE_TRUST)
    make_role(lab, NIGHT, SERVICE_TRUST, LOGIN)
    lab.client("ecs").create_cluster(clusterName=CLUSTER)


def shipped(lab: LabView) -> None:
    """As before, and `pipeline` may hand the two roles to ECS; the recipe `booking` is registered, and nothing runs."""
    gated(lab)
    text = (FILES / "recipes" / "pass.json").read_text(encoding="utf-8")
    lab.client("iam").put_role_policy(RoleName=PIPELINE, PolicyName="ship", PolicyDocument=text)
    register(lab, APP, f"{APP}@{release_digest(lab, OLD)}", task=TASK)


def broken(lab: LabView) -> None:
    """As before; Omar's recipe `kiosk` is registered, and its task does not start."""
    shipped(lab)
    lab.client("ecr").create_repository(repositoryName=KIOSK)
    put_page(lab, KIOSK, "3.1", "The kiosk at the pier")
    break_kiosk(lab)
    register(lab, KIOSK, f"{KIOSK}:3.1", "kiosk-execution", "kiosk-task")


def break_kiosk(lab: LabView) -> None:
    """Give the kiosk's execution role the permissions of another repository, as Omar wrote them."""
    make_role(lab, "kiosk-execution", SERVICE_TRUST, *may_pull("kiosks"))
    make_role(lab, "kiosk-task", SERVICE_TRUST)


def running(lab: LabView) -> None:
    """The service `booking` runs two tasks of release 1.4, by its digest; `landing` has an image `live`."""
    shipped(lab)
    serve(lab, APP, APP)
    lab.client("ecr").create_repository(repositoryName=LANDING)
    put_page(lab, LANDING, "live", "The landing stage")


def await_scan(lab: LabView, tag: str, name: str = APP) -> None:
    """Wait until the scan of a pushed image has ended."""
    ecr, deadline = lab.client("ecr"), time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(ecr.exceptions.ScanNotFoundException):
            found = ecr.describe_image_scan_findings(repositoryName=name, imageId={"imageTag": tag})
            if found["imageScanStatus"]["status"] != "IN_PROGRESS":
                return
        time.sleep(0.05)


# Predictions


def pusher_seen(lab: LabView) -> str | None:
    """Return who stands on the last push to `booking`: a admin, b a user of ours, c a run of the pipeline."""
    for row in reversed(lab.rows()):
        stored = row["method"] == "PUT" and f"/{APP}/manifests/" in row["path"]
        if stored and row["status"] < 400:
            who = str(row["principal"])
            return "c" if f":assumed-role/{PIPELINE}/" in who else "a" if who.endswith("user/admin") else "b"
    return None


def puller_seen(lab: LabView) -> str | None:
    """Return who asked for a manifest of `booking`: a the pipeline, b the task role, c the execution role, d others."""
    for row in reversed(lab.rows()):
        if row["service"] == "registry" and f"/{APP}/manifests/" in row["path"]:
            names = {PIPELINE: "a", TASK: "b", EXECUTION: "c"}
            who = str(row["principal"])
            return next((key for name, key in names.items() if f":assumed-role/{name}/" in who), "d")
    return None


def moved_rights_seen(lab: LabView) -> str | None:
    """Return how a task ended that was run since then: a it runs, b no login, c no manifest, d anything else."""
    ran = any(row["operation"] == "RunTask" and row["status"] < 400 for row in lab.rows())
    task = lab.task(APP, cluster=CLUSTER) if ran else None
    if task is None or task.state not in ("RUNNING", "STOPPED"):
        return None
    if task.state == "RUNNING":
        return "a"
    denied = {row["action"] for row in task.denied}
    return "b" if LOGIN["Action"] in denied else "c" if PULL[0] in denied else "d"


def moved_tag_seen(lab: LabView) -> str | None:
    """Return which bytes the tasks of `landing` have once there are three: a all the old ones, b both, c the new."""
    ecs = lab.client("ecs")
    with suppress(ecs.exceptions.ClusterNotFoundException, ValueError):
        found = lab.service(LANDING, cluster=CLUSTER)
        first = digest_of(page_image(lab, "The landing stage")[0].encode())
        if found.running == found.desired == 3 and found.stable:
            return "a" if found.digests == (first,) else "b" if first in found.digests else "c"
    return None


CHECKPOINTS = {
    "robot": robot,
    "reading": reading,
    "trusted": trusted,
    "gates": gates,
    "gated": gated,
    "shipped": shipped,
    "broken": broken,
    "running": running,
}
