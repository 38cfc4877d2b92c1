"""Incident 11: the neighbour is refused a pull. What a learner reads is in i11.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab_course.desk.town import (
    LOGIN_LINE,
    PARTNER,
    PULL,
    SHARE,
    THIRD,
    Door,
    Open,
    Ran,
    Statement,
    Town,
    allow,
    arn,
    document,
    only_says,
    role,
    root,
    run_again,
    trust,
    user,
)

IRELAND = "eu-west-1"
JOB = f"""\
#!/bin/bash
# The map company's job: fetches the image with fresh bytes.
{LOGIN_LINE} >/dev/null || exit 1
image=$REGISTRY/REPOSITORY:TAG
# Of this tag, and of what has lost its tag to another image.
old=$(docker images --format '{{{{.Tag}}}} {{{{.ID}}}}' "$REGISTRY/REPOSITORY" |
  grep -E '^(TAG|<none>) ' | cut -d' ' -f2 | sort -u)
[ -z "$old" ] || docker rmi -f $old >/dev/null
docker pull -q "$image"
"""
OURS: Statement = {
    "Sid": "dara-tests-the-release",
    "Effect": "Allow",
    "Principal": {"AWS": user("developer")},
    "Action": PULL,
}
"""What the policy of web/prices says beside the share."""


def write_policy(town: Town, *shares: Statement) -> None:
    """Put these statements for the neighbour beside what else the repository's policy says."""
    kept = [OURS] if town.seed else []
    if kept or shares:
        town.repository_policy(town.running[0], *kept, *shares)
    else:
        town.no_repository_policy(town.running[0])


def before(town: Town) -> None:
    """Share one repository with the map company, and let its job stand in the folder."""
    repository, tag = town.running
    town.no_repository_policy("web/booking")
    write_policy(town, SHARE)
    town.write("jobs/tiles.sh", JOB.replace("REPOSITORY", repository).replace("TAG", tag))


def forget_the_neighbour(town: Town) -> None:
    """Remove the policy, or write it again without their statement."""
    write_policy(town)


def name_somebody_else(town: Town) -> None:
    """Name a role of theirs, or the third company."""
    trusted = trust({"AWS": root(PARTNER)})
    town.client("iam", "partner").create_role(RoleName="tiles", AssumeRolePolicyDocument=trusted)
    named = (role("tiles", PARTNER), root(THIRD))[town.seed]
    write_policy(town, {**SHARE, "Principal": {"AWS": named}})


def allow_one_half(town: Town) -> None:
    """Allow the manifest alone, or the layers alone."""
    write_policy(town, {**SHARE, "Action": PULL[town.seed]})


def add_a_condition(town: Town) -> None:
    """Ask for an organization, or for an account with two digits swapped."""
    asked = ({"aws:PrincipalOrgID": "o-harbour001"}, {"aws:PrincipalAccount": "444455565666"})[town.seed]
    write_policy(town, {**SHARE, "Condition": {"StringEquals": asked}})


def share_elsewhere(town: Town) -> None:
    """Put their statement on another repository, or on this one's namesake in Ireland."""
    write_policy(town)
    if town.seed:
        repository, tag = town.running
        town.client("ecr", region=IRELAND).create_repository(repositoryName=repository)
        town.push(repository, tag, f"{repository}:{tag} in Ireland".encode(), "admin", IRELAND)
        town.repository_policy(repository, SHARE, region=IRELAND)
    else:
        town.repository_policy("web/prices", SHARE)


SEEDS = {
    "a": forget_the_neighbour,
    "b": name_somebody_else,
    "c": allow_one_half,
    "d": add_a_condition,
    "f": share_elsewhere,
}


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether the pull was refused. An engine that asks with HEAD first has no sentence to print (A066)."""
    return ran.code != 0 and ("because no resource-based policy allows the ecr:" in ran.text or "403" in ran.text)


def must_go(door: Door) -> bool:
    """Tell whether it is a door of another company: what the healthy town opens to them stays open anyway."""
    return door[0].startswith((f"arn:aws:iam::{PARTNER}:", f"arn:aws:iam::{THIRD}:"))


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Ask whether the neighbour has pulled, and may still do so where the statement was put by mistake."""
    if not town.pulls(town.running[0], "user/partner"):
        yield Open("no-pull")
    if cause == "f":
        where = arn(town.running[0], IRELAND) if town.seed else arn("web/prices")
        if any(town.is_open((user("partner", PARTNER), action, where)) for action in PULL):
            yield Open("still-there", place="Ireland" if town.seed else "`web/prices`")


# Fixes


def share_here(town: Town) -> None:
    """Write their statement, as it was, beside what else the policy says."""
    write_policy(town, SHARE)


def share_here_alone(town: Town) -> None:
    """Move their statement here."""
    share_here(town)
    if town.seed:
        town.no_repository_policy(town.running[0], IRELAND)
    else:
        town.no_repository_policy("web/prices")


FIXES = {"a": share_here, "b": share_here, "c": share_here, "d": share_here, "f": share_here_alone}


# Wrong fixes


def share_with_everybody(town: Town) -> None:
    """Name no one in particular."""
    write_policy(town, {**SHARE, "Principal": "*"})


def allow_everything(town: Town) -> None:
    """Allow their account everything of ECR."""
    write_policy(town, {**SHARE, "Action": "ecr:*"})


def say_yes_on_their_side(town: Town) -> None:
    """Write one more yes in the neighbour's account, which says yes already."""
    statement = document(allow(PULL, arn(town.running[0])))
    town.client("iam", "partner").put_user_policy(UserName="partner", PolicyName="fix", PolicyDocument=statement)


ONLY_SAYS = only_says("jobs/tiles.sh")
WIDE = {
    "pulled again": (run_again, "still"),
    "one more yes on their side": (say_yes_on_their_side, "still"),
    "Principal *": (share_with_everybody, "wider"),
    "ecr:* for their account": (allow_everything, "wider"),
    "the job only says so": (ONLY_SAYS, "no-pull"),
}
WRONG = {
    "a": WIDE,
    "b": WIDE,
    "c": WIDE,
    "d": WIDE,
    "f": {**WIDE, "shared here, and there as well": (share_here, "still-there")},
}
