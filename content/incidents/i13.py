"""Incident 13: a push is refused at its tag. What a learner reads is in i13.md."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase

from ecrlab_course.desk.town import LOGIN_LINE, Door, Open, Town, arn

JOB = f"""\
#!/bin/bash
{LOGIN_LINE} >/dev/null || exit 1
echo "built $(date) by $$" > app/build.txt
TAG
image=$REGISTRY/REPOSITORY:$tag
docker build -q -t "$image" app >/dev/null || exit 2
docker push -q "$image" || exit 3
"""
FROM_COMMIT = "tag=$(cat app/COMMIT)"
FROM_VERSION = """\
last=$(cat app/VERSION)
tag=${last%.*}.$((${last##*.} + 1))"""
LATEST = "tag=latest      # the test server pulls this one"
WRITE_DOWN = 'echo "$tag" > app/VERSION\n'
ASK_FIRST = """\
there=$(aws ecr batch-get-image --repository-name REPOSITORY --image-ids imageTag=$tag \\
  --query 'length(images)' --output text)
[ "$there" = 0 ] || { echo "$tag is there already"; exit 0; }
"""
REFUSING = 'docker() { [ "$1" != push ]; }; export -f docker'
"""A docker that does nothing and says yes, but to a push."""
LOCKED = "IMMUTABLE_WITH_EXCLUSION"


def repository(town: Town) -> str:
    """Return the repository of the ticket."""
    return town.running[0]


def commit(town: Town) -> str:
    """Return the commit that is built."""
    return ("9f3c2e1", "77ab01c")[town.seed]


def lock(town: Town, *exempted: str, mode: str = "") -> None:
    """Lock the tags of the repository, but for those that a filter matches."""
    filters = [{"filterType": "WILDCARD", "filter": each} for each in exempted]
    more = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
    town.ecr.put_image_tag_mutability(
        repositoryName=repository(town), imageTagMutability=mode or (LOCKED if filters else "IMMUTABLE"), **more
    )


def before(town: Town) -> None:
    """Lock the repository, and write what the robot builds."""
    lock(town)
    town.write("app/Dockerfile", "FROM ecrlab/base:1\nCOPY build.txt /build.txt\n", 0o644)
    town.write("app/VERSION", town.running[1] + "\n", 0o644)
    town.write("app/COMMIT", commit(town) + "\n", 0o644)


def release(town: Town, tag_line: str, after: str = "") -> None:
    """Write the job with its way to a tag, and run it once as the robot."""
    job = JOB.replace("TAG", tag_line).replace("REPOSITORY", repository(town)) + after
    town.write("jobs/release.sh", job)
    town.sh("bash jobs/release.sh", "ci")


def build_a_commit_twice(town: Town) -> None:
    """Take the tag from the commit; the commit has been built."""
    release(town, FROM_COMMIT)


def lose_count(town: Town) -> None:
    """Count up from a file that the new version does not reach."""
    release(town, FROM_VERSION, (WRITE_DOWN.replace("app/", ""), WRITE_DOWN.replace("$tag", "$last"))[town.seed])


def move_a_locked_tag(town: Town) -> None:
    """Push latest where each tag is locked, or each but those of developers."""
    lock(town, *(["dev-*"] if town.seed else []))
    release(town, LATEST)


def misspell_the_filter(town: Town) -> None:
    """Exempt a tag that is almost latest."""
    lock(town, ("lates", "Latest")[town.seed])
    release(town, LATEST)


SEEDS = {
    "a": build_a_commit_twice,
    "b": lose_count,
    "c": move_a_locked_tag,
    "d": misspell_the_filter,
}


LOOKING = ("ecr:DescribeImages", "ecr:ListImages")
"""What the robot may ask to see whether an image is there."""


def may(door: Door) -> bool:
    """Let the robot look whether an image is there."""
    return door in [("user/ci", action, arn(name)) for action in LOOKING for name in ("web/booking", "web/prices")]


def gone(town: Town) -> list[tuple[str, str | None]]:
    """Name the tag that moves by design."""
    return [(repository(town), "latest")]


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Run the job a second time, and ask what became of the lock, of new commits and of the tag that moves."""
    if tag := exempted_release(town):
        yield Open("releases-open", tag=tag)
    if cause == "a":
        with another_commit(town) as fresh:
            if town.run().code or town.digest(repository(town), fresh) is None:
                yield Open("new-commit")
    with another_commit(town):
        if not town.run(REFUSING).code:
            yield Open("refusal-hidden")
    pointed = town.digest(repository(town), "latest")
    again = town.run()
    if again.code:
        yield Open("second-run", said=f"`{again.last}`" if again.last else "no word")
    elif cause in ("c", "d") and town.digest(repository(town), "latest") == pointed:
        yield Open("latest-stays")


def exempted_release(town: Town) -> str:
    """Return a release that the repository's filters exempt from its lock; "" for none."""
    found = town.ecr.describe_repositories(repositoryNames=[repository(town)])["repositories"][0]
    if found["imageTagMutability"] != LOCKED:
        return ""
    filters = [each["filter"] for each in found["imageTagMutabilityExclusionFilters"]]
    releases = [town.running[1], commit(town)]
    return next((tag for tag in releases if any(fnmatchcase(tag, each) for each in filters)), "")


@contextmanager
def another_commit(town: Town) -> Iterator[str]:
    """Let the folder be at a commit that was never built; afterwards it is at its own."""
    kept, fresh = town.read("app/COMMIT"), f"{time.time_ns() & 0xFFFFFFF:07x}"
    town.write("app/COMMIT", fresh + "\n", 0o644)
    try:
        yield fresh
    finally:
        town.write("app/COMMIT", kept, 0o644)


# Fixes


def ask_first(town: Town) -> None:
    """Let the job leave when the commit has its image."""
    asked = ASK_FIRST.replace("REPOSITORY", repository(town))
    town.replace("jobs/release.sh", "docker build", asked + "docker build")


def count_on(town: Town) -> None:
    """Let the job write down what it pushed, and write down what it has pushed already."""
    town.without_lines("jobs/release.sh", "> app/VERSION", "> VERSION")
    town.write("jobs/release.sh", town.read("jobs/release.sh") + WRITE_DOWN)
    raise_by_hand(town)


def exempt_latest(town: Town) -> None:
    """Add latest to the filters."""
    lock(town, "latest", *(["dev-*"] if town.seed else []))


def spell_the_filter(town: Town) -> None:
    """Spell the filter as the tag is spelled."""
    lock(town, "latest")


FIXES = {"a": ask_first, "b": count_on, "c": exempt_latest, "d": spell_the_filter}


# Wrong fixes


def push_again(town: Town) -> None:
    """Run the job once more."""
    town.run()


def unlock(town: Town) -> None:
    """Let every tag be overwritten."""
    lock(town, mode="MUTABLE")


def exempt_everything(town: Town) -> None:
    """Leave the lock, with a filter that matches every tag."""
    lock(town, "*")


def delete_the_tag(town: Town) -> None:
    """Delete the image that has the tag."""
    job = town.read("jobs/release.sh")
    tag = commit(town) if FROM_COMMIT in job else town.release[1] if FROM_VERSION in job else "latest"
    town.ecr.batch_delete_image(repositoryName=repository(town), imageIds=[{"imageTag": tag}])


def raise_by_hand(town: Town) -> None:
    """Write the version that was pushed last into the file."""
    town.write("app/VERSION", town.release[1] + "\n", 0o644)


def build_nothing(town: Town) -> None:
    """Let the job leave before it builds."""
    town.replace("jobs/release.sh", "docker build", "exit 0\ndocker build")


def hide_the_exit(town: Town) -> None:
    """Let the job end well whatever the push says."""
    town.replace("jobs/release.sh", "|| exit 3", "|| true")


def push_another_tag(town: Town) -> None:
    """Give each build a tag of its own."""
    town.replace("jobs/release.sh", LATEST, "tag=build-$$")


ANY = {
    "pushed again": (push_again, "still"),
    "every tag unlocked": (unlock, "things"),
    "the exit code hidden": (hide_the_exit, "refusal-hidden"),
}
MOVING = {
    **ANY,
    "every tag exempted": (exempt_everything, "releases-open"),
    "latest deleted first": (delete_the_tag, "second-run"),
    "another tag in the job": (push_another_tag, "latest-stays"),
}
WRONG = {
    "a": {
        **ANY,
        "the tag deleted first": (delete_the_tag, "things"),
        "the job leaves before it builds": (build_nothing, "new-commit"),
    },
    "b": {
        **ANY,
        "the tag deleted first": (delete_the_tag, "things"),
        "raised once by hand": (raise_by_hand, "second-run"),
    },
    "c": MOVING,
    "d": MOVING,
}
