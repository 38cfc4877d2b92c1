"""09-e11: deliver a release, and take it back. What a learner reads is in e11.md."""

from __future__ import annotations

from typing import Any

from ecrlab.client import LabError
from ecrlab_course.authoring import Lab, Sentence
from ecrlab_course.authoring.evidence import short
from ecrlab_course.documents.ecs import Service

from .state import (
    APP,
    CLUSTER,
    FAMILIES,
    NEW,
    OLD,
    TASK,
    put_page,
    register,
    release_digest,
    serve,
    settle,
)


class Seen:
    """What the service runs, and which images its deployments had, the oldest first."""

    def __init__(self, lab: Lab) -> None:
        try:
            found = lab.service(APP, cluster=CLUSTER)
        except (ValueError, LabError, lab.client("ecs").exceptions.ClusterNotFoundException):
            found = None  # somebody deleted it
        self.down = found is None or found.desired == 0
        self.state = Sentence("nothing")
        if found is not None:
            self._look(lab, found)

    def _look(self, lab: Lab, found: Service) -> None:
        """Read what the service runs, and what it ran."""
        old, new = release_digest(lab, OLD), release_digest(lab, NEW)
        self.count, self.desired = str(found.running), str(found.desired)
        self.fewer = found.desired < 2
        self.deployments = str(len(found.deployments))
        self.at_rest = found.stable and found.deployments[0].rollout != "IN_PROGRESS"
        self.old_runs, self.new_runs = found.digests == (old,), found.digests == (new,)
        self.old, self.new = f"`{short(old)}`", f"`{short(new)}`"
        self.now = " and ".join(f"`{short(each)}`" for each in found.digests)
        past = history(lab)
        arrived = [each for each in past if each["digest"] == new and each["status"] == "SUCCESSFUL"]
        self.changed = len(past) > 1
        self.delivered = bool(arrived)
        self.pinned = any("@sha256:" in each["image"] for each in arrived)
        self.written = f"`{arrived[0]['image'].rpartition('/')[2]}`" if arrived else ""
        self.why = past[-1]["why"].rstrip(".") if past else ""
        if found.digests:
            self.state = Sentence("at-rest")


def history(lab: Lab) -> list[dict[str, Any]]:
    """Return the service's deployments, the oldest first: image, digest, how it ended, and why."""
    ecs = lab.client("ecs")
    listed = ecs.list_service_deployments(cluster=CLUSTER, service=APP)["serviceDeployments"]
    arns = [each["serviceDeploymentArn"] for each in listed]
    shown = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    shown.sort(key=lambda each: each["createdAt"])
    past = []
    for each in shown:
        arn = each["targetServiceRevision"]["arn"]
        revision = ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"][0]
        images: list[dict[str, Any]] = revision.get("containerImages", [])
        image = images[0] if images else {}
        past.append(
            {
                "image": image.get("image", ""),
                "digest": image.get("imageDigest", ""),
                "status": each["status"],
                "why": each.get("statusReason", ""),
            }
        )
    return past


def judge(seen: Seen) -> str:
    """Return the verdict's name in e11.md: what is wanted, what runs, and what ran in between."""
    if seen.down:
        return "down"
    if not seen.at_rest:
        return "underway"
    if seen.new_runs:
        return "not-back"
    if not seen.old_runs:
        return "other-bytes"
    if not seen.delivered:
        return "failed" if seen.changed else "untouched"
    if not seen.pinned:
        return "by-tag"
    return "fewer" if seen.fewer else "passed"


# Tries


def update(lab: Lab, **more: Any) -> None:
    """Change the service, and wait until it is at rest."""
    lab.client("ecs").update_service(cluster=CLUSTER, service=APP, **more)
    settle(lab)


def deliver(lab: Lab) -> None:
    """Deliver 1.5 by its digest."""
    update(lab, taskDefinition=register(lab, APP, f"{APP}@{release_digest(lab, NEW)}"))


def back(lab: Lab) -> None:
    """Give the service the first revision again."""
    update(lab, taskDefinition=f"{APP}:1")


def back_by_a_new_revision(lab: Lab) -> None:
    """Register the old digest again, and deploy that."""
    update(lab, taskDefinition=register(lab, APP, f"{APP}@{release_digest(lab, OLD)}"))


def deliver_by_tag(lab: Lab) -> None:
    """Deliver 1.5 by its tag."""
    update(lab, taskDefinition=register(lab, APP, f"{APP}:{NEW}"))


def build_the_old_one(lab: Lab) -> None:
    """Build the old commit once more, and deploy that: something in it is different."""
    digest = put_page(lab, APP, "", "Release 1.4, built once more")
    update(lab, taskDefinition=register(lab, APP, f"{APP}@{digest}"))


def one_that_is_not_there(lab: Lab) -> None:
    """Deploy an image that nobody pushed: the breaker goes back."""
    update(lab, taskDefinition=register(lab, APP, f"{APP}:2d9b51e6c084"))


def take_down(lab: Lab) -> None:
    """Want no task any more."""
    update(lab, desiredCount=0)


def leave_one(lab: Lab) -> None:
    """Want one task."""
    update(lab, desiredCount=1)


def go_on_trying(lab: Lab) -> None:
    """Deploy an image that nobody pushed, with no breaker."""
    lab.client("ecs").update_service(
        cluster=CLUSTER,
        service=APP,
        taskDefinition=register(lab, APP, f"{APP}:2d9b51e6c084"),
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": False, "rollback": False}},
    )


TRIES = {
    "passed": {
        "the old revision": (deliver, back),
        "the old digest, registered again": (deliver, back_by_a_new_revision),
    },
    "not-back": {"delivered, and left": deliver},
    "by-tag": [(deliver_by_tag, back)],
    "other-bytes": [(deliver, build_the_old_one)],
    "failed": [one_that_is_not_there],
    "down": [(deliver, take_down)],
    "fewer": [(deliver, leave_one, back)],
    "underway": [go_on_trying],
}


def reset(lab: Lab) -> None:
    """The service runs the first revision, and there is no other."""
    lab.control.reset(clusters=[CLUSTER], families=list(FAMILIES))
    lab.client("ecs").create_cluster(clusterName=CLUSTER)
    register(lab, APP, f"{APP}@{release_digest(lab, OLD)}", task=TASK)
    serve(lab, APP, APP)
    found = lab.client("ecr").list_images(repositoryName=APP, filter={"tagStatus": "UNTAGGED"})["imageIds"]
    if found:
        lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=found)
