"""Incident 10: a pull gets the manifest and not the layers. What a learner reads is in i10.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab.home import ACCOUNT
from ecrlab_course.desk.town import (
    AWS,
    LOGIN,
    LOGIN_LINE,
    OPERATORS,
    PULL,
    STAR,
    Door,
    Open,
    Statement,
    Town,
    allow,
    arn,
    document,
    only_says,
    role,
    run_again,
    trust,
    user,
)

MANIFEST, LAYERS = PULL
JOB = f"""\
#!/bin/bash
# Pulls with fresh bytes: what this computer has of the image goes first.
SESSION{LOGIN_LINE} >/dev/null || exit 1
image=$REGISTRY/REPOSITORY:TAG
# Of this tag, and of what has lost its tag to another image.
old=$(docker images --format '{{{{.Tag}}}} {{{{.ID}}}}' "$REGISTRY/REPOSITORY" |
  grep -E '^(TAG|<none>) ' | cut -d' ' -f2 | sort -u)
[ -z "$old" ] || docker rmi -f $old >/dev/null
docker pull -q "$image"
"""
SESSION = f"""\
keys=$(aws sts assume-role --role-arn {role("on-call")} --role-session-name night \\
  --policy file://jobs/session.json \\
  --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text) || exit 1
read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<< "$keys"
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
unset AWS_PROFILE
"""
"""The lines of a job that works as the role of the night, cut down by a file."""
PROBE = """\
docker() {
  [ "$1" != pull ] || aws ecr batch-delete-image --repository-name REPOSITORY --image-ids imageTag=never-there
}
. jobs/pull.sh
"""
"""The job, with a request to delete what is not there in place of the pull: nothing changes, whoever may."""


def no_laptops(**whom: object) -> Statement:
    """Return the Deny that keeps layers from the people it was written for."""
    return {"Sid": "no-releases-on-laptops", "Effect": "Deny", "Action": LAYERS, **whom}


FOR_THE_DEVELOPER = no_laptops(Principal={"AWS": [user("developer")]})


def before(town: Town) -> None:
    """Keep the layers from the developer, and make the role of the night, which may also delete."""
    town.guarded(town.running[0], FOR_THE_DEVELOPER)
    trusted = trust({"AWS": user("ops")})
    town.make_role("on-call", trusted, *OPERATORS, allow("ecr:BatchDeleteImage", "web/*"))
    write_job(town)


def write_job(town: Town, session: str = "") -> None:
    """Write the pull, with the lines that open a session or without."""
    repository, tag = town.running
    town.write("jobs/pull.sh", JOB.replace("SESSION", session).replace("REPOSITORY", repository).replace("TAG", tag))


def write_session(town: Town, *statements: Statement) -> None:
    """Write the session policy of the night."""
    town.write("jobs/session.json", document(*statements), 0o644)


def other(town: Town) -> str:
    """Return the repository that the ticket is not about."""
    return ("web/prices", "web/booking")[town.seed]


def forget_the_layers(town: Town) -> None:
    """Leave the group the manifest, or the manifest and an action of a push."""
    left = ([MANIFEST], [MANIFEST, "ecr:BatchCheckLayerAvailability"])[town.seed]
    town.group_policy("operators", "pull-web", LOGIN, allow(left, "web/*"))


def misplace_the_layers(town: Town) -> None:
    """Let the group fetch layers of another repository, or of another Region."""
    where = (other(town), arn("web/*", "eu-west-1"))[town.seed]
    town.group_policy("operators", "pull-web", LOGIN, allow(MANIFEST, "web/*"), allow(LAYERS, where))


def widen_the_deny(town: Town) -> None:
    """Let the Deny hold for the operator as well, or for everybody of ours but the robot."""
    ours_but_the_robot = {
        "StringNotEquals": {"aws:PrincipalArn": user("ci")},
        "StringEquals": {"aws:PrincipalAccount": ACCOUNT},
    }
    written = (
        no_laptops(Principal={"AWS": [user("developer"), user("ops")]}),
        no_laptops(Principal="*", Condition=ours_but_the_robot),
    )[town.seed]
    town.guarded(town.running[0], written)


def cut_the_session_down(town: Town) -> None:
    """Let the job work as the role of the night, with a session policy that lacks the layers of this image."""
    write_job(town, SESSION)
    elsewhere = [allow(LAYERS, other(town))] if town.seed else []
    write_session(town, LOGIN, allow(MANIFEST, "web/*"), *elsewhere)


SEEDS = {
    "a": forget_the_layers,
    "b": misplace_the_layers,
    "c": widen_the_deny,
    "d": cut_the_session_down,
}


def guards(town: Town, cause: str) -> list[Door]:
    """Name the developer, whom the Deny was written for."""
    return [("user/developer", LAYERS, arn(town.running[0]))]


def may_lose(door: Door) -> bool:
    """Let the Deny go on holding for those of ours whom nobody spoke of."""
    return door[0] in ("user/auditor", "role/on-call") and door[1] == LAYERS


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Ask whether the job has pulled, and whether the session that it opens may delete."""
    if not town.pulls(town.running[0], "user/ops", "assumed-role/on-call"):
        yield Open("no-pull")
    if cause == "d":
        last = town.lab.last()
        town.sh(PROBE.replace("REPOSITORY", town.running[0]), "ops")
        if any(row["operation"] == "BatchDeleteImage" and row["status"] == 200 for row in town.rows(last)):
            yield Open("no-cap")


# Fixes


def allow_both(town: Town) -> None:
    """Give the group its two actions on web/* again."""
    town.group_policy("operators", "pull-web", *OPERATORS)


def spare_the_operator(town: Town) -> None:
    """Let the Deny hold for the developer alone."""
    town.guarded(town.running[0], FOR_THE_DEVELOPER)


def widen_the_session(town: Town) -> None:
    """Let the session policy allow both actions of a pull."""
    write_session(town, LOGIN, allow(PULL, "web/*"))


FIXES = {"a": allow_both, "b": allow_both, "c": spare_the_operator, "d": widen_the_session}


# Wrong fixes


def open_wide(town: Town) -> None:
    """Allow Omar everything of ECR."""
    town.user_policy("ops", "fix", STAR)


def attach_pull_only(town: Town) -> None:
    """Give Omar AWS's own policy for a pull, which is for every repository."""
    town.iam.attach_user_policy(UserName="ops", PolicyArn=AWS + "AmazonEC2ContainerRegistryPullOnly")


def delete_the_deny(town: Town) -> None:
    """Take the Deny away."""
    town.guarded(town.running[0])


def leave_the_session_policy_out(town: Town) -> None:
    """Let the session do all that the role may."""
    town.without_lines("jobs/pull.sh", "--policy")


def open_the_role(town: Town) -> None:
    """Allow the role everything of ECR."""
    town.role_policy("on-call", "fix", STAR)


def let_the_session_do_all(town: Town) -> None:
    """Write everything of ECR into the session policy."""
    write_session(town, STAR)


ONLY_SAYS = {"the job only says so": (only_says("jobs/pull.sh"), "no-pull")}
WRONG = {
    "a": {
        "pulled again": (run_again, "still"),
        "ecr:* on *": (open_wide, "wider"),
        "AWS's policy for a pull": (attach_pull_only, "wider"),
        **ONLY_SAYS,
    },
    "b": {
        "pulled again": (run_again, "still"),
        "ecr:* on *": (open_wide, "wider"),
        "AWS's policy for a pull": (attach_pull_only, "wider"),
        **ONLY_SAYS,
    },
    "c": {"the Deny deleted": (delete_the_deny, "guard"), "ecr:* on *": (open_wide, "still"), **ONLY_SAYS},
    "d": {
        "the session policy left out": (leave_the_session_policy_out, "no-cap"),
        "ecr:* in the session policy": (let_the_session_do_all, "no-cap"),
        "ecr:* for the role": (open_the_role, "still"),
        **ONLY_SAYS,
    },
}
