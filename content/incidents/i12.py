"""Incident 12: the robot is refused its role. What a learner reads is in i12.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecrlab_course.desk.town import BUILD, Door, Open, Town, only_says, role, root, run_again, trust, user

BECOME = "sts:AssumeRole"
ROLE = "releaser"
SHARED_WORD = "harbour-77"
"""The external id that the role asks for."""
JOB = f"""\
#!/bin/bash
# The release runs as a role. This opens the session, and says as whom.
aws sts assume-role --role-arn {role(ROLE)} --role-session-name SESSION \\
  --query AssumedRoleUser.Arn --output text
"""
EXTERNAL_ID = {"StringEquals": {"sts:ExternalId": SHARED_WORD}}
NAMED_RELEASE = {"StringLike": {"sts:RoleSessionName": "release-*"}}
SECOND_FACTOR = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
THE_ROBOT = {"AWS": user("ci")}


def session(town: Town) -> str:
    """Return the name that the job gives its session."""
    return f"build-{417 + town.seed}"


def let_in(town: Town, principal: Any, conditions: dict[str, Any] | None = None) -> None:
    """Write the role's trust policy."""
    text = trust(principal, **(conditions or {}))
    town.iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=text)


def may_become(town: Town, person: str, name: str, action: str = BECOME) -> None:
    """Give somebody a policy that allows an action on a role."""
    resource = "*" if name == "*" else role(name)
    town.user_policy(person, "become", {"Effect": "Allow", "Action": action, "Resource": resource})


def before(town: Town) -> None:
    """Make the role, which trusts the robot, and the robot's job."""
    town.make_role(ROLE, trust(THE_ROBOT), *BUILD)
    town.write("jobs/become.sh", JOB.replace("SESSION", session(town)))


def name_somebody_else(town: Town) -> None:
    """Let the trust policy name Dara, or Omar."""
    let_in(town, {"AWS": user(("developer", "ops")[town.seed])})


def name_the_account(town: Town) -> None:
    """Let the trust policy name the account; the robot has no policy for it, or one for another role."""
    let_in(town, {"AWS": root()})
    if town.seed:
        may_become(town, "ci", "release")


def ask_for_a_word(town: Town) -> None:
    """Let the role ask for an external id; the job sends none, or another one."""
    let_in(town, THE_ROBOT, EXTERNAL_ID)
    if town.seed:
        town.replace("jobs/become.sh", " \\\n", " \\\n  --external-id harbour-7 \\\n")


def ask_for_a_session(town: Town) -> None:
    """Let the role ask for a session's name; the job has another, or the role asks for a second factor as well."""
    let_in(town, THE_ROBOT, (NAMED_RELEASE, NAMED_RELEASE | SECOND_FACTOR)[town.seed])
    if town.seed:
        town.replace("jobs/become.sh", session(town), "release-418")


SEEDS = {
    "a": name_somebody_else,
    "b": name_the_account,
    "c": ask_for_a_word,
    "d": ask_for_a_session,
}


def may(door: Door) -> bool:
    """Let the robot assume its role."""
    return door == ("user/ci", BECOME, role(ROLE))


def may_lose(door: Door) -> bool:
    """Take the ticket's own run as the proof: a condition makes IAM say no to a question without a session."""
    return may(door)


def must_go(door: Door) -> bool:
    """Tell whether somebody else may assume the role."""
    return door[1:] == (BECOME, role(ROLE)) and door[0] != "user/ci"


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Ask whether the job opens a session of the role, and whether the role still asks what it has to."""
    mark = town.lab.last()
    ran = town.run()
    asked = [row for row in town.rows(mark) if row["operation"] == "AssumeRole" and row["status"] == 200]
    if f":assumed-role/{ROLE}/" not in ran.text:
        yield Open("not-the-role", said=f"`{ran.last}`" if ran.last else "nothing")
    elif not any(str(row["principal"]).endswith(":user/ci") for row in asked):
        yield Open("only-says")
    if cause == "c" and becomes(town, {"sts:RoleSessionName": session(town)}):
        yield Open("no-external-id")
    if cause == "d" and becomes(town, {"sts:RoleSessionName": session(town)}):
        yield Open("any-session")


def becomes(town: Town, context: dict[str, str]) -> bool:
    """Tell whether the robot may assume the role with a request like this."""
    return town.is_open(("user/ci", BECOME, role(ROLE)), context=context)


# Fixes


def name_the_robot(town: Town) -> None:
    """Let the trust policy name the robot alone."""
    let_in(town, THE_ROBOT)


def let_the_robot_ask(town: Town) -> None:
    """Give the robot the other half."""
    may_become(town, "ci", ROLE)


def send_the_word(town: Town) -> None:
    """Let the job send the external id."""
    town.without_lines("jobs/become.sh", "--external-id")
    town.replace("jobs/become.sh", " \\\n", f" \\\n  --external-id {SHARED_WORD} \\\n")


def fit_the_session(town: Town) -> None:
    """Name the session as asked; drop the second factor, which a robot cannot bring."""
    if town.seed:
        let_in(town, THE_ROBOT, NAMED_RELEASE)
    else:
        town.replace("jobs/become.sh", session(town), "release-417")


FIXES = {"a": name_the_robot, "b": let_the_robot_ask, "c": send_the_word, "d": fit_the_session}


# Wrong fixes


def trust_everybody(town: Town) -> None:
    """Let the trust policy name everybody."""
    let_in(town, {"AWS": "*"})


def let_the_team_ask(town: Town) -> None:
    """Trust the account, and give the robot and Dara all of STS."""
    let_in(town, {"AWS": root()})
    for person in ("ci", "developer"):
        may_become(town, person, "*", "sts:*")


def do_without_the_role(town: Town) -> None:
    """Let the job say who it is, in place of opening a session."""
    town.write("jobs/become.sh", "#!/bin/bash\naws sts get-caller-identity --query Arn --output text\n")


def ask_nothing(town: Town) -> None:
    """Take all conditions out of the trust policy."""
    let_in(town, THE_ROBOT)


SESSION_ARN = "arn:aws:sts::123456789012:assumed-role/releaser/build-417"
WIDE = {
    "run again": (run_again, "still"),
    "everybody is trusted": (trust_everybody, "wider"),
    "the account is trusted, and sts:* for two": (let_the_team_ask, "wider"),
    "the job does without the role": (do_without_the_role, "not-the-role"),
    "the job only says so": (only_says("jobs/become.sh", SESSION_ARN), "only-says"),
}
WRONG = {
    "a": WIDE,
    "b": WIDE,
    "c": {**WIDE, "the condition removed": (ask_nothing, "no-external-id")},
    "d": {**WIDE, "all conditions removed": (ask_nothing, "any-session")},
}
