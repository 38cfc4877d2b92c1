"""Incident 8: a Deny that hits more than it was meant for. What a learner reads is in i08.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab.client import LOOKING
from ecrlab_course.desk.town import (
    BUILD,
    LOGIN_LINE,
    PUSH,
    STAR,
    Door,
    Open,
    Statement,
    Town,
    allow,
    arn,
    deny,
    document,
    role,
    run_again,
    trust,
    user,
)

JOB, SESSION = "jobs/release.sh", "jobs/session.json"
DELETE = "ecr:BatchDeleteImage"
IMAGES = "ecr:*Image"
"""What somebody wrote who meant `DELETE`."""
NO_DELETES = deny(DELETE, "*", Sid="NoDeletes")
PASSED = f" --policy file://{SESSION}"
ASSUMES = (
    'read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<< "$(aws sts assume-role \\\n'
    f"  --role-arn {role('release')} --role-session-name nightly{PASSED} \\\n"
    "  --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)\"\n"
    "export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN\n"
    "unset AWS_PROFILE\n"
)
DELETES_INSTEAD = f"""
docker() {{ aws ecr batch-delete-image --repository-name "$asked" --image-ids imageTag=never-there >&2; }}
export -f docker
export AWS_EXECUTION_ENV={LOOKING}
"""
"""What goes before the job so that, wherever it calls docker, it tries to delete an image that is not there."""


def before(town: Town) -> None:
    """There is a role for releases, Dara may push for a review, and people delete no images."""
    town.make_role("release", trust({"AWS": user("ci")}), *BUILD)
    town.user_policy("developer", "review", allow(PUSH, "web/*"))
    town.iam.create_group(GroupName="people")
    town.group_policy("people", "no-deletes", NO_DELETES)
    town.iam.add_user_to_group(GroupName="people", UserName="developer")


def write_job(town: Town, first: str = "") -> None:
    """Write the release."""
    image = '"$REGISTRY/{}:{}"'.format(*town.release)
    log_in = f"{LOGIN_LINE} >/dev/null || exit 1\n"
    town.write(JOB, f"#!/bin/bash\n{first}{log_in}docker tag ecrlab/base:1 {image}\ndocker push -q {image}\n")


def fence(town: Town, excepted: str) -> Statement:
    """Return the statement of the repository that lets nobody write but this principal."""
    return {
        "Sid": "only-the-robot-writes",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ("ecr:PutImage", ["ecr:PutImage", "ecr:InitiateLayerUpload"])[town.seed],
        "Condition": {"StringNotLike": {"aws:PrincipalArn": excepted}},
    }


def seed_repository(town: Town) -> None:
    """The repository's Deny spares a user who is not there."""
    write_job(town)
    town.guarded(town.release[0], fence(town, user(("robot", "CI")[town.seed])))


def seed_group(town: Town) -> None:
    """The group's Deny is a pattern, and the robot is in the group."""
    write_job(town)
    town.group_policy("people", "no-deletes", deny((IMAGES, "ecr:*Image*")[town.seed], "*", Sid="NoDeletes"))
    town.iam.add_user_to_group(GroupName="people", UserName="ci")


def seed_boundary(town: Town) -> None:
    """The robot's boundary has the pattern."""
    write_job(town)
    pattern = deny((IMAGES, ["ecr:*Image*"])[town.seed], "*", Sid="NoDeletes")
    made = town.iam.create_policy(PolicyName="cap", PolicyDocument=document(STAR, pattern))
    town.notes["cap"] = str(made["Policy"]["Arn"])
    town.iam.put_user_permissions_boundary(UserName="ci", PermissionsBoundary=town.notes["cap"])


def seed_session(town: Town) -> None:
    """The job passes a session policy with the pattern, or with a Deny of everything on some names."""
    write_job(town, ASSUMES)
    meant = (deny(IMAGES, "*", Sid="NoDeletes"), deny("ecr:*", "web/p*", Sid="NoDeletes"))[town.seed]
    town.write(SESSION, document(STAR, meant) + "\n", 0o644)


SEEDS = {"a": seed_repository, "b": seed_group, "c": seed_boundary, "d": seed_session}


def closed(town: Town, cause: str) -> Iterator[Open]:
    """The robot has pushed, as itself or in its role's session, and that session still deletes nothing."""
    repository, tag = town.release
    end = f"{repository}/manifests/{tag}"
    pushed = [
        str(row["principal"])
        for row in town.rows()
        if row["method"] == "PUT" and row["path"].endswith(end) and row["status"] < 300
    ]
    if not pushed or not (pushed[-1].endswith(":user/ci") or ":assumed-role/release/" in pushed[-1]):
        yield Open("not-by-robot")
    if cause == "d" and "with an explicit deny" not in town.run(f"export asked={repository}{DELETES_INSTEAD}").text:
        yield Open("no-cap")


def may_lose(town: Town, door: Door) -> bool:
    """A repository that only the robot writes to: Dara's review and the role's sessions are shut out of it."""
    who, action, resource = door
    writes = action in ("ecr:PutImage", "ecr:InitiateLayerUpload") and resource == arn(town.release[0])
    return writes and who in ("user/developer", "role/release")


def guards(town: Town, cause: str) -> list[Door]:
    """Return the doors for which each Deny was written."""
    place = arn(town.release[0])
    held = {
        "a": [("user/admin", "ecr:PutImage", place), ("user/developer", "ecr:PutImage", place)],
        "b": [("user/developer", DELETE, place)],
        "c": [("user/ci", DELETE, place)],
    }
    return held.get(cause, [])


# Fixes ---------------------------------------------------------------------------------------------------------------


def spare_the_robot(town: Town) -> None:
    """The repository's Deny spares the robot."""
    town.guarded(town.release[0], fence(town, user("ci")))


def name_the_action(town: Town) -> None:
    """The group's Deny names what it is for."""
    town.group_policy("people", "no-deletes", NO_DELETES)


def write_a_new_version(town: Town) -> None:
    """The boundary's Deny names what it is for."""
    text = document(STAR, NO_DELETES)
    town.iam.create_policy_version(PolicyArn=town.notes["cap"], PolicyDocument=text, SetAsDefault=True)


def narrow_the_session(town: Town) -> None:
    """The session's Deny names what it is for."""
    town.write(SESSION, document(STAR, NO_DELETES) + "\n", 0o644)


FIXES = {"a": spare_the_robot, "b": name_the_action, "c": write_a_new_version, "d": narrow_the_session}


def allow_everything(town: Town) -> None:
    """Give the robot and its role ecr:* on everything."""
    town.user_policy("ci", "quick", STAR)
    town.role_policy("release", "quick", STAR)


def delete_the_fence(town: Town) -> None:
    """Remove the Deny from the repository's policy."""
    town.guarded(town.release[0])


def spare_every_user(town: Town) -> None:
    """Spare all users of the account."""
    town.guarded(town.release[0], fence(town, user("*")))


def delete_the_groups_deny(town: Town) -> None:
    """Remove the Deny from the group."""
    town.iam.delete_group_policy(GroupName="people", PolicyName="no-deletes")


def leave_the_group(town: Town) -> None:
    """Take the robot out of the group, and leave the Deny as it is for everybody else."""
    town.iam.remove_user_from_group(GroupName="people", UserName="ci")


def take_the_boundary_off(town: Town) -> None:
    """Remove the boundary."""
    town.iam.delete_user_permissions_boundary(UserName="ci")


def pass_no_policy(town: Town) -> None:
    """Assume the role without a session policy."""
    town.replace(JOB, PASSED, "")


def run_as_admin(town: Town) -> None:
    """Let the job run as the administrator."""
    write_job(town, "export AWS_PROFILE=admin\n")


STAR_ADDED = {"ecr:* added": (allow_everything, "still")}
AS_ADMIN = {"the job runs as admin": (run_as_admin, "not-by-robot")}
WRONG = {
    "a": {
        **STAR_ADDED,
        "the Deny deleted": (delete_the_fence, "guard"),
        "every user spared": (spare_every_user, "guard"),
        "the same again": (run_again, "still"),
    },
    "b": {
        **STAR_ADDED,
        **AS_ADMIN,
        "the Deny deleted": (delete_the_groups_deny, "guard"),
        "the robot taken out of the group": (leave_the_group, "lost"),
    },
    "c": {**STAR_ADDED, **AS_ADMIN, "the boundary taken off": (take_the_boundary_off, "guard")},
    "d": {**STAR_ADDED, **AS_ADMIN, "the session policy left out": (pass_no_policy, "no-cap")},
}
