"""90-e1: order the steps of a push. What a learner reads is in e1.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Refused, Result

from .state import NAME


def create(lab: Lab) -> None:
    lab.client("ecr").create_repository(repositoryName=NAME)


def push(lab: Lab) -> None:
    lab.push(NAME, "1")


def name(lab: Lab) -> None:
    ecr = lab.client("ecr")
    found = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "1"}])["images"]
    if not found:
        raise LookupError("no image is called 1")
    ecr.put_image(repositoryName=NAME, imageManifest=found[0]["imageManifest"], imageTag="stable")


def look(lab: Lab) -> None:
    lab.client("ecr").list_images(repositoryName=NAME)


STEPS: dict[str, Callable[[Lab], None]] = {"name": name, "push": push, "create": create, "look": look}


def run(lab: Lab, keys: Sequence[str]) -> Result:
    """Carry out the steps until one fails, from nothing."""
    lab.clear(NAME)
    lines = []
    for key in keys:
        try:
            STEPS[key](lab)
        except (ClientError, Refused, LookupError) as error:
            lines.append(f"{key}: {error}")
            return Result(" && ".join(keys), 1, "\n".join(lines), {"failed": key})
        lines.append(f"{key}: done")
    return Result(" && ".join(keys), 0, "\n".join(lines), {})


class Seen:
    """Where the order stopped, and which names there are."""

    def __init__(self, lab: Lab, keys: Sequence[str], result: Result) -> None:
        failed = result.data.get("failed")
        self.stopped = failed or "nothing"
        self.shelf = not failed or "create" in keys[: list(keys).index(failed)]
        tags = set()
        if result.command and not failed:
            tags = {row.get("imageTag") for row in lab.client("ecr").list_images(repositoryName=NAME)["imageIds"]}
        self.names = ", ".join(sorted(tags - {None})) or "none"


def judge(seen: Seen) -> str:
    """Return the verdict's name in e1.md."""
    if not seen.shelf:
        return "no-shelf"
    if seen.stopped != "nothing":
        return "no-image"
    return "passed" if seen.names == "1, stable" else "names"


TRIES = {
    "passed": {"three steps": ["create", "push", "name"], "with a look": ("create", "push", "look", "name")},
    "no-shelf": [["push", "create", "name"]],
    "no-image": [["create", "name", "push"]],
    "names": [["create", "push"]],
}


def reset(lab: Lab) -> None:
    """Remove the repository."""
    lab.clear(NAME)
