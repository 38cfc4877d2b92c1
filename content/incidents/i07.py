"""Incident 7: a push that is refused although a policy speaks of it. What a learner reads is in i07.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab_course.desk.town import (
    AWS,
    BUILD,
    LOGIN,
    LOGIN_LINE,
    PARTNER,
    PUSH,
    STAR,
    Open,
    Town,
    allow,
    arn,
    run_again,
)

JOB = "jobs/release.sh"
BASE = BUILD[2]


def write_job(town: Town, before: str = "") -> None:
    """Write the release."""
    image = '"$REGISTRY/{}:{}"'.format(*town.release)
    log_in = f"{LOGIN_LINE} >/dev/null || exit 1\n"
    town.write(JOB, f"#!/bin/bash\n{before}{log_in}docker tag ecrlab/base:1 {image}\ndocker push -q {image}\n")


def other_person(town: Town) -> str:
    """Return who is taken for the robot: whose profile the job sets, or who is in its group."""
    return ("ops", "developer")[town.seed]


def seed_few_actions(town: Town) -> None:
    """The robot has the last action of a push, and at most one more."""
    write_job(town)
    actions = (["ecr:PutImage", "ecr:BatchGetImage"], ["ecr:PutImage"])[town.seed]
    town.user_policy("ci", "build", LOGIN, allow(actions, "web/*"), BASE)


def seed_other_place(town: Town) -> None:
    """The robot may push to the same names in Ireland, or in the map company's account."""
    write_job(town)
    place = (arn("web/*", "eu-west-1"), arn("web/*", account=PARTNER))[town.seed]
    town.user_policy("ci", "build", LOGIN, allow(PUSH, place), BASE)


def seed_other_names(town: Town) -> None:
    """The robot may push to a repository `web`, or to those that begin like the other one."""
    write_job(town)
    town.user_policy("ci", "build", LOGIN, allow(PUSH, ("web", "web/book*")[town.seed]), BASE)


def seed_group(town: Town) -> None:
    """The robot's policy is a group's, and somebody else is in it."""
    write_job(town)
    town.iam.create_group(GroupName="builders")
    town.group_policy("builders", "build", *BUILD)
    town.iam.delete_user_policy(UserName="ci", PolicyName="build")
    town.user_policy("ci", "login", LOGIN)
    town.iam.add_user_to_group(GroupName="builders", UserName=other_person(town))


def seed_other_person(town: Town) -> None:
    """The job runs as somebody else."""
    write_job(town, f"export AWS_PROFILE={other_person(town)}\n")


SEEDS = {
    "a": seed_few_actions,
    "b": seed_other_place,
    "c": seed_other_names,
    "d": seed_group,
    "e": seed_other_person,
}


def closed(town: Town, cause: str) -> Iterator[Open]:
    """The robot itself has pushed the release, and nobody is in its group who does not push."""
    if not town.pushed_by("ci", *town.release):
        yield Open("not-by-ci")
    stranger = f"user/{other_person(town)}"
    if cause == "d" and town.is_open((stranger, "ecr:PutImage", arn(town.release[0]))):
        yield Open("too-many", who=stranger)


# Fixes ---------------------------------------------------------------------------------------------------------------


def give_the_push(town: Town) -> None:
    """The robot has what it had."""
    town.user_policy("ci", "build", *BUILD)


def add_the_robot(town: Town) -> None:
    """The robot is in the group, too."""
    town.iam.add_user_to_group(GroupName="builders", UserName="ci")


def join_the_group(town: Town) -> None:
    """The robot is in the group, and nobody else."""
    add_the_robot(town)
    town.iam.delete_user_policy(UserName="ci", PolicyName="login")
    town.iam.remove_user_from_group(GroupName="builders", UserName=other_person(town))


def run_as_the_robot(town: Town) -> None:
    """The job sets no profile."""
    town.without_lines(JOB, "AWS_PROFILE")


FIXES = {
    "a": give_the_push,
    "b": give_the_push,
    "c": give_the_push,
    "d": join_the_group,
    "e": run_as_the_robot,
}


def refused(town: Town) -> str:
    """Return the user in the refusal: who it is that a fix in a hurry is given to."""
    return other_person(town) if "AWS_PROFILE" in town.read(JOB) else "ci"


def allow_everything(town: Town) -> None:
    """Give the user in the refusal ecr:* on everything."""
    town.user_policy(refused(town), "quick", STAR)


def attach_power_user(town: Town) -> None:
    """Give the user in the refusal AWS's policy for those who push."""
    town.iam.attach_user_policy(UserName=refused(town), PolicyArn=f"{AWS}AmazonEC2ContainerRegistryPowerUser")


def forget_the_slash(town: Town) -> None:
    """Give the user in the refusal the push, for all names that begin with web."""
    town.user_policy(refused(town), "quick", LOGIN, allow(PUSH, "web*"))


def allow_the_other_person(town: Town) -> None:
    """Give the push to the person whose profile the job sets."""
    town.user_policy(refused(town), "quick", allow(PUSH, "web/*"))


def run_as_admin(town: Town) -> None:
    """Let the job run as the administrator."""
    town.replace(JOB, "#!/bin/bash\n", "#!/bin/bash\nexport AWS_PROFILE=admin\n")


ALWAYS = {
    "ecr:* on *": (allow_everything, "wider"),
    "AWS's policy for those who push": (attach_power_user, "wider"),
    "web* without the slash": (forget_the_slash, "wider"),
}
AS_ADMIN = {"the job runs as admin": (run_as_admin, "not-by-ci")}
WRONG = {
    "a": {**ALWAYS, **AS_ADMIN, "the same again": (run_again, "still")},
    "b": {**ALWAYS, **AS_ADMIN},
    "c": {**ALWAYS, **AS_ADMIN},
    "d": {**ALWAYS, **AS_ADMIN, "the robot added, and nobody taken out": (add_the_robot, "too-many")},
    "e": {**ALWAYS, "the push given to the other person": (allow_the_other_person, "not-by-ci")},
}
