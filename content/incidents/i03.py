"""Incident 3: a repository that somebody has seen and the registry does not know. What a learner reads is in i03.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab.home import REGION
from ecrlab_course.desk.town import LOGIN_LINE, PARTNER, Open, Town, allow, arn, run_again

JOB = "jobs/release.sh"
REGIONS = (REGION, "eu-west-1", "eu-central-1")
TIDY = ("ecr:DeleteRepository", "ecr:DescribeRepositories")


def wanted(town: Town) -> tuple[str, str]:
    """Return the repository and tag that the job pushes."""
    return (("web/maps", "1.0"), ("web/rides", "3.2"))[town.seed]


def misspelled(town: Town) -> str:
    """Return the name with a letter missing."""
    return wanted(town)[0].removesuffix("s")


def elsewhere(town: Town) -> str:
    """Return the Region in which the repository was made by mistake."""
    return REGIONS[1 + town.seed]


def make(town: Town, name: str = "", region: str = REGION, profile: str = "admin") -> None:
    """Make a repository; without a name, the one that the job asks for."""
    town.client("ecr", profile, region).create_repository(repositoryName=name or wanted(town)[0])


def delete(town: Town, name: str = "", region: str = REGION, profile: str = "admin") -> None:
    """Delete a repository; without a name, one of the name that the job asks for."""
    town.client("ecr", profile, region).delete_repository(repositoryName=name or wanted(town)[0], force=True)


def write_job(town: Town) -> None:
    """Write the release."""
    image = '"$REGISTRY/{}:{}"'.format(*wanted(town))
    town.write(JOB, f"#!/bin/bash\n{LOGIN_LINE} >/dev/null\ndocker tag ecrlab/base:1 {image}\ndocker push -q {image}\n")


def seed_misspelled(town: Town) -> None:
    """The repository that was made lacks a letter."""
    write_job(town)
    make(town, misspelled(town))


def seed_other_region(town: Town) -> None:
    """The repository was made in Ireland, or in Frankfurt."""
    write_job(town)
    make(town, region=elsewhere(town))


def seed_other_account(town: Town) -> None:
    """The repository that was seen is the map company's."""
    write_job(town)
    make(town, profile="partner")


def seed_deleted(town: Town) -> None:
    """Dara may delete, and has tidied up, eight hours ago."""
    write_job(town)
    town.user_policy("developer", "tidy", allow(TIDY, "web/*"))
    make(town)
    town.push(wanted(town)[0], "0.9", b"the release before", "admin")
    town.sh(f"aws ecr delete-repository --force --repository-name {wanted(town)[0]}", "developer")
    town.advance(hours=8)


SEEDS = {"a": seed_misspelled, "b": seed_other_region, "c": seed_other_account, "d": seed_deleted}


def closed(town: Town, cause: str) -> Iterator[Open]:
    """The release is in us-east-1, nothing made by mistake is left, and nobody can delete it again."""
    name, tag = wanted(town)
    if town.digest(name, tag) is None:
        yield Open("not-there", wanted=f"{name}:{tag}")
    for region in REGIONS:
        held = town.stock(region)
        for twin in (misspelled(town), name):
            if twin in held and (region, twin) != (REGION, name):
                yield Open("twin", twin=twin, region=region)
    if cause == "c" and name not in town.stock(account=PARTNER):
        yield Open("theirs-gone", repository=name)
    if cause == "d" and town.is_open(("user/developer", TIDY[0], arn(name))):
        yield Open("may-still-delete", repository=name)


def gone(town: Town) -> list[tuple[str, str | None]]:
    """What was made by mistake has to go."""
    return [(misspelled(town), None), (wanted(town)[0], None)]


# Fixes ---------------------------------------------------------------------------------------------------------------


def rename(town: Town) -> None:
    """Make the repository of the right name, and delete the empty one."""
    make(town)
    delete(town, misspelled(town))


def move(town: Town) -> None:
    """Make the repository in the right Region, and delete the empty one."""
    make(town)
    delete(town, region=elsewhere(town))


def make_and_take_back(town: Town) -> None:
    """Make the repository again; nobody may delete it any more."""
    make(town)
    town.iam.delete_user_policy(UserName="developer", PolicyName="tidy")


FIXES = {"a": rename, "b": move, "c": make, "d": make_and_take_back}


def let_the_robot_make_it(town: Town) -> None:
    """Let the robot make any repository, and let the job do so."""
    town.user_policy("ci", "create", allow("ecr:CreateRepository", "*"))
    line = f"aws ecr create-repository --repository-name {wanted(town)[0]} >/dev/null\n"
    town.replace(JOB, "docker push", f"{line}docker push")


def follow_the_typo(town: Town) -> None:
    """Let the job push to the name that is there."""
    town.replace(JOB, f"{wanted(town)[0]}:", f"{misspelled(town)}:")


def follow_the_region(town: Town) -> None:
    """Let the job log in and push where the repository is."""
    region = elsewhere(town)
    town.replace(JOB, "$REGISTRY", town.registry(region))
    town.replace(JOB, "get-login-password", f"get-login-password --region {region}")


def follow_the_account(town: Town) -> None:
    """Let the job push to the map company."""
    town.replace(JOB, "$REGISTRY", town.registry(account=PARTNER))


def take_theirs_away(town: Town) -> None:
    """Make ours, and let the map company's be deleted."""
    make(town)
    delete(town, profile="partner")


def only_take_back(town: Town) -> None:
    """Take the permission back, and leave it at that."""
    town.iam.delete_user_policy(UserName="developer", PolicyName="tidy")


WRONG = {
    "a": {
        "the same again": (run_again, "still"),
        "the job follows the typo": (follow_the_typo, "not-there"),
        "the empty one left": (make, "twin"),
        "the robot may make anything": (let_the_robot_make_it, "wider"),
    },
    "b": {
        "the job pushes there": (follow_the_region, "still"),
        "the empty one left": (make, "twin"),
        "the robot may make anything": (let_the_robot_make_it, "wider"),
    },
    "c": {
        "the job pushes to theirs": (follow_the_account, "still"),
        "theirs deleted": (take_theirs_away, "theirs-gone"),
        "the robot may make anything": (let_the_robot_make_it, "wider"),
    },
    "d": {
        "made again, and nothing else": (make, "may-still-delete"),
        "the permission taken back, and nothing made": (only_take_back, "still"),
        "the robot may make anything": (let_the_robot_make_it, "wider"),
    },
}
