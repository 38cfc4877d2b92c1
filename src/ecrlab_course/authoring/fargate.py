"""Tasks of Amazon ECS as incidents and drills stage them: an image with a program, a recipe, and how a task ended up.

Whatever is staged here runs on computers with an engine as well as without one, where the pull is the same and no
process is started.
"""

from __future__ import annotations

import gzip
import io
import json
import platform
import tarfile
import time
from collections.abc import Mapping
from typing import Any, Literal, cast

from ecrlab.home import ACCOUNT, REGION
from ecrlab_course.authoring.staging import DOCKER, LAYER, MANIFEST, digest_of, put_text
from ecrlab_course.documents.lab_view import LabView

Processor = Literal["amd64", "arm64"]
NETWORK: Mapping[str, Any] = {
    "awsvpcConfiguration": {"subnets": ["subnet-0abc1234"], "securityGroups": ["sg-0abc1234"]}
}
"""Where tasks run: the lab has no network to choose from, and looks at the form alone."""
CPU: Mapping[str, str] = {"amd64": "X86_64", "arm64": "ARM64"}
"""What a task definition calls a processor."""
PATIENCE = 30.0
"""Seconds that `settled` waits at most."""


def processor(lab: LabView) -> Processor:
    """Return the processor that tasks of this lab run on: the engine's, and without one that of Fargate by default."""
    return "arm64" if lab.engine != "none" and platform.machine() in ("arm64", "aarch64") else "amd64"


def other(than: Processor) -> Processor:
    """Return the other processor."""
    return "amd64" if than == "arm64" else "arm64"


def put_program(
    lab: LabView, repository: str, tag: str, program: bytes, architecture: str, word: str = "", profile: str = "admin"
) -> str:
    """Put an image whose only program is /page, which it starts; return its digest.

    Args:
        program: the file's bytes.
        architecture: what the config says, whatever the program is for.
        word: goes into a file beside it, so that two images of one program differ.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, mode in (("page", program, 0o755), ("word", word.encode(), 0o644)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    layer = gzip.compress(plain.getvalue(), mtime=0)
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/page"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(plain.getvalue())]},
        }
    ).encode()
    described = {"mediaType": f"{DOCKER}container.image.v1+json", "size": len(config), "digest": digest_of(config)}
    listed = [{"mediaType": LAYER, "size": len(layer), "digest": digest_of(layer)}]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": listed}
    return put_text(lab, repository, tag, json.dumps(manifest, indent=3), layer, config, profile=profile)


def address(name: str, account: str = ACCOUNT, region: str = REGION) -> str:
    """Return an image's address as a recipe has it; `name` is repository:tag or repository@digest."""
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{name}"


def recipe(
    family: str, image: str, roles: Mapping[str, str], cpu: Processor = "amd64", account: str = ACCOUNT
) -> dict[str, Any]:
    """Return the task definition of one container; `roles` are the names of the "execution" and the "task" role."""
    arn = f"arn:aws:iam::{account}:role/"
    return {
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "runtimePlatform": {"cpuArchitecture": CPU[cpu], "operatingSystemFamily": "LINUX"},
        "executionRoleArn": f"{arn}{roles['execution']}",
        "taskRoleArn": f"{arn}{roles['task']}",
        "containerDefinitions": [{"name": family, "image": image, "essential": True}],
    }


def settled(ecs: Any, cluster: str, task: str) -> dict[str, Any]:
    """Return a task as it ended up, RUNNING or STOPPED. Raises RuntimeError: it is on its way after PATIENCE."""
    until = time.monotonic() + PATIENCE
    while True:
        found = cast("dict[str, Any]", ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0])
        if found["lastStatus"] in ("RUNNING", "STOPPED"):
            return found
        if time.monotonic() > until:
            raise RuntimeError(f"the task is {found['lastStatus']} after {PATIENCE:.0f} s")
        time.sleep(0.03)


def run(ecs: Any, cluster: str, definition: str) -> dict[str, Any]:
    """Run one task of a family or revision, and return it as it ended up."""
    made = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="FARGATE", networkConfiguration=NETWORK)
    return settled(ecs, cluster, made["tasks"][0]["taskArn"])


def tasks(ecs: Any, cluster: str) -> list[dict[str, Any]]:
    """Return the tasks of a cluster that can still be described, the newest last."""
    names = [
        arn
        for status in ("RUNNING", "STOPPED")
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status)
        for arn in page["taskArns"]
    ]
    found = [
        task
        for begin in range(0, len(names), 100)
        for task in ecs.describe_tasks(cluster=cluster, tasks=names[begin : begin + 100])["tasks"]
    ]
    return sorted(found, key=lambda each: each["createdAt"])


def digest_run(task: Mapping[str, Any]) -> str:
    """Return the digest of the image that a task's container was made from; "" where none was fetched."""
    return str(task["containers"][0].get("imageDigest") or "")
