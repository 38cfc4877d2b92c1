"""Incident 6: a pull policy that is there, and no pull. What a learner reads is in i06.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab_course.desk.town import (
    AWS,
    LOGIN,
    LOGIN_LINE,
    OPERATORS,
    PULL,
    STAR,
    Open,
    Town,
    allow,
    arn,
    only_says,
    run_again,
    user,
)

JOB, KEYS = "jobs/pull.sh", "vault/server.env"
LOADS = f". {KEYS}\n"
PULLS = OPERATORS[1]
LAYERS = "ecr:BatchCheckLayerAvailability"


def write_job(town: Town, before: str = "") -> None:
    """Write the pull."""
    image = '"$REGISTRY/{}:{}"'.format(*town.running)
    town.write(JOB, f"#!/bin/bash\n{before}{LOGIN_LINE} >/dev/null || exit 1\ndocker pull -q {image}\n")


def seed_no_login(town: Town) -> None:
    """The group has what a pull of layers needs, once with an action too many."""
    write_job(town)
    town.group_policy("operators", "pull-web", (PULLS, allow([LAYERS, *PULL], "web/*"))[town.seed])


def seed_login_on_repositories(town: Town) -> None:
    """The group may log in on repositories."""
    write_job(town)
    together = [allow([LOGIN["Action"], *PULL], "web/*")]
    apart = [allow(LOGIN["Action"], arn("*")), PULLS]
    town.group_policy("operators", "pull-web", *(together, apart)[town.seed])


def seed_login_of_the_repository(town: Town) -> None:
    """The repository's policy allows the login, by a pattern: its plain name would be refused there."""
    write_job(town)
    town.group_policy("operators", "pull-web", PULLS)
    actions = (["ecr:GetAuth*"], ["ecr:GetAuth*", *PULL])[town.seed]
    named = {"Sid": "server", "Effect": "Allow", "Principal": {"AWS": user("ops")}, "Action": actions}
    town.guarded(town.running[0], named)


def seed_misspelled(town: Town) -> None:
    """The login's action has another name."""
    write_job(town)
    town.group_policy(
        "operators", "pull-web", allow(("ecr:GetAuthorisationToken", "ecr:GetAuthToken")[town.seed], "*"), PULLS
    )


def seed_other_user(town: Town) -> None:
    """The job loads the key of a user who may do nothing any more."""
    name = town.notes["other"] = ("ops-old", "night-server")[town.seed]
    town.iam.create_user(UserName=name)
    key = town.iam.create_access_key(UserName=name)["AccessKey"]
    lines = (
        "unset AWS_PROFILE",
        f"export AWS_ACCESS_KEY_ID={key['AccessKeyId']}",
        f"export AWS_SECRET_ACCESS_KEY={key['SecretAccessKey']}",
        "",
    )
    town.write(KEYS, "\n".join(lines), 0o600)
    write_job(town, LOADS)


SEEDS = {
    "a": seed_no_login,
    "b": seed_login_on_repositories,
    "c": seed_login_of_the_repository,
    "d": seed_misspelled,
    "e": seed_other_user,
}


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Omar's own user was handed the image."""
    if not town.pulled_by("ops", town.running[0]):
        yield Open("not-by-ops")


# Fixes ---------------------------------------------------------------------------------------------------------------


def allow_the_login(town: Town) -> None:
    """The group may log in and pull."""
    town.group_policy("operators", "pull-web", *OPERATORS)


def move_the_login(town: Town) -> None:
    """The group may log in; the repository's policy is what it was."""
    allow_the_login(town)
    town.guarded(town.running[0])


def run_as_omar(town: Town) -> None:
    """The job loads no key, and the old user is gone."""
    town.replace(JOB, LOADS, "")
    name = town.notes["other"]
    for key in town.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        town.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    town.iam.delete_user(UserName=name)


FIXES = {
    "a": allow_the_login,
    "b": allow_the_login,
    "c": move_the_login,
    "d": allow_the_login,
    "e": run_as_omar,
}


def allow_everything(town: Town) -> None:
    """Give the user in the refusal ecr:* on everything."""
    town.user_policy(town.notes.get("other", "ops"), "quick", STAR)


def attach_pull_only(town: Town) -> None:
    """Give the user in the refusal AWS's policy for pulls."""
    arn_of = f"{AWS}AmazonEC2ContainerRegistryPullOnly"
    town.iam.attach_user_policy(UserName=town.notes.get("other", "ops"), PolicyArn=arn_of)


def log_in_as_admin(town: Town) -> None:
    """Let the server fetch the administrator's token."""
    town.without_lines(JOB, KEYS)
    town.replace(JOB, "aws ecr", "aws --profile admin ecr")


def allow_all_of_the_repository(town: Town) -> None:
    """Let the repository's policy allow Omar everything."""
    named = {"Sid": "server", "Effect": "Allow", "Principal": {"AWS": user("ops")}, "Action": "ecr:*"}
    town.guarded(town.running[0], named)


ALWAYS = {
    "ecr:* on *": (allow_everything, "wider"),
    "AWS's policy for pulls": (attach_pull_only, "wider"),
    "admin's login on the server": (log_in_as_admin, "not-by-ops"),
    "the job only says so": (only_says(JOB), "not-by-ops"),
}
AGAIN = {"the same again": (run_again, "still")}
WRONG = {
    "a": {**ALWAYS, **AGAIN},
    "b": ALWAYS,
    "c": {**ALWAYS, "more of the same in the repository": (allow_all_of_the_repository, "still")},
    "d": {**ALWAYS, **AGAIN},
    "e": ALWAYS,
}
