"""91-e3: order the steps of a push. What a learner reads is in e3.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Refused, Result, as_words
from ecrlab_course.authoring.evidence import tags
from ecrlab_course.authoring.staging import make_repository, name_again

from .state import APP, fresh

STEPS: dict[str, Callable[[Lab], object]] = {
    "name": lambda lab: name_again(lab, APP, "stable", imageTag="1.0"),
    "push": lambda lab: lab.push(APP, "1.0"),
    "create": lambda lab: make_repository(lab, APP),
    "look": lambda lab: lab.client("ecr").list_images(repositoryName=APP),
}


def run(lab: Lab, order: Sequence[str]) -> Result:
    """Carry out the steps until one fails, from nothing."""
    lab.clear(APP)
    for key in order:
        try:
            STEPS[key](lab)
        except (ClientError, Refused, LookupError) as error:
            return Result(" && ".join(order), 1, f"{key}: {error}", {"failed": key})
    return Result(" && ".join(order), 0, "done", {})


class Seen:
    """Which step failed, and the names that the image has."""

    def __init__(self, lab: Lab, order: Sequence[str], result: Result) -> None:
        self.failed = result.data.get("failed", "")
        self.stopped = f"`{self.failed}`" if self.failed else "nothing"
        self.made = "create" in order[: order.index(self.failed)] if self.failed else True
        self.tags = set(tags(lab, APP))
        self.names = as_words(sorted(self.tags)) or "none"


def judge(seen: Seen) -> str:
    """Return the verdict's name in e3.md."""
    if seen.failed:
        return "no-image" if seen.made else "no-repository"
    return "passed" if seen.tags == {"1.0", "stable"} else "one-name"


TRIES = {
    "passed": [["create", "push", "name"], ("create", "push", "look", "name")],
    "no-repository": [["push", "create", "name"]],
    "no-image": [["create", "name", "push"]],
    "one-name": [["create", "push"]],
}
reset = fresh
