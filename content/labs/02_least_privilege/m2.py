"""lab-02-m2: a robot without a key to the house. What a learner reads is in m2.md."""

from __future__ import annotations

from dataclasses import replace

from ecrlab.policy.sets import PULL, PUSH
from ecrlab_course.authoring import Lab, Sentence, as_words
from ecrlab_course.authoring.beyond import Grant

from . import designs
from .designs import BECOME, LOGIN, PIPE, POWER, give, give_role, group, own_policy, strip, trust
from .look import Look, holds
from .table import ACCOUNT, MATRIX, MEMBERS, PIPELINE, ROBOT, allow, arn, let, role, root, user

PEOPLE = (ROBOT.name, PIPELINE.name)
SHARED = Grant(PULL, arn("release/booking"))
"""What Monday's repository policy opens to everybody, the robot among them: the next milestone's matter."""
WISH = {**MEMBERS, ROBOT.name: replace(MEMBERS[ROBOT.name], passes=(SHARED,))}


class Seen(Look):
    """The doors of the robot and the pipeline, who else becomes it, and what else is open to both."""

    def __init__(self, lab: Lab) -> None:
        doors = [door for door in MATRIX.doors if door.verb == "become"]
        super().__init__(lab, PEOPLE, doors, others_may=("ecr:*",), outside="roles", members=WISH)
        self.roles = as_words(sorted(self.here.trusts)) if self.locked != "iam" else ""
        there = self.locked != "iam" and ROBOT in self.here.there
        own = next((each for each in lab.control.decide_all(OWN_PUSH if there else []) if each["allowed"]), None)
        self.pushes_itself = own is not None
        by = str(own["reason"]) if own is not None else ""
        self.as_monday = there and [*self.here.trusts] == ["runtime"] and holds(lab, "user/ci", *MONDAY)
        """Whether nothing has changed here since Monday, whatever the first milestone has changed."""
        self.by_monday, self.by_group = by.endswith("of group harbour"), " of group " in by
        if self.kind == "no-role" and own is not None:
            self.surplus = f"`ci` may do `{own['action']}`: {own['reason']}."
        self.lets_itself_in = not (self.locked or self.lacks) and self._read_lets_in(lab)
        self.refusal = Sentence("only-admin") if self.not_admin else Sentence("malformed")

    def _read_lets_in(self, lab: Lab) -> bool:
        """Read who may write the trust policy of the pipeline, or make a key of the robot's, and tell whether one may.

        The robot and the pipeline themselves are asked about elsewhere: they may nothing beyond the table.
        """
        people = [f"user/{name}" for name in self.here.users if name not in ("admin", "ci")]
        roles = [f"role/{name}" for name in self.here.trusts if name != "pipeline"]
        trusts, keys = self.here.trusts["pipeline"][0], user("ci")
        ways = [("iam:UpdateAssumeRolePolicy", trusts), ("iam:CreateAccessKey", keys)]
        asked = [(who, action, on) for who in (*people, *roles) for action, on in ways]
        for (who, action, on), answer in zip(asked, lab.control.decide_all(asked), strict=True):
            if answer["allowed"]:
                self.surplus = f"`{who}` may do `{action}` on `{on.rpartition(':')[2]}`: {answer['reason']}."
                return True
        return False


MONDAY = ("AmazonEC2ContainerRegistryPullOnly of user ci", "work of group harbour")
OWN_PUSH = [("user/ci", action, arn(name)) for action in PUSH[1:5] for name in ("dev/booking", "release/booking")]


def judge(seen: Seen) -> str:
    """Return the verdict's name in m2.md."""
    if seen.locked:
        return "locked-out"
    if seen.gone:
        return "lost"
    if seen.kind == "gone":
        return "gone"
    if seen.refused and seen.lacks:
        return "not-taken"
    if seen.kind:
        return _shut(seen)
    if seen.wider:
        return _open(seen)
    if seen.lets_itself_in:
        return "lets-itself-in"
    if seen.unsure:
        return "cannot-tell"
    return "boundary-carries" if seen.remark else "passed"


def _shut(seen: Seen) -> str:
    if not seen.accepted or (seen.kind == "no-role" and seen.as_monday):
        return "untouched"
    if seen.kind == "no-role":
        if not seen.pushes_itself or seen.by_monday:
            return "no-role"
        return "a-group" if seen.by_group else "house-key"
    if seen.kind == "trust-condition":
        return "trust-condition"
    if seen.kind == "trust":
        return "trust-shut"
    if seen.asked == "sts:AssumeRole":
        return "own-half"
    if seen.kind == "half":
        return "half-push"
    return "login-scoped" if seen.kind == "login-scoped" else "shut"


def _open(seen: Seen) -> str:
    if seen.surplus_kind == "become":
        if seen.opened_who == "user/ci":
            return "any-role"
        return "open-trust" if "anybody" in seen.opened_who else "also-lets-in"
    if seen.opened_who == "user/ci":
        if not seen.opened.startswith("ecr:"):
            return "not-needed"
        return "coat-over-coat" if seen.surplus_kind in ("harbour", "managed") else "house-key"
    if seen.surplus_kind == "prefix":
        return "prefix"
    if seen.surplus_kind == "not-action":
        return "not-action"
    return "ready-made" if seen.surplus_kind == "managed" else "wider"


def reset(lab: Lab) -> None:
    """Give the robot what it had on Monday, and take the pipeline away."""
    designs.reset_robot(lab)


# Tries


def with_trust(lab: Lab, text: str) -> None:
    """Give the model solution with another trust policy."""
    designs.robot_done(lab)
    designs.trusted(lab, text)


def by_account(lab: Lab, *statements: object) -> None:
    """Let the trust policy name the account, and give the robot these statements."""
    with_trust(lab, trust({"AWS": root(ACCOUNT)}))
    if statements:
        give(lab, "ci", *statements)  # type: ignore[arg-type]


def with_rights(lab: Lab, *statements: object) -> None:
    """Give the model solution, and the pipeline these statements in place of the right ones."""
    designs.robot_done(lab)
    give_role(lab, "pipeline", *statements)  # type: ignore[arg-type]


def repositories(lab: Lab) -> None:
    """Name the pipeline in the policies of repositories; of its own it has the login."""
    strip(lab, "ci")
    designs.make_role(lab, "pipeline", trust({"AWS": user("ci")}))
    give_role(lab, "pipeline", LOGIN)
    for name in ("dev/booking", "dev/prices", "release/booking", "release/prices"):
        designs.share(lab, name, let({"AWS": role("pipeline")}, PUSH))
    designs.share(lab, "base/httpd", let({"AWS": role("pipeline")}, PULL))


def capped(lab: Lab) -> None:
    """Give the pipeline AWS's policy under a boundary."""
    strip(lab, "ci")
    designs.make_role(lab, "pipeline", trust({"AWS": user("ci")}))
    iam = lab.client("iam")
    iam.attach_role_policy(RoleName="pipeline", PolicyArn=POWER)
    iam.put_role_permissions_boundary(RoleName="pipeline", PermissionsBoundary=own_policy(lab, "cap", *PIPE))


def ready_made(lab: Lab) -> None:
    """Give the pipeline AWS's policy."""
    designs.robot_done(lab)
    lab.client("iam").delete_role_policy(RoleName="pipeline", PolicyName="work")
    lab.client("iam").attach_role_policy(RoleName="pipeline", PolicyArn=POWER)


def no_role(lab: Lab) -> None:
    """Give the robot the pipeline's permissions, and make no role."""
    strip(lab, "ci")
    give(lab, "ci", *PIPE)


def other_name(lab: Lab) -> None:
    """Make a role of another name, and take nothing away."""
    designs.make_role(lab, "deployer", trust({"AWS": user("ci")}))
    give_role(lab, "deployer", *PIPE)


def still_member(lab: Lab) -> None:
    """Leave the robot in the group of everybody."""
    designs.robot_done(lab)
    lab.client("iam").add_user_to_group(GroupName="harbour", UserName="ci")


def named_group(lab: Lab) -> None:
    """Let the trust policy name a group."""
    group(lab, "robots", LOGIN, members=("ci",))
    iam, text = lab.client("iam"), trust({"AWS": f"arn:aws:iam::{ACCOUNT}:group/robots"})
    designs.refused(lambda: iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=text))


def by_roles(lab: Lab) -> None:
    """Do it right, where the first milestone was done by a role for Dara and one for Omar."""
    strip(lab, "developer", "ops")
    for name, who, statements in (("workshop", "developer", designs.DARA), ("on-call", "ops", designs.OMAR)):
        designs.make_role(lab, name, trust({"AWS": user(who)}))
        give_role(lab, name, *statements)
    designs.robot_done(lab)


def bridge(lab: Lab) -> None:
    """Let the trust policy name the account, and Dara take a role that takes every role."""
    by_account(lab, BECOME)
    designs.make_role(lab, "bridge", trust({"AWS": user("developer")}))
    give_role(lab, "bridge", allow("sts:AssumeRole", "*"))


def robot_and(lab: Lab, *statements: object) -> None:
    """Give the model solution, and Dara one thing more."""
    designs.robot_done(lab)
    give(lab, "developer", *statements, policy="more")  # type: ignore[arg-type]


def a_group(lab: Lab) -> None:
    """Make a group in place of the role."""
    strip(lab, "ci")
    group(lab, "pipeline", *PIPE, members=("ci",))


def for_tests(lab: Lab) -> None:
    """Let the trust policy name the account, and let Dara try out STS."""
    by_account(lab, BECOME)
    give(lab, "developer", allow("sts:*", "*"), policy="tests")


def delete_robot(lab: Lab) -> None:
    """Delete the robot's user."""
    strip(lab, "ci")
    iam = lab.client("iam")
    for key in iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="ci", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="ci")


def delete_prices(lab: Lab) -> None:
    """Do it all right, and delete a repository."""
    designs.robot_done(lab)
    lab.client("ecr").delete_repository(repositoryName="release/prices", force=True)


def shut_out(lab: Lab) -> None:
    """Deny a repository to all but the pipeline and the account's root."""
    designs.robot_done(lab)
    spared = {"AWS": [role("pipeline"), root(ACCOUNT)]}
    designs.lock(lab, "release/prices", {"Effect": "Deny", "NotPrincipal": spared, "Action": "ecr:*"})


NAMED = {"AWS": user("ci")}
SESSIONS = f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/*"

TRIES = {
    "untouched": {"the first milestone by hand": designs.people_done},
    "passed": {
        "the trust policy names the robot": designs.robot_done,
        "the account, and the robot's own half": lambda lab: by_account(lab, BECOME),
        "policies of repositories": repositories,
        "Dara and Omar by roles of their own": by_roles,
        "a session's name": lambda lab: with_trust(
            lab, trust(NAMED, {"StringLike": {"sts:RoleSessionName": "build-*"}})
        ),
    },
    "boundary-carries": {"AWS's policy under a boundary": capped},
    "not-taken": {"a group in the trust policy": named_group},
    "locked-out": {"a Deny for all but the pipeline": shut_out},
    "house-key": {
        "no role": no_role,
        "the role, and the same on the key": [designs.robot_done, lambda lab: give(lab, "ci", *PIPE)],
    },
    "a-group": {"a group called pipeline": a_group},
    "no-role": {"another name, and still in the group": other_name},
    "trust-shut": {
        "another user": lambda lab: with_trust(lab, trust({"AWS": user("admin")})),
    },
    "trust-condition": {
        "a second factor": lambda lab: with_trust(lab, trust(NAMED, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    },
    "gone": {"the robot deleted": delete_robot},
    "lost": {"a repository deleted": delete_prices},
    "own-half": {
        "a session in place of the role": lambda lab: by_account(lab, {**BECOME, "Resource": SESSIONS}),
    },
    "half-push": {
        "PutImage alone": lambda lab: with_rights(lab, LOGIN, allow("ecr:PutImage", "dev/*", "release/*"), PIPE[2])
    },
    "login-scoped": {
        "on a repository": lambda lab: with_rights(lab, allow("ecr:GetAuthorizationToken", "release/*"), *PIPE[1:])
    },
    "shut": {"no base": lambda lab: with_rights(lab, *PIPE[:2])},
    "open-trust": {
        "everybody": lambda lab: with_trust(lab, trust("*")),
    },
    "also-lets-in": {
        "Dara by name": lambda lab: with_trust(lab, trust({"AWS": [user("ci"), user("developer")]})),
        "Dara by her own policy": for_tests,
        "Dara by a role on the way": bridge,
    },
    "lets-itself-in": {
        "Dara writes trust policies": lambda lab: robot_and(
            lab, {"Effect": "Allow", "Action": "iam:UpdateAssumeRolePolicy", "Resource": role("pipeline")}
        ),
        "Dara makes keys": lambda lab: robot_and(
            lab, {"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": user("ci")}
        ),
    },
    "any-role": {"every role": lambda lab: by_account(lab, {**BECOME, "Resource": "*"})},
    "not-needed": {
        "PassRole": [
            designs.robot_done,
            lambda lab: give(lab, "ci", {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role("pipeline")}),
        ]
    },
    "coat-over-coat": {"still in the group": still_member},
    "ready-made": {"PowerUser": ready_made},
    "prefix": {"dev* without a slash": lambda lab: with_rights(lab, LOGIN, allow(PUSH, "dev*", "release/*"), PIPE[2])},
    "not-action": {
        "all but one": lambda lab: with_rights(
            lab, *PIPE, {"Effect": "Allow", "NotAction": "ecr:DeleteRepository", "Resource": arn("release/*")}
        )
    },
    "wider": {
        "delete, too": lambda lab: with_rights(lab, *PIPE, allow("ecr:BatchDeleteImage", "release/*")),
    },
    "cannot-tell": {
        "a name from a tag": lambda lab: with_rights(lab, *PIPE, allow("ecr:PutImage", arn("${aws:ResourceTag/team}")))
    },
}
