"""lab-02-m3: the eye and the neighbour. What a learner reads is in m3.md."""

from __future__ import annotations

import json
from collections.abc import Callable

from ecrlab.policy.sets import PULL
from ecrlab_course.authoring import Lab, Sentence, as_words
from ecrlab_course.authoring.rights import as_list

from . import designs
from .designs import EVERYBODY, MAPS, POWER, attach, give, own_policy, strip, trust
from .look import Look, holds
from .table import ACCOUNT, AIKO, NEIGHBOUR, STRANGER, THIRD, allow, let, root, user
from .table import MAPS as COMPANY

PEOPLE = (AIKO.name, COMPANY.name, THIRD.name)


class Seen(Look):
    """The doors of Aiko and of other companies, and whom else the policies of repositories and roles let in."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, PEOPLE, others_may=("ecr:*", "sts:*"))
        names = self.principals = let_in(lab)
        there = self.locked != "iam" and AIKO in self.here.there
        self.as_monday = there and names == ["*"] and holds(lab, AIKO.who, *MONDAY)
        """Whether nothing has changed here since Monday, whatever the milestones before have changed."""
        self.let_in = as_words(names) if names else Sentence("nobody")
        self.refusal = Sentence("only-admin") if self.not_admin else Sentence("malformed")


MONDAY = ("AmazonEC2ContainerRegistryReadOnly of user auditor", "work of group harbour")


def let_in(lab: Lab) -> list[str]:
    """Return the principals of the policy of release/booking, as written."""
    ecr = lab.client("ecr")
    found: list[str] = []
    try:
        policy = json.loads(ecr.get_repository_policy(repositoryName="release/booking")["policyText"])
    except ecr.exceptions.ClientError:
        return found
    for statement in as_list(policy["Statement"]):
        principal = statement.get("Principal", "NotPrincipal")
        values = principal.values() if isinstance(principal, dict) else [principal]
        found += [str(each) for value in values for each in as_list(value)]
    return found


def judge(seen: Seen) -> str:
    """Return the verdict's name in m3.md."""
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
        if not seen.accepted or seen.as_monday:
            return "untouched"
        return _of_aiko(seen) if seen.opened_who == "user/auditor" else _of_others(seen)
    if seen.unsure:
        return "cannot-tell"
    return "boundary-carries" if seen.remark else "passed"


def _shut(seen: Seen) -> str:
    if seen.kind == "forbidden":
        return "forbidden"
    if seen.kind == "ours":
        return "our-half"
    return "blind" if seen.who == AIKO.name else "their-half"


def _of_aiko(seen: Seen) -> str:
    if seen.surplus_kind == "harbour":
        return "still-in-group"
    if seen.surplus_kind == "rights":
        return "rights"
    if seen.surplus_kind == "managed":
        return "ready-made"
    if seen.surplus_kind == "not-action":
        return "not-action"
    return "names" if seen.surplus_kind == "names" else "wider"


def _of_others(seen: Seen) -> str:
    if "anybody in an account that nobody named" in seen.opened_who:
        return "open-to-all"
    if NEIGHBOUR not in seen.opened_who:
        return "third-company" if "account" in seen.opened_who else "wider"
    if seen.opened in PULL:
        return "wrong-repository"
    return "more-than-pull" if seen.surplus_kind == "repository" else "wider"


def reset(lab: Lab) -> None:
    """Give Aiko what she had on Monday, and share the booking page with everybody again."""
    designs.reset_outside(lab)


# Tries


def shared(**more: object) -> Callable[[Lab], None]:
    """Return what gives the model solution, with another statement in the policy of release/booking."""

    def act(lab: Lab) -> None:
        designs.outside_done(lab)
        designs.share(lab, "release/booking", {**MAPS, **more})

    return act


def eye(*statements: object) -> Callable[[Lab], None]:
    """Return what gives the model solution, and Aiko these statements in place of AWS's policy."""

    def act(lab: Lab) -> None:
        designs.outside_done(lab)
        strip(lab, "auditor")
        if statements:
            give(lab, "auditor", *statements)  # type: ignore[arg-type]

    return act


def beside(policy: str) -> Callable[[Lab], None]:
    """Return what gives the model solution, and Aiko one more managed policy."""

    def act(lab: Lab) -> None:
        designs.outside_done(lab)
        attach(lab, "auditor", policy)

    return act


def own_side_missing(lab: Lab) -> None:
    """Take the policy of the repository away."""
    designs.outside_done(lab)
    lab.client("ecr").delete_repository_policy(repositoryName="release/booking")


def both_releases(lab: Lab) -> None:
    """Share the prices as well."""
    designs.outside_done(lab)
    designs.share(lab, "release/prices", MAPS)


def by_a_role(lab: Lab) -> None:
    """Make a role that the map company becomes, in place of the repository policy."""
    own_side_missing(lab)
    designs.make_role(lab, "maps", trust({"AWS": root(NEIGHBOUR)}))
    designs.give_role(lab, "maps", allow(PULL, "release/booking"))


def capped(lab: Lab) -> None:
    """Give Aiko AWS's policy that writes, under a boundary that reads."""
    eye()(lab)
    attach(lab, "auditor", POWER)
    cap = own_policy(lab, "cap", allow(["ecr:Get*", "ecr:List*", "ecr:Describe*"], "*"))
    lab.client("iam").put_user_permissions_boundary(UserName="auditor", PermissionsBoundary=cap)


def no_policy_of_theirs(lab: Lab) -> None:
    """Take from the map company's user what it has at home."""
    designs.outside_done(lab)
    lab.client("iam", "partner").detach_user_policy(UserName="partner", PolicyArn=f"{designs.AWS}AdministratorAccess")


def delete_aiko(lab: Lab) -> None:
    """Delete Aiko's user."""
    strip(lab, "auditor")
    iam = lab.client("iam")
    for key in iam.list_access_keys(UserName="auditor")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="auditor", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="auditor")


def delete_prices(lab: Lab) -> None:
    """Do it all right, and delete a repository."""
    designs.outside_done(lab)
    lab.client("ecr").delete_repository(repositoryName="release/prices", force=True)


def shut_out(lab: Lab) -> None:
    """Deny a repository to everybody but the map company."""
    designs.outside_done(lab)
    spared = {"AWS": root(NEIGHBOUR)}
    designs.lock(lab, "release/booking", MAPS, {"Effect": "Deny", "NotPrincipal": spared, "Action": "ecr:*"})


SEES = allow(["ecr:Get*", "ecr:List*", "ecr:Describe*"], "*")

TRIES = {
    "untouched": {"a milestone before by hand": designs.people_done},
    "passed": {
        "AWS's policy, and the account": designs.outside_done,
        "a list of one's own, and the account's digits": [
            eye(SEES),
            lambda lab: designs.share(lab, "release/booking", {**MAPS, "Principal": {"AWS": NEIGHBOUR}}),
        ],
        "the map company's user": shared(Principal={"AWS": f"arn:aws:iam::{NEIGHBOUR}:user/partner"}),
        "a star, and a condition on the account": shared(
            Principal="*", Condition={"StringEquals": {"aws:PrincipalAccount": NEIGHBOUR}}
        ),
        "a role of ours": by_a_role,
        "our own account named, which opens nothing": [
            designs.outside_done,
            lambda lab: designs.share(lab, "release/prices", let({"AWS": root(ACCOUNT)}, "ecr:*")),
        ],
    },
    "boundary-carries": {"AWS's policy that writes, under a boundary": capped},
    "not-taken": {
        "a principal that is not there": lambda lab: designs.refused(
            lambda: designs.share(lab, "release/booking", {**MAPS, "Principal": {"AWS": user("nobody")}})
        )
    },
    "locked-out": {"a Deny for all but the map company": shut_out},
    "gone": {"Aiko deleted": delete_aiko},
    "lost": {"a repository deleted": delete_prices},
    "blind": {"a part": eye(allow(["ecr:Describe*", "ecr:List*"], "*"))},
    "our-half": {
        "no policy": own_side_missing,
    },
    "forbidden": {
        "a Deny for other accounts": [
            designs.outside_done,
            lambda lab: designs.share(
                lab,
                "release/booking",
                MAPS,
                {
                    **let("*", "ecr:BatchGetImage"),
                    "Effect": "Deny",
                    "Condition": {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
                },
            ),
        ]
    },
    "open-to-all": {
        "both statements": [designs.outside_done, lambda lab: designs.share(lab, "release/booking", EVERYBODY, MAPS)],
    },
    "third-company": {"one more account": shared(Principal={"AWS": [root(NEIGHBOUR), root(STRANGER)]})},
    "wrong-repository": {"both releases": both_releases},
    "more-than-pull": {"everything": shared(Action="ecr:*")},
    "still-in-group": {"the share alone": lambda lab: designs.share(lab, "release/booking", MAPS)},
    "names": {"Batch, too": eye(allow(["ecr:Get*", "ecr:List*", "ecr:Describe*", "ecr:Batch*"], "*"))},
    "not-action": {
        "all but three": eye(
            {
                "Effect": "Allow",
                "NotAction": ["ecr:PutImage", "ecr:BatchDeleteImage", "ecr:DeleteRepository"],
                "Resource": "*",
            }
        )
    },
    "rights": {"IAMFullAccess": beside("arn:aws:iam::aws:policy/IAMFullAccess")},
    "ready-made": {"PowerUser": beside(POWER)},
    "wider": {"a tag": eye(SEES, allow("ecr:TagResource", "*"))},
    "their-half": {"their policy taken away": no_policy_of_theirs},
    "cannot-tell": {"a condition on ids": shared(Condition={"StringLike": {"aws:userid": "AIDA*"}})},
}
