"""Incident 21: the base image does not come through the cache. What a learner reads is in i21.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ecrlab_course.desk.town import (
    LOGIN_LINE,
    PULL,
    STAR,
    Open,
    Ran,
    Statement,
    Town,
    allow,
    arn,
    run_again,
)

JOB = "jobs/base.sh"
PREFIX, IMAGE = "docker-hub", "docker-hub/library/busybox"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
CREATE, IMPORT = "ecr:CreateRepository", "ecr:BatchImportUpstreamImage"
CACHE: Statement = allow([*PULL, IMPORT, CREATE], f"{PREFIX}/*")
"""What the robot needs to pull through the cache."""


def before(town: Town) -> None:
    """Make the cache rule, and let the robot pull through it."""
    town.lab.hub.reset()
    make_rule(town, PREFIX)
    town.user_policy("ci", "cache", CACHE)
    base_job(town, IMAGE)


def make_rule(town: Town, prefix: str) -> None:
    """Make a cache rule for the Hub."""
    town.ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix=prefix, upstreamRegistryUrl="registry-1.docker.io", credentialArn=SECRET
    )


def base_job(town: Town, name: str) -> None:
    """Write the job that fetches the base image."""
    text = f'{LOGIN_LINE} >/dev/null\ndocker pull -q "$REGISTRY/{name}:latest"\n'
    town.write(JOB, f"#!/bin/bash\n# base.sh: fetch the base image through the cache\n{text}")


# Seeds


def other_name(town: Town) -> None:
    """Let the job ask for a name that the Hub does not have."""
    base_job(town, f"{PREFIX}/{('libary', 'official')[town.seed]}/busybox")


def no_creating(town: Town) -> None:
    """Let the robot create nothing, or a repository that nobody needs."""
    missing(town, CREATE, IMPORT, PREFIX)


def no_importing(town: Town) -> None:
    """Let the robot import nothing, or into a repository that nobody needs."""
    missing(town, IMPORT, CREATE, f"{PREFIX}/busybox")


def other_prefix(town: Town) -> None:
    """Take the rule away; with seed 0 there is one with a prefix that is nearly the same."""
    town.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix=PREFIX)
    if town.seed == 0:
        make_rule(town, "dockerhub")


SEEDS = {"a": other_name, "b": no_creating, "c": no_importing, "d": other_prefix}


def missing(town: Town, lost: str, kept: str, elsewhere: str) -> None:
    """Leave one action out of the robot's policy; with seed 1 it is allowed elsewhere."""
    beside = [allow(lost, elsewhere)] if town.seed == 1 else []
    town.user_policy("ci", "cache", allow([*PULL, kept], f"{PREFIX}/*"), *beside)


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether no base image came."""
    return ran.code != 0 and any(text in ran.text for text in ("not found", "does not exist", "denied", "403"))


# What closes it


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Yield what is still open: where the image came from, the rule, and the next image."""
    rules = town.ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    if not town.pulled_by("ci", IMAGE):
        yield Open("past-the-cache")
    elif [str(rule["ecrRepositoryPrefix"]) for rule in rules] != [PREFIX]:
        yield Open("other-rules")
    elif not all(town.is_open(("user/ci", action, arn(f"{PREFIX}/library/alpine"))) for action in (CREATE, IMPORT)):
        yield Open("next-image")


# Fixes


def right_name(town: Town) -> None:
    """Let the job ask for the name that the Hub has."""
    base_job(town, IMAGE)


def right_policy(town: Town) -> None:
    """Let the robot do what a pull through the cache needs."""
    town.user_policy("ci", "cache", CACHE)


def right_rule(town: Town) -> None:
    """Make the rule with the prefix that the names have."""
    with suppress(town.ecr.exceptions.PullThroughCacheRuleNotFoundException):
        town.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="dockerhub")
    make_rule(town, PREFIX)


FIXES = {"a": right_name, "b": right_policy, "c": right_policy, "d": right_rule}


# Wrong fixes


def star(town: Town) -> None:
    """Allow the robot everything of ECR."""
    town.user_policy("ci", "fix", STAR)


def straight_to_the_hub(town: Town) -> None:
    """Let the job pull from the Hub."""
    town.write(JOB, '#!/bin/bash\n# base.sh: fetch the base image\ndocker pull -q "$HUB/library/busybox:latest"\n')


def make_repository(town: Town) -> None:
    """Make the repository of the base image by hand."""
    with suppress(town.ecr.exceptions.RepositoryAlreadyExistsException):
        town.ecr.create_repository(repositoryName=IMAGE)


def one_rule_more(town: Town) -> None:
    """Make the rule, and another one for the same upstream."""
    right_rule(town)
    make_rule(town, "hub")


COMMON = {"the same again": (run_again, "still"), "straight to the Hub": (straight_to_the_hub, "past-the-cache")}
WRONG = {
    "a": {**COMMON, "everything of ECR": (star, "still"), "the repository by hand": (make_repository, "still")},
    "b": {**COMMON, "everything of ECR": (star, "wider"), "the repository by hand": (make_repository, "next-image")},
    "c": {**COMMON, "everything of ECR": (star, "wider"), "the repository by hand": (make_repository, "still")},
    "d": {
        **COMMON,
        "everything of ECR": (star, "still"),
        "the repository by hand": (make_repository, "still"),
        "one rule more": (one_rule_more, "other-rules"),
    },
}
