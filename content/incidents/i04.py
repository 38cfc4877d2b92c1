"""Incident 4: a release is gone. What a learner reads is in i04.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ecrlab_course.desk.town import LOGIN_LINE, Door, Open, Town, allow, deny, only_says, run_again

JOB = "jobs/release.sh"
PULL_JOB = "jobs/pull.sh"
SECOND_TAG = ("candidate-17", "hotfix")
"""By seed: the other tag that the release has."""
MISTYPED = ("V1.4", "v2.1")
"""By seed: what was typed in place of the release's tag."""


# The town's jobs


def release_job(town: Town, log_in: bool, push: str) -> None:
    """Write the robot's release job, and what it builds from."""
    repository, _ = town.release
    head = f"set -e\n{LOGIN_LINE} >/dev/null\n" if log_in else ""
    town.write(
        JOB,
        "#!/bin/bash\n# release.sh TAG: build the image, push it, say so\n"
        f"{head}image=$REGISTRY/{repository}:$1\n"
        "echo $(( $(cat app/number) + 1 )) > app/number   # every build has a number of its own\n"
        'docker build -q -t "$image" app\n'
        f'{push}\necho "released $1"\n',
    )


def good_release_job(town: Town) -> None:
    """Write the release job as it should be: it logs in, and stops at what fails."""
    release_job(town, True, 'docker push -q "$image"')


def before(town: Town) -> None:
    """Give the robot its release job and Omar his, with what the job builds from."""
    repository, tag = town.release
    town.write("app/Dockerfile", "FROM ecrlab/base:1\nCOPY number /number\n", 0o644)
    town.write("app/number", "40\n", 0o644)
    good_release_job(town)
    pull = f'{LOGIN_LINE} >/dev/null\ndocker pull -q "$REGISTRY/{repository}:{tag}"\n'
    town.write(PULL_JOB, f"#!/bin/bash\n# pull.sh: what the server does when it starts\n{pull}")


def released(town: Town, tag: str = "") -> None:
    """Let the robot release; write down the digest that the deployment is to run."""
    repository, release = town.release
    said = town.sh(f"bash {JOB} {tag or release}", "ci")
    digest = town.digest(repository, tag or release)
    if digest is None:
        raise RuntimeError(f"the release did not arrive: {said.text}")
    town.notes["digest"] = digest
    town.write("deploy/release.digest", f"{repository}:{release} {digest}\n", 0o644)


# Seeds


def never_pushed(town: Town) -> None:
    """Let the job hide that its push is refused; nobody has logged the robot in."""
    hides = ('docker push -q "$image" 2>&1 | tee jobs/release.log', 'docker push -q "$image" >jobs/release.log 2>&1')
    release_job(town, False, hides[town.seed])
    town.sh(f"bash {JOB} {town.release[1]}", "ci")


def deleted_by_rule(town: Town) -> None:
    """Let a lifecycle rule delete the release."""
    _, tag = town.release
    counted = {"tagPatternList": ["*"], "countType": "imageCountMoreThan", "countNumber": 2}
    aged = {"tagPrefixList": [tag], "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
    rule(town, "keep it small", (counted, aged)[town.seed])
    released(town)
    if town.seed == 0:
        town.advance(minutes=10)
        push_candidates(town, "1.5")
    town.advance(hours=50)


def archived(town: Town) -> None:
    """Put the release into the archive."""
    released(town)
    town.advance(hours=(3, 30)[town.seed])
    repository, tag = town.release
    town.ecr.update_image_storage_class(
        repositoryName=repository, imageId={"imageTag": tag}, targetStorageClass="ARCHIVE"
    )


def tag_taken_off(town: Town) -> None:
    """Let Dara, who may delete here, take the tag off; the image has another one."""
    repository, tag = town.release
    released(town)
    town.tag_again(repository, town.notes["digest"], SECOND_TAG[town.seed])
    town.advance(hours=5)
    town.user_policy("developer", "tidy", allow("ecr:BatchDeleteImage", repository))
    town.client("ecr", "developer").batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])


def mistyped(town: Town) -> None:
    """Release under a tag that differs by one character."""
    released(town, MISTYPED[town.seed])


SEEDS = {"a": never_pushed, "b": deleted_by_rule, "c": archived, "d": tag_taken_off, "e": mistyped}


def rule(town: Town, description: str, selection: dict[str, Any]) -> None:
    """Set the one rule of the release's repository, for tagged images."""
    one = {
        "rulePriority": 1,
        "description": description,
        "selection": {"tagStatus": "tagged", **selection},
        "action": {"type": "expire"},
    }
    text = json.dumps({"rules": [one]}, indent=2)
    town.ecr.put_lifecycle_policy(repositoryName=town.release[0], lifecyclePolicyText=text)


def push_candidates(town: Town, version: str) -> None:
    """Let the robot push two release candidates of a version."""
    for tag in (f"{version}-rc1", f"{version}-rc2"):
        town.push(town.release[0], tag, tag.encode())


# What closes it


def must_go(door: Door) -> bool:
    """Tell whether the seed opened this: Dara deletes releases."""
    return door[:2] == ("user/developer", "ecr:BatchDeleteImage")


def gone(town: Town) -> list[tuple[str, str | None]]:
    """Return what may go: older release candidates, which a right rule deletes when newer ones come."""
    return [(town.release[0], f"1.5-rc{number}") for number in (1, 2)]


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Yield what is still open: Omar's pull, the tag's image, the next refused push, the next days."""
    repository, tag = town.release
    if not town.pulled_by("ops", repository):
        yield Open("no-pull", tag=tag)
    if cause == "a":
        if not town.pushed_by("ci", repository, tag):
            yield Open("not-by-ci", tag=tag)
        if says_released_when_refused(town):
            yield Open("still-green")
    elif town.digest(repository, tag) != town.notes["digest"]:
        yield Open("another-image", tag=tag)
    elif cause == "b":
        if not has_rule(town):
            yield Open("rule-gone", repository=repository)
        elif is_gone_again(town):
            yield Open("gone-again", tag=tag)


def underway(town: Town, cause: str) -> Iterator[Open]:
    """Yield that the image was fetched from the archive and is not there yet, as admin sees it."""
    repository, _ = town.release
    images = town.ecr.describe_images(repositoryName=repository, filter={"imageStatus": "ACTIVATING"})["imageDetails"]
    if town.notes.get("digest") in [each["imageDigest"] for each in images]:
        yield Open("restoring")


def says_released_when_refused(town: Town) -> bool:
    """Tell whether the job ends well when its push is refused; the robot's pushes are denied for that moment."""
    town.user_policy("ci", "refused-for-a-moment", deny(["ecr:InitiateLayerUpload", "ecr:PutImage"], "*"))
    try:
        return town.sh(f"bash {JOB} probe", "ci").code == 0
    finally:
        town.iam.delete_user_policy(UserName="ci", PolicyName="refused-for-a-moment")


def has_rule(town: Town) -> bool:
    """Tell whether the repository still has a lifecycle policy."""
    with suppress(town.ecr.exceptions.LifecyclePolicyNotFoundException):
        town.ecr.get_lifecycle_policy(repositoryName=town.release[0])
        return True
    return False


def is_gone_again(town: Town) -> bool:
    """Tell whether the tag is gone after two more release candidates and two days."""
    repository, tag = town.release
    push_candidates(town, f"1.6.{town.lab.last()}")  # new ones each time: what is there already is not pushed again
    town.advance(days=2, seconds=100)
    return town.digest(repository, tag) != town.notes["digest"]


# Fixes


def release_again_aloud(town: Town) -> None:
    """Let the job log in and stop at what fails; run it."""
    good_release_job(town)
    release_with_job(town)


def narrow_the_rule(town: Town) -> None:
    """Let the rule count release candidates only; push the image that the build machine still has."""
    counted = {"tagPatternList": ["*-rc*"], "countType": "imageCountMoreThan", "countNumber": 2}
    rule(town, "release candidates: keep two", counted)
    push_again(town)


def fetch(town: Town) -> None:
    """Fetch the image from the archive."""
    repository, _ = town.release
    image = {"imageDigest": town.notes["digest"]}
    town.ecr.update_image_storage_class(repositoryName=repository, imageId=image, targetStorageClass="STANDARD")


def restore(town: Town) -> None:
    """Fetch the image from the archive, and wait for it."""
    fetch(town)
    town.advance(minutes=21)


def put_tag_back(town: Town) -> None:
    """Give the image its tag again."""
    repository, tag = town.release
    town.tag_again(repository, town.notes["digest"], tag)


def put_tag_back_and_take_right(town: Town) -> None:
    """Give the image its tag again, and take from Dara what she needs for nothing else."""
    put_tag_back(town)
    town.iam.delete_user_policy(UserName="developer", PolicyName="tidy")


FIXES = {
    "a": release_again_aloud,
    "b": narrow_the_rule,
    "c": restore,
    "d": put_tag_back_and_take_right,
    "e": put_tag_back,
}


# Wrong fixes


def release_with_job(town: Town) -> None:
    """Run the release job as the robot."""
    town.sh(f"bash {JOB} {town.release[1]}", "ci")


def log_in_and_release(town: Town) -> None:
    """Log the robot in by hand; the job stays as it is."""
    town.login("ci")
    release_with_job(town)


def push_as_admin(town: Town) -> None:
    """Push the image that is on the build machine as admin."""
    town.login("admin")
    town.sh(f'docker push -q "$REGISTRY/{":".join(town.release)}"')


def push_again(town: Town) -> None:
    """Push what the build machine still has, as the robot."""
    town.login("ci")
    town.sh(f'docker push -q "$REGISTRY/{":".join(town.release)}"', "ci")


def push_again_without_rule(town: Town) -> None:
    """Delete the lifecycle policy, and push again."""
    town.ecr.delete_lifecycle_policy(repositoryName=town.release[0])
    push_again(town)


def tag_the_image_before(town: Town) -> None:
    """Put the release's tag on the image that runs."""
    repository, old = town.running
    digest = town.digest(repository, old)
    assert digest is not None
    town.tag_again(repository, digest, town.release[1])


AGAIN = {"the same again": (run_again, "still")}
ONLY_SAYS = {"the job only says so": (only_says(PULL_JOB), "no-pull")}
OTHERS = {
    **AGAIN,
    "built again under the tag": (release_with_job, "another-image"),
    "the tag put on the image before": (tag_the_image_before, "another-image"),
}
WRONG = {
    "a": {
        **AGAIN,
        "pushed by admin": (push_as_admin, "not-by-ci"),
        "logged in, the job as it is": (log_in_and_release, "still-green"),
    },
    "b": {
        **AGAIN,
        "pushed again, the rule as it is": (push_again, "gone-again"),
        "the policy deleted": (push_again_without_rule, "rule-gone"),
    },
    "c": {**OTHERS, **ONLY_SAYS, "fetched from the archive, and not waited for": (fetch, "restoring")},
    "d": {**OTHERS, "the tag back, Dara's permission as it is": (put_tag_back, "wider")},
    "e": OTHERS,
}
