"""lab-04-m4: a minute. What a learner reads is in m4.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ecrlab_course.authoring import Lab, Sentence, as_words
from ecrlab_course.authoring.staging import put_image
from ecrlab_course.documents.xray_row import Row

from .line import push
from .look import Look, Run, digests_of
from .state import RELEASES, gated
from .town import CLUSTER, KEEP_THREE, NAME, OMAR, SERVICE, commit, git, lifecycle, settle, wait_for

LIMIT = 60
"""Seconds of lab time, which passes as real time does."""
CHANGES = ("UpdateService", "StopServiceDeployment", "CreateService")


class Seen(Look):
    """Monday's release, the one before it, and what was done since."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        runs = [run for run in self.of_main if "Saturday" in self.file(run.commit, "www/prices.txt")]
        self.monday: Run | None = runs[-1] if runs else None
        self.number, self.code = (self.monday.number, self.monday.code) if self.monday else (0, 0)
        self.words = (self.monday.output.strip().splitlines() or [""])[-1][-200:] if self.monday else ""
        self.bad = self.images.get(self.tag_of(self.monday.commit), "") if self.monday else ""
        self.before = self._before()
        self.short = self.before[:19]
        self.held = Sentence("there" if self.before in self.digests else "gone")
        tags = [tag for tag, digest in self.images.items() if digest in self.running_digests]
        self.running_tags = as_words(sorted(tags)) if tags else Sentence("nothing")
        last = self.monday.rows[-1]["seq"] if self.monday and self.monday.rows else 0
        self.since: list[Row] = [row for row in self.rows if last and row["seq"] > last]
        changed = [row for row in self.since if row["operation"] in CHANGES and row["status"] < 400]
        self.change = changed[-1] if changed else None
        self.who = str(self.change["principal"]).split(":", 5)[-1] if self.change else ""
        self.newer = next((run.number for run in self.of_main if run.number > self.number and self.pushed(run)), 0)
        self.seconds = self._seconds()
        self.over = max(0, self.seconds - LIMIT)
        events = self.service.get("events") or []
        self.event: str | Sentence = events[0]["message"] if events else Sentence("nothing")

    def _before(self) -> str:
        """Return the digest that ran before Monday's release; "" when it never ran."""
        found = [digest for each in self.deployments for digest in each["digests"]]
        place = found.index(self.bad) if self.bad in found else 0
        return found[place - 1] if place else ""

    def pushed(self, run: Run) -> bool:
        """Tell whether a run put an image into the repository."""
        return any(row["action"] == "ecr:PutImage" and row["status"] < 300 for row in run.rows)

    @property
    def back(self) -> bool:
        """Whether all tasks that are wanted run the release before, and nothing else runs."""
        wanted = int(self.service.get("desiredCount", 0))
        right = [task for task in self.running if digests_of([task]) == {self.before}]
        return bool(self.before) and 0 < wanted == len(right) == len(self.running)

    def _seconds(self) -> int:
        """Return the seconds from the begin of the watch to when the last task of the release before ran, or to now."""
        if self.monday is None:
            return 0
        begun = self.monday.ended
        if not self.back:
            return max(0, round(float(self.lab.clock.now().timestamp()) - begun))
        started = [float(task["startedAt"].timestamp()) for task in self.running]
        asked = [_moment(self.change)] if self.change else []
        return max(0, round(max([*started, *asked]) - begun))

    @property
    def by_age(self) -> bool:
        """Whether a lifecycle rule goes by the age of images."""
        ecr = self.lab.client("ecr")
        try:
            text = ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]
        except ecr.exceptions.ClientError:
            return False
        return any(rule["selection"]["countType"].startswith("since") for rule in json.loads(text)["rules"])

    def asked(self, operation: str) -> bool:
        """Tell whether an operation was done since the watch began."""
        return any(row["operation"] == operation and row["status"] < 400 for row in self.since)


def _moment(row: Row) -> float:
    return datetime.fromisoformat(row["time"]).timestamp()


def judge(seen: Seen) -> str:
    """Return the verdict's name in m4.md: is it back, whose hand was it, and how long did it take."""
    if seen.monday is None:
        return "untouched"
    if not seen.before:
        return "not-delivered"
    if seen.newer:
        return "rebuilt"
    if not seen.back:
        return _not_back(seen)
    if "assumed-role/" in seen.who:
        return "by-robot"
    if seen.who != f"user/{OMAR}":
        return "by-other"
    if seen.over:
        return "late"
    if seen.asked("RegisterTaskDefinition"):
        return "registered"
    return "by-age" if seen.by_age else "passed"


def _not_back(seen: Seen) -> str:
    if seen.before not in seen.digests:
        return "tidied"
    if seen.change is None:
        return "retagged" if seen.asked("PutImage") else "still"
    return "same-again" if seen.running_digests == {seen.bad} else "not-there-yet"


def again(lab: Lab) -> None:
    """Build Friday again."""
    gated(lab)


# Tries


def keep(*rules: dict[str, Any]) -> Callable[[Lab], None]:
    """Return a step that sets the lifecycle rules of the repository."""
    return lambda lab: lab.client("ecr").put_lifecycle_policy(
        repositoryName=NAME, lifecyclePolicyText=lifecycle(*rules)
    )


UNTAGGED = {**KEEP_THREE, "selection": {**KEEP_THREE["selection"], "tagStatus": "untagged"}}
FORTNIGHT = {
    **KEEP_THREE,
    "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
}


def weekend(lab: Lab) -> None:
    """Do what the card says: bash monday.sh."""
    code, said = lab.sh("bash monday.sh", timeout=300)
    if code:
        raise RuntimeError(said)
    settle(lab)


def three_pushes(lab: Lab) -> None:
    """Have three newer images in ECR, and two days pass."""
    ecr = lab.client("ecr")
    for number in range(3):
        put_image(lab, NAME, f"{number}" * 7, {"www/note.txt": str(number).encode()})
    lab.clock.advance(days=2)
    wait_for(lambda: len(ecr.list_images(repositoryName=NAME)["imageIds"]) == 3, "the lifecycle rule")


def release(lab: Lab) -> None:
    """Deliver Monday's release, without the weekend before it."""
    before = git(lab, "rev-parse", "refs/heads/main")
    push(lab, "", person="Dara", www__prices_txt="a day: 20 (Saturday)\n")
    git(lab, "update-ref", "refs/heads/main", before)


def bad_release(lab: Lab) -> None:
    """Deliver Monday's release by a pipeline that fails by itself."""
    commit(lab, pipeline_sh="#!/usr/bin/env bash\nexit 3\n")
    release(lab)


def go_back(profile: str = OMAR, revision: str = "booking:1") -> Callable[[Lab], None]:
    """Return a step that lets the service run a revision, as that profile."""

    def act(lab: Lab) -> None:
        ecs = lab.client("ecs", profile)
        ecs.update_service(cluster=CLUSTER, service=SERVICE, taskDefinition=revision)
        settle(lab)

    return act


def go_back_by_a_new_one(lab: Lab) -> None:
    """Register the release before once more as Omar, and let the service run that."""
    ecs = lab.client("ecs", OMAR)
    given = ecs.describe_task_definition(taskDefinition="booking:1")["taskDefinition"]
    names = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "executionRoleArn", "taskRoleArn")
    containers = [{"name": "page", "image": given["containerDefinitions"][0]["image"]}]
    ecs.register_task_definition(**{name: given[name] for name in names}, containerDefinitions=containers)
    go_back(revision="booking")(lab)


def tries_to_go_back(lab: Lab) -> None:
    """Go back to an image that is gone; the breaker ends the deployment."""
    lab.client("ecs", OMAR).update_service(cluster=CLUSTER, service=SERVICE, taskDefinition="booking:1")
    wait_for(lambda: _failed(lab), "the breaker ends the deployment")


def _failed(lab: Lab) -> bool:
    found = lab.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"][0]
    return bool(found["deployments"][0]["rolloutState"] == "FAILED" and not found["pendingCount"])


def seventy_five_seconds(lab: Lab) -> None:
    """Let so much time pass."""
    lab.clock.advance(seconds=75)


def by_pipeline(lab: Lab) -> None:
    """Let a run of the pipeline go back."""
    call = "aws ecs update-service --cluster harbour --service booking --task-definition booking:1"
    push(lab, f"#!/usr/bin/env bash\n{call} --query service.status\n")


def reverted(lab: Lab) -> None:
    """Push the page of before once more."""
    push(lab, "", www__note_txt="the right prices again\n")


def tag_moved(lab: Lab) -> None:
    """Give the release before one more tag."""
    ecr = lab.client("ecr")
    first = min(ecr.describe_images(repositoryName=NAME)["imageDetails"], key=lambda each: each["imagePushedAt"])
    found = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": first["imageDigest"]}])["images"][0]
    ecr.put_image(
        repositoryName=NAME,
        imageManifest=found["imageManifest"],
        imageManifestMediaType=found["imageManifestMediaType"],
        imageTag="current",
    )


def started_again(lab: Lab) -> None:
    """Let the service start its tasks again as Omar."""
    lab.client("ecs", OMAR).update_service(cluster=CLUSTER, service=SERVICE, forceNewDeployment=True)
    settle(lab)


def one_task(lab: Lab) -> None:
    """Go back as Omar, and let nothing run afterwards."""
    go_back()(lab)
    lab.client("ecs", OMAR).update_service(cluster=CLUSTER, service=SERVICE, desiredCount=0)
    settle(lab)


TRIES = {
    "passed": {
        "keeps a hundred": [keep(RELEASES), weekend, go_back()],
        "untagged alone": [keep(UNTAGGED), release, go_back()],
    },
    "registered": {"a revision more": [release, go_back_by_a_new_one]},
    "by-age": {"fourteen days": [keep(FORTNIGHT), release, go_back()]},
    "not-delivered": {"a good commit that is stopped": bad_release},
    "still": {"nothing done": release},
    "tidied": {"keeps three": [three_pushes, release, tries_to_go_back]},
    "rebuilt": {"the page of before is pushed": [release, reverted]},
    "retagged": {"one more tag": [release, tag_moved]},
    "same-again": {"started again": [release, started_again]},
    "not-there-yet": {"no task": [release, one_task]},
    "by-robot": {"by the pipeline": [release, by_pipeline]},
    "by-other": {"by admin": [release, go_back("admin")]},
    "late": {"75 seconds": [release, seventy_five_seconds, go_back()]},
}
