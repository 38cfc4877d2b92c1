"""Incident 23: a push ends in a 403 without a text. What a learner reads is in i23.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab_course.desk.town import (
    AWS,
    BUILD,
    LOGIN,
    LOGIN_LINE,
    PULL,
    PUSH,
    STAR,
    Door,
    Open,
    Ran,
    Statement,
    Town,
    allow,
    arn,
    deny,
    only_says,
)

CHECK = "ecr:BatchCheckLayerAvailability"
DELETE = "ecr:BatchDeleteImage"
WITHOUT = [action for action in PUSH if action != CHECK]
JOB = f"""\
#!/bin/bash
{LOGIN_LINE} >/dev/null || exit 1
image=$REGISTRY/REPOSITORY:TAG
docker tag ecrlab/base:1 "$image"
docker push -q "$image"
"""


def before(town: Town) -> None:
    """Write the robot's job, and a group whose members delete nothing."""
    repository, tag = town.release
    town.write("jobs/release.sh", JOB.replace("REPOSITORY", repository).replace("TAG", tag))
    town.iam.create_group(GroupName="people")
    keep_images(town, DELETE)
    for person in ("developer", "ci"):
        town.iam.add_user_to_group(GroupName="people", UserName=person)


def keep_images(town: Town, *actions: str) -> None:
    """Write the group's Deny."""
    town.group_policy("people", "no-deletes", deny(list(actions), "*"))


def build(town: Town, *push: Statement) -> None:
    """Write the robot's policy with these statements for its push."""
    town.user_policy("ci", "build", LOGIN, *push, allow(PULL, "base/*"))


def tidy_the_push(town: Town) -> None:
    """Leave out the action that looks for a layer, alone or with the one that reads a manifest."""
    kept = [WITHOUT, [action for action in WITHOUT if action != "ecr:BatchGetImage"]][town.seed]
    build(town, allow(kept, "web/*"))


def divide_the_push(town: Town) -> None:
    """Allow that action on the other repository, or in another Region."""
    where = ("web/prices", arn("web/*", "eu-west-1"))[town.seed]
    build(town, allow(WITHOUT, "web/*"), allow(CHECK, where))


def write_a_star(town: Town) -> None:
    """Let the Deny take along what a push needs."""
    keep_images(town, ("ecr:Batch*", "ecr:BatchC*")[town.seed], *([DELETE] if town.seed else []))


SEEDS = {"a": tidy_the_push, "b": divide_the_push, "c": write_a_star}


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether the push ended in a 403 that has no sentence of IAM's."""
    return ran.code != 0 and "403" in ran.text and "not authorized" not in ran.text


def guards(town: Town, cause: str) -> list[Door]:
    """Name those who are kept from deleting."""
    return [(f"user/{person}", DELETE, arn(town.release[0])) for person in ("developer", "ci")]


def may_lose(door: Door) -> bool:
    """Let a push do without reading a manifest, where it can."""
    return door[:2] == ("user/ci", "ecr:BatchGetImage")


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Ask whether the robot itself has pushed."""
    if not town.pushed_by("ci", *town.release):
        yield Open("not-by-ci")


# Fixes


def allow_the_six(town: Town) -> None:
    """Give the robot the six actions of a push on web/*."""
    town.user_policy("ci", "build", *BUILD)


def name_the_delete(town: Town) -> None:
    """Let the Deny name the one action it is against."""
    keep_images(town, DELETE)


FIXES = {"a": allow_the_six, "b": allow_the_six, "c": name_the_delete}


# Wrong fixes


def push_again(town: Town) -> None:
    """Run the job once more."""
    town.run()


def open_wide(town: Town) -> None:
    """Allow the robot everything of ECR."""
    town.user_policy("ci", "fix", STAR)


def attach_power_user(town: Town) -> None:
    """Give the robot AWS's own policy for builders."""
    town.iam.attach_user_policy(UserName="ci", PolicyArn=AWS + "AmazonEC2ContainerRegistryPowerUser")


def push_as_admin(town: Town) -> None:
    """Let the job work with the administrator's keys."""
    town.replace("jobs/release.sh", "#!/bin/bash\n", "#!/bin/bash\nexport AWS_PROFILE=admin\n")


def delete_the_deny(town: Town) -> None:
    """Take the Deny away."""
    town.iam.delete_group_policy(GroupName="people", PolicyName="no-deletes")


def leave_the_group(town: Town) -> None:
    """Take the robot out of the group."""
    town.iam.remove_user_from_group(GroupName="people", UserName="ci")


ANY = {
    "pushed again": (push_again, "still"),
    "the administrator's keys": (push_as_admin, "not-by-ci"),
    "the job only says so": (only_says("jobs/release.sh"), "not-by-ci"),
}
WRONG = {
    "a": {**ANY, "ecr:* on *": (open_wide, "wider"), "AWS's policy for builders": (attach_power_user, "wider")},
    "b": {**ANY, "ecr:* on *": (open_wide, "wider"), "AWS's policy for builders": (attach_power_user, "wider")},
    "c": {
        **ANY,
        "ecr:* on *": (open_wide, "still"),
        "the Deny deleted": (delete_the_deny, "guard"),
        "the robot taken out of the group": (leave_the_group, "lost"),
    },
}
