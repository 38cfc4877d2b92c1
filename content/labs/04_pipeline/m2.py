"""lab-04-m2: what runs has a name. What a learner reads is in m2.md."""

from __future__ import annotations

from collections.abc import Callable

from ecrlab_course.authoring import Lab, Sentence, in_code

from .line import (
    ASK,
    BY_DIGEST,
    BY_TAG,
    CHECKED,
    HEAD,
    LATEST,
    LOGIN,
    PINNED,
    PUSHED,
    PUSHED_BY_CODE,
    PUSHED_ONCE,
    UPDATED,
    push,
)
from .look import Look, Run, digests_of
from .state import keyless
from .town import NAME, SOURCE, settle


class Seen(Look):
    """The newest run of main, the image of its commit, and what the service runs."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        over = self.of_main
        self.last: Run | None = over[-1] if over else None
        self.number, self.code = (self.last.number, self.last.code) if self.last else (0, 0)
        self.commit = self.last.commit[:12] if self.last else ""
        self.again = bool(self.last and self.last.again)
        self.tag = self.tag_of(self.last.commit) if self.last else ""
        self.words = (self.last.output.strip().splitlines() or [""])[-1][-200:] if self.last else ""
        refused = self.last.refused if self.last else None
        asked = refused["decisions"] if refused else []
        self.reason = in_code(asked[-1]["explanation"]) if asked else ""
        self.used = str(self.service.get("taskDefinition", "")).rpartition("/")[2]
        self.newest = self._newest()
        self.recipe_image = self.image_of(self.used)
        self.digest = self.recipe_image.partition("@")[2]
        self.short = self.digest[:19]
        self.wanted = int(self.service.get("desiredCount", 0))
        self.right = sum(digests_of([task]) == {self.digest} for task in self.running)
        events = self.service.get("events") or []
        self.event: str | Sentence = events[0]["message"] if events else Sentence("nothing")
        filters = self.repository.get("imageTagMutabilityExclusionFilters") or ()
        self.excluded = ", ".join(each["filter"] for each in filters)
        self.mutability = self._mutability()

    def _newest(self) -> str:
        """Return the newest revision of the service's family, as family:number."""
        family = self.used.partition(":")[0]
        ecs = self.lab.client("ecs")
        found = (
            ecs.list_task_definitions(familyPrefix=family, sort="DESC", maxResults=1)["taskDefinitionArns"]
            if family
            else []
        )
        return found[0].rpartition("/")[2] if found else ""

    def image_of(self, recipe: str) -> str:
        """Return the image that a task definition names, without the computer's address."""
        if not recipe:
            return ""
        image = str(self.recipe(recipe)["containerDefinitions"][0]["image"])
        return image.rpartition("amazonaws.com/")[2]

    @property
    def served(self) -> bool:
        """Whether all tasks run the image that ECR has under the commit's tag, and were told to by its digest."""
        right = bool(self.tag) and self.images[self.tag] == self.digest
        return right and 0 < self.wanted == self.right == len(self.running)

    def _mutability(self) -> Sentence:
        if not self.repository.get("imageTagMutability", "MUTABLE").startswith("IMMUTABLE"):
            return Sentence("mutable")
        return Sentence("excluding" if self.tag and self.can_move(self.tag) else "immutable")

    def pushed(self, run: Run, tag: str = "") -> bool:
        """Tell whether a run put an image into the repository, under this tag if one is given."""
        path = f"/{NAME}/manifests/{tag}"
        puts = [row for row in run.rows if row["action"] == "ecr:PutImage" and path in row["path"]]
        return any(row["status"] < 300 for row in puts)

    @property
    def tag_refused(self) -> bool:
        """Whether a push of the newest run was refused because the tag is immutable."""
        rows = self.last.rows if self.last else ()
        return any(row["action"] == "ecr:PutImage" and row["status"] >= 400 for row in rows) and not self.reason


def judge(seen: Seen) -> str:
    """Return the verdict's name in m2.md: the run, the name in ECR, what the service runs, and the run repeated."""
    if seen.last is None:
        return "untouched"
    if not seen.last.good:
        return _failed(seen)
    if not seen.tag:
        return "latest" if seen.pushed(seen.last, "latest") else "no-image"
    if not seen.served:
        return _what_runs(seen)
    if seen.can_move(seen.tag):
        return "movable"
    if not seen.again:
        return "once"
    if seen.pushed(seen.last):
        return "rebuilt"
    return "exclusion" if seen.excluded else "passed"


def _failed(seen: Seen) -> str:
    if seen.tag_refused and seen.again:
        return "second-red"
    return "refused" if seen.reason else "red"


def _what_runs(seen: Seen) -> str:
    if seen.newest != seen.used and "@sha256:" in seen.image_of(seen.newest):
        return "not-updated"
    if not seen.digest:
        return "deploys-latest" if seen.recipe_image.endswith(":latest") else "by-tag"
    if seen.digest not in seen.digests:
        return "unknown-digest"
    return "other-image" if seen.images[seen.tag] != seen.digest else "not-running"


def again(lab: Lab) -> None:
    """Build the beginning of this milestone again."""
    keyless(lab)


# Tries

ALWAYS = HEAD + LOGIN + ASK + PUSHED + BY_DIGEST + UPDATED + CHECKED
TAGGED = HEAD + LOGIN + ASK + PUSHED_ONCE + BY_TAG + UPDATED
BY_CODE = HEAD + LOGIN + ASK + PUSHED_BY_CODE + "pinned=$REGISTRY/$name:latest\n" + UPDATED
BOTH = HEAD + LOGIN + ASK + PUSHED_ONCE + "pinned=$REGISTRY/$name:latest\n" + UPDATED
ONLY_REGISTERED = PINNED.replace('--task-definition "$recipe"', "--force-new-deployment").replace(CHECKED, "")
BY_ID = HEAD + LOGIN + ASK + PUSHED_ONCE + "pinned=$REGISTRY/$name@$(docker image inspect --format '{{.Id}}' $image)\n"
BY_ID += UPDATED.replace("aws ecs wait services-stable --cluster harbour --services booking\n", "")
DATED = ALWAYS.replace(PUSHED, 'echo "$AWS_ROLE_SESSION_NAME" > www/built.txt\n' + PUSHED)
"""The image says which run made it, as an image of docker's says when."""


def immutable(lab: Lab) -> None:
    """Let no tag of the repository move."""
    lab.client("ecr").put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")


def but_latest(lab: Lab) -> None:
    """Let no tag move but `latest`."""
    lab.client("ecr").put_image_tag_mutability(
        repositoryName=NAME,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}],
    )


def delivered(pipeline: str) -> Callable[[Lab], None]:
    """Return a step that pushes a commit with this pipeline."""
    return lambda lab: push(lab, pipeline)


def once_more(lab: Lab) -> None:
    """Run the newest commit a second time."""
    lab.ci.again(lab.ci.runs(SOURCE)[-1].number)
    settle(lab)


def a_wall(lab: Lab) -> None:
    """Take the right to push from the pipeline's role."""
    wall = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ecr:PutImage","Resource":"*"}]}'
    lab.client("iam").put_role_policy(RoleName="pipeline", PolicyName="wall", PolicyDocument=wall)


def stopped(lab: Lab) -> None:
    """Deliver, and let the service run nothing afterwards."""
    push(lab, PINNED)
    lab.client("ecs").update_service(cluster="harbour", service="booking", desiredCount=0)
    settle(lab)


def another_recipe(lab: Lab) -> None:
    """Deliver, and let the service run the digest of the first image."""
    push(lab, PINNED)
    ecs, ecr = lab.client("ecs"), lab.client("ecr")
    found = ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "latest"}])["imageDetails"][0]
    given = ecs.describe_task_definition(taskDefinition="booking")["taskDefinition"]
    kept = {name: given[name] for name in ("family", "networkMode", "requiresCompatibilities", "cpu", "memory")}
    roles = {name: given[name] for name in ("executionRoleArn", "taskRoleArn")}
    container = {"name": "page", "image": f"{lab.registry}/{NAME}@{found['imageDigest']}"}
    arn = ecs.register_task_definition(**kept, **roles, containerDefinitions=[container])["taskDefinition"]
    ecs.update_service(cluster="harbour", service="booking", taskDefinition=arn["taskDefinitionArn"])
    settle(lab)


TRIES = {
    "passed": {"asks first, and by digest": [immutable, delivered(PINNED), once_more]},
    "exclusion": {"but for latest": [but_latest, delivered(PINNED), once_more]},
    "refused": {"it may not push": [a_wall, delivered(PINNED)]},
    "second-red": {"the commit's tag is taken": [immutable, delivered(DATED), once_more]},
    "red": {"it fails by itself": delivered(HEAD + "exit 3\n")},
    "latest": {"still latest": delivered(LATEST)},
    "no-image": {"by exit code": delivered(BY_CODE)},
    "not-updated": {"registered only": [immutable, delivered(ONLY_REGISTERED)]},
    "deploys-latest": {"pushed by commit, deployed as latest": delivered(BOTH)},
    "by-tag": {"by the commit's tag": [immutable, delivered(TAGGED)]},
    "unknown-digest": {"another sum": delivered(BY_ID)},
    "other-image": {"the digest of the first image": another_recipe},
    "not-running": {"nothing runs": stopped},
    "movable": {"MUTABLE": delivered(PINNED)},
    "rebuilt": {"built each time": [immutable, delivered(ALWAYS), once_more]},
    "once": {"one run": [immutable, delivered(PINNED)]},
}
