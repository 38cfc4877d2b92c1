"""lab-02-m1: two people and a server. What a learner reads is in m1.md."""

from __future__ import annotations

from ecrlab.policy.sets import PULL, PUSH
from ecrlab_course.authoring import Lab, Sentence

from . import designs
from .designs import BOTH, LOGIN, OMAR, POWER, PULL_ONLY, attach, give, give_role, group, own_policy, staged, strip
from .look import Look, by_roles
from .table import DARA, RUNTIME, allow, arn, document, let, role, user
from .table import OMAR as HIM

PEOPLE = (DARA.name, HIM.name, RUNTIME.name)
READS = allow(PULL, "base/*", "release/*")


class Seen(Look):
    """The doors of Dara, Omar and the runtime, and what else is open to them."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, PEOPLE, outside="none")
        there = [name for name in ("developer", "ops") if self.locked != "iam" and name in self.here.users]
        held = [each for name in there for each in lab.control.who(f"user/{name}")["policies"]]
        self.own = [each for each in held if not str(each["arn"]).startswith("arn:aws:iam::aws:")]
        """Policies of our own making that Dara or Omar has."""
        self.refusal = Sentence("only-admin") if self.not_admin else Sentence("malformed")


def judge(seen: Seen) -> str:
    """Return the verdict's name in m1.md."""
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
        if not seen.accepted:
            return "untouched"
        return _open(seen)
    if seen.unsure:
        return "cannot-tell"
    if seen.remark:
        return "boundary-carries"
    return "by-roles" if by_roles(seen, *PEOPLE) else "passed"


def _shut(seen: Seen) -> str:
    if seen.kind == "login-scoped":
        return "login-scoped"
    if seen.kind == "misspelt":
        return "misspelt"
    if seen.kind == "half":
        return "half-push"
    if seen.kind == "only-boundary":
        return "only-boundary"
    if seen.kind == "boundary":
        return "held-back"
    if seen.kind == "forbidden":
        return "forbidden"
    if seen.kind == "other-account":
        return "other-account"
    if seen.kind == "other-region":
        return "other-region"
    if seen.kind == "label":
        return "label"
    if seen.kind == "condition":
        return "condition"
    if seen.kind == "narrow":
        return "narrow"
    return "unused" if seen.kind == "unused" else "shut"


def _open(seen: Seen) -> str:
    if seen.denies and seen.surplus_kind in ("harbour", "managed"):
        return "all-but"
    if seen.surplus_kind == "harbour":
        return "still-in-group"
    if seen.surplus_kind == "managed":
        return "ready-made" if seen.own else "second-purse"
    if seen.surplus_kind == "prefix":
        return "prefix"
    if seen.surplus_kind in ("region", "account"):
        return "region"
    if seen.surplus_kind == "tagger":
        return "tagger"
    if seen.surplus_kind == "not-action":
        return "not-action"
    if seen.surplus_kind == "deny":
        return "all-but"
    if seen.surplus_kind == "rights":
        return "rights"
    if seen.surplus_kind == "old-version":
        return "old-version"
    if seen.surplus_kind == "service":
        return "other-service"
    if seen.surplus_kind in ("repository", "become"):
        return "from-elsewhere"
    return "by-role" if seen.surplus_kind == "by-role" else "wider"


def reset(lab: Lab) -> None:
    """Give Dara, Omar and the runtime what they had on Monday."""
    designs.reset_people(lab)


# Tries


def only(lab: Lab, name: str, *statements: object) -> None:
    """Give the model solution, and one of the people these statements in place of the own ones."""
    designs.people_done(lab)
    strip(lab, name)
    give(lab, name, *statements)  # type: ignore[arg-type]


def groups(lab: Lab) -> None:
    """Give the permissions by groups and by managed policies of our own; the login is one for all."""
    strip(lab, "developer", "ops", "runtime")
    group(lab, "everybody-who-logs-in", LOGIN, members=("developer", "ops"))
    group(lab, "developers", allow(BOTH, "dev/*"), READS, members=("developer",))
    releases = own_policy(lab, "release-pull", allow(PULL, "release/*"))
    attach(lab, "ops", releases)
    lab.client("iam").attach_role_policy(RoleName="runtime", PolicyArn=releases)
    give_role(lab, "runtime", LOGIN)


def repositories(lab: Lab) -> None:
    """Give the login alone, and name people in the policies of repositories."""
    strip(lab, "developer", "ops", "runtime")
    give(lab, "developer", LOGIN)
    give(lab, "ops", LOGIN)
    give_role(lab, "runtime", LOGIN)
    for name in ("dev/booking", "dev/prices"):
        designs.share(lab, name, let({"AWS": user("developer")}, BOTH))
    for name in ("release/booking", "release/prices"):
        readers = {"AWS": [user("ops"), role("runtime"), user("developer")]}
        designs.share(lab, name, let(readers, PULL))
    designs.share(lab, "base/httpd", let({"AWS": user("developer")}, PULL))


def tags(lab: Lab) -> None:
    """Give the permissions by the tag of the repository."""
    strip(lab, "developer", "ops", "runtime")
    designs.tag_all(lab)
    give(lab, "developer", LOGIN, staged(BOTH, "dev"), staged(PULL, "base", "release"))
    give(lab, "ops", LOGIN, staged(PULL, "release"))
    give_role(lab, "runtime", LOGIN, staged(PULL, "release"))


def boundaries(lab: Lab) -> None:
    """Leave AWS's policies, and cap them."""
    strip(lab, "developer", "ops", "runtime")
    iam = lab.client("iam")
    attach(lab, "developer", POWER)
    attach(lab, "ops", PULL_ONLY)
    cap = own_policy(lab, "cap-dev", *designs.DARA)
    iam.put_user_permissions_boundary(UserName="developer", PermissionsBoundary=cap)
    cap = own_policy(lab, "cap-ops", *OMAR)
    iam.put_user_permissions_boundary(UserName="ops", PermissionsBoundary=cap)
    give_role(lab, "runtime", *OMAR)


def roles(lab: Lab) -> None:
    """Give Dara and Omar a role each, and nothing of their own."""
    strip(lab, "developer", "ops", "runtime")
    for name, who, statements in (("workshop", "developer", designs.DARA), ("on-call", "ops", OMAR)):
        designs.make_role(lab, name, designs.trust({"AWS": user(who)}))
        give_role(lab, name, *statements)
    give_role(lab, "runtime", *OMAR)


def one_role(lab: Lab) -> None:
    """Give both one role for the releases; Dara has the rest herself."""
    designs.people_done(lab)
    strip(lab, "developer", "ops")
    designs.make_role(lab, "releases", designs.trust({"AWS": [user("developer"), user("ops")]}))
    give_role(lab, "releases", *OMAR)
    give(lab, "developer", LOGIN, allow(BOTH, "dev/*"), allow(PULL, "base/*"))


def narrowed(lab: Lab) -> None:
    """Leave Omar AWS's policy, and narrow it by a Deny for everything that is not released."""
    designs.people_done(lab)
    strip(lab, "ops")
    attach(lab, "ops", PULL_ONLY)
    give(lab, "ops", {"Effect": "Deny", "NotAction": "ecr:GetAuthorizationToken", "NotResource": arn("release/*")})


def group_alone(lab: Lab) -> None:
    """Take the people out of the group, and do nothing else."""
    for name in ("developer", "ops"):
        lab.client("iam").remove_user_from_group(GroupName="harbour", UserName=name)


def not_taken(lab: Lab) -> None:
    """Put a policy with a comma too many."""
    designs.refused(
        lambda: lab.client("iam").put_user_policy(UserName="ops", PolicyName="p", PolicyDocument='{"a":1,}')
    )


def as_omar(lab: Lab) -> None:
    """Ask as Omar for a policy for Omar."""
    text = document(*OMAR)
    iam = lab.client("iam", "ops")
    designs.refused(lambda: iam.put_user_policy(UserName="ops", PolicyName="p", PolicyDocument=text))


def empty_group(lab: Lab) -> None:
    """Give the permissions to a group that Omar is not in."""
    designs.people_done(lab)
    strip(lab, "ops")
    group(lab, "operators", *OMAR)


def unattached(lab: Lab) -> None:
    """Make a policy, and attach it to nobody."""
    designs.people_done(lab)
    strip(lab, "ops")
    own_policy(lab, "release-pull", *OMAR)


def boundary_alone(lab: Lab) -> None:
    """Give Omar a boundary, and no policy."""
    designs.people_done(lab)
    strip(lab, "ops")
    cap = own_policy(lab, "cap", *OMAR)
    lab.client("iam").put_user_permissions_boundary(UserName="ops", PermissionsBoundary=cap)


def boundary_short(lab: Lab) -> None:
    """Give Omar the right policy, and a boundary that lacks the login."""
    designs.people_done(lab)
    cap = own_policy(lab, "cap", OMAR[1])
    lab.client("iam").put_user_permissions_boundary(UserName="ops", PermissionsBoundary=cap)


def by_a_role(lab: Lab) -> None:
    """Give Dara a role that pushes releases beside her own permissions."""
    designs.people_done(lab)
    designs.make_role(lab, "release-day", designs.trust({"AWS": user("developer")}))
    give_role(lab, "release-day", allow(PUSH, "release/*"))


def tagger(lab: Lab) -> None:
    """Let a tag decide, and let Dara tag."""
    tags(lab)
    give(
        lab, "developer", allow(["ecr:TagResource", "ecr:UntagResource", "ecr:ListTagsForResource"], "*"), policy="tags"
    )


def shut_out(lab: Lab) -> None:
    """Deny a repository to all but a role and the account's root."""
    designs.people_done(lab)
    spared = {"AWS": [role("runtime"), "arn:aws:iam::123456789012:root"]}
    designs.lock(lab, "release/prices", {"Effect": "Deny", "NotPrincipal": spared, "Action": "ecr:*"})


def delete_runtime(lab: Lab) -> None:
    """Delete the role of the runtime."""
    strip(lab, "runtime")
    lab.client("iam").delete_role(RoleName="runtime")


def delete_prices(lab: Lab) -> None:
    """Do it all right, and delete a repository."""
    designs.people_done(lab)
    lab.client("ecr").delete_repository(repositoryName="release/prices", force=True)


def variable(lab: Lab) -> None:
    """Name the repository by its own tag."""
    own = "arn:aws:ecr:us-east-1:123456789012:repository/${aws:ResourceTag/team}"
    only(lab, "developer", *designs.DARA, allow("ecr:PutImage", own))


def repository_of_all(lab: Lab) -> None:
    """Let Omar push by the policy of a repository."""
    designs.people_done(lab)
    designs.share(lab, "base/httpd", let({"AWS": user("ops")}, PUSH))


def narrow_version(lab: Lab) -> None:
    """Give Omar a policy of everything, and put the right text into a version that is not the default."""
    designs.people_done(lab)
    strip(lab, "ops")
    wide = own_policy(lab, "omar", allow("ecr:*", "*"))
    attach(lab, "ops", wide)
    lab.client("iam").create_policy_version(PolicyArn=wide, PolicyDocument=document(*OMAR))


FACTOR = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}

TRIES = {
    "passed": {
        "inline policies": designs.people_done,
        "groups and managed policies": groups,
        "policies of repositories": repositories,
        "tags": tags,
        "narrowed by a Deny": narrowed,
    },
    "by-roles": {"a role each": roles, "one role for both": one_role},
    "boundary-carries": {"AWS's policies under boundaries": boundaries},
    "not-taken": {"a comma too many": not_taken, "asked as Omar": as_omar},
    "locked-out": {"a Deny for all but the runtime": shut_out},
    "gone": {"the role deleted": delete_runtime},
    "lost": {"a repository deleted": delete_prices},
    "login-scoped": {
        "on a repository": lambda lab: only(lab, "ops", allow(["ecr:GetAuthorizationToken", *PULL], "release/*"))
    },
    "misspelt": {"with an s": lambda lab: only(lab, "ops", {**LOGIN, "Action": "ecr:GetAuthorisationToken"}, OMAR[1])},
    "half-push": {
        "PutImage alone": lambda lab: only(lab, "developer", LOGIN, allow(("ecr:PutImage", *PULL), "dev/*"), READS)
    },
    "only-boundary": {"a boundary": boundary_alone},
    "held-back": {"a boundary without the login": boundary_short},
    "forbidden": {
        "a Deny on all that is not dev": lambda lab: only(
            lab, "developer", *designs.DARA, {"Effect": "Deny", "Action": "ecr:*", "NotResource": arn("dev/*")}
        )
    },
    "other-account": {
        "a digit too few": lambda lab: only(
            lab, "ops", LOGIN, allow(PULL, "arn:aws:ecr:us-east-1:444455556666:repository/release/*")
        )
    },
    "other-region": {"Ireland": lambda lab: only(lab, "ops", LOGIN, allow(PULL, arn("release/*", "eu-west-1")))},
    "label": {"a tag that is not there": lambda lab: only(lab, "ops", LOGIN, staged(PULL, "release"))},
    "condition": {"a second factor": lambda lab: only(lab, "ops", LOGIN, {**OMAR[1], "Condition": FACTOR})},
    "narrow": {"one of two": lambda lab: only(lab, "ops", LOGIN, allow(PULL, "release/booking"))},
    "unused": {"a group without Omar": empty_group, "attached to nobody": unattached},
    "shut": {
        "no login, and a policy about something else that nobody has": [
            lambda lab: only(lab, "ops", OMAR[1]),
            lambda lab: own_policy(lab, "backup", {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}),
        ]
    },
    "still-in-group": {
        "the right ones put beside it": lambda lab: give(lab, "ops", *OMAR),
    },
    "second-purse": {"out of the group, and no more": group_alone},
    "ready-made": {
        "AWS's for a pull": [lambda lab: only(lab, "ops", *OMAR), lambda lab: attach(lab, "ops", PULL_ONLY)]
    },
    "prefix": {"dev* without a slash": lambda lab: only(lab, "developer", LOGIN, allow(BOTH, "dev*"), READS)},
    "region": {
        "any Region": lambda lab: only(
            lab, "developer", LOGIN, allow(BOTH, "arn:aws:ecr:*:123456789012:repository/dev/*"), READS
        )
    },
    "tagger": {"who decides by tags may tag": tagger},
    "not-action": {
        "all but one": lambda lab: only(
            lab,
            "developer",
            LOGIN,
            {"Effect": "Allow", "NotAction": "ecr:BatchDeleteImage", "Resource": arn("dev/*")},
            READS,
        )
    },
    "all-but": {
        "everything but dev": lambda lab: only(
            lab, "ops", LOGIN, allow(PULL, "*"), {"Effect": "Deny", "Action": "ecr:*", "Resource": arn("dev/*")}
        ),
        "beside the group": lambda lab: give(
            lab, "developer", {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": arn("release/*")}
        ),
    },
    "other-service": {
        "S3 and EC2": lambda lab: only(lab, "ops", *OMAR, allow(["s3:*", "ec2:RunInstances"], "*")),
    },
    "rights": {
        "her own policy": lambda lab: only(
            lab, "developer", *designs.DARA, {**allow("iam:PutUserPolicy", user("developer"))}
        )
    },
    "old-version": {"the narrow one is not the default": narrow_version},
    "from-elsewhere": {
        "by a repository's policy": repository_of_all,
        "any role": lambda lab: only(lab, "developer", *designs.DARA, allow("sts:*", "*")),
    },
    "by-role": {"a role that pushes": by_a_role},
    "wider": {
        "ecr:* on dev/*": lambda lab: only(lab, "developer", LOGIN, allow("ecr:*", "dev/*"), READS),
    },
    "cannot-tell": {"a name from a tag": variable},
}
