"""06-e6: let another account pull one image. What a learner reads is in e6.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ecrlab.policy.sets import LOGIN as LOGIN_ACTION
from ecrlab.policy.sets import PULL, PUSH
from ecrlab_course.authoring import Lab, Sentence
from ecrlab_course.authoring.beyond import Beyond, Grant, Wanted, beyond
from ecrlab_course.authoring.evidence import repositories

from .state import (
    ACCOUNT,
    APP,
    BILLING,
    LOGIN,
    PARTNER,
    PLAYGROUND,
    Refusal,
    allow,
    arn,
    bare_partner,
    changes,
    document,
    in_vain,
    let,
    make_role,
    may,
    partner_may,
    policy_file,
    refusal,
    refused_last,
    remove_roles_for_partner,
    repository_policy,
    role_arn,
    roles_for_partner,
    share,
    statements_of,
    tries,
    user_arn,
)

DIRECTLY = ((LOGIN_ACTION, "*"), *((action, arn(APP)) for action in PULL))
"""What the partner asks for, or a role in its place."""
HOME = ["runs-its-own-house"]
"""The partner's policies when the exercise begins."""


class Seen:
    """What each half says about the partner, whom else ours lets in, and why the first thing lacking is refused."""

    def __init__(self, lab: Lab) -> None:
        roles = roles_for_partner(lab)
        ours, theirs = _surplus(lab, roles)
        self.wider, self.who, self.unsure = ours.wider, ours.who, ours.why
        self.surplus, self.theirs = ours.text, theirs.text
        self.their_half_wider = theirs.wider
        asked = may(lab, [("partner", *each) for each in DIRECTLY])
        self.login, self.manifest, self.layers = ("yes" if each else "no" for each in asked.values())
        self.directly, self.pulls = all(asked.values()), sum(list(asked.values())[1:])
        self.role, self.role_lacks = _role(lab, roles)
        self.asking, no = self.role_lacks or ("partner", _first(lab, "partner", DIRECTLY))
        self.refusal = no or Refusal()
        self.action, self.side, self.statement = self.refusal.action, self.refusal.side, self.refusal.statement
        self.why, self.written, self.invented = self.refusal.why, self.refusal.written, self.refusal.invented
        policy = repository_policy(lab)
        named = [word for one in statements_of([policy or {}]) for word in one.get("Action", []) if word != "*"]
        self.login_in_ours = any(fnmatchcase(LOGIN_ACTION.lower(), word.lower()) for word in named)
        self.account_named = all(may(lab, [(f"{PARTNER}:root", PULL[0], arn(APP))]).values())
        self.ours = Sentence("ours-other" if policy else "ours-none")
        self.halves = _halves(lab) if self.directly else ""
        self.way = Sentence("by-halves" if self.directly else "by-role")
        own = lab.client("iam", "partner").list_user_policies(UserName="partner")["PolicyNames"]
        self.as_before = policy is None and own == HOME and not roles
        tried = changes(lab) if self.as_before else []
        self.not_taken, self.asked, self.asked_on, self.asked_by = refused_last(tried)


def _surplus(lab: Lab, roles: list[str]) -> tuple[Beyond, Beyond]:
    """Return what our half opens beyond the pull (repositories, roles for the partner), and what theirs asks for."""
    ways = tuple(f"role/{name}" for name in roles)
    wanted = (Grant(LOGIN_ACTION, who="partner"), Grant(PULL, arn(APP), who="partner"))
    passes = [Grant("iam:*", who="partner"), Grant(PULL, arn(APP), who=PARTNER)]
    if roles:
        assumed = tuple(role_arn(name) for name in roles)
        passes += [
            Grant(LOGIN_ACTION, who=ways),
            Grant(PULL, arn(APP), who=ways),
            Grant("sts:AssumeRole", assumed, who=("partner", PARTNER)),
        ]
    doors = (*(arn(name) for name in repositories(lab)), *ways)
    return (
        beyond(lab, Wanted(ways, wanted, passes, doors=doors)),
        beyond(lab, Wanted("partner", wanted, passes, doors=(), within=ACCOUNT)),
    )


def _first(lab: Lab, who: str, questions: Iterable[tuple[str, str]]) -> Refusal | None:
    """Return why the first of these questions that IAM refuses is refused: the pull first, then the login."""
    login, *pull = questions
    return next((no for each in (*pull, login) if (no := refusal(lab, who, *each))), None)


def _role(lab: Lab, roles: list[str]) -> tuple[str, tuple[str, Refusal] | None]:
    """Return a role of ours by which the partner gets there; else one that trusts it, with who is refused what."""
    lacking: tuple[str, tuple[str, Refusal] | None] = ("", None)
    for name in roles:
        assume = refusal(lab, "partner", "sts:AssumeRole", role_arn(name))
        no = ("partner", assume) if assume else None
        if no is None:
            then = _first(lab, f"role/{name}", DIRECTLY)
            no = (f"role/{name}", then) if then else None
        if no is None:
            return name, None
        lacking = (name, no)
    return lacking


def _halves(lab: Lab) -> str:
    """Return the policies that allow the partner's pull, as IAM's decision record calls them."""
    rows = lab.control.decide("partner", PULL[0], arn(APP))["statements"]
    return " and ".join(dict.fromkeys(row["origin"] for row in rows if row["applied"] and row["effect"] == "Allow"))


def judge(seen: Seen) -> str:
    """Return the verdict's name in e6.md: whom our half lets in beyond the wish, then what is lacking and why."""
    if seen.wider:
        theirs = seen.who.startswith(("user/partner ", "role/", f"anybody in account {PARTNER}"))
        return "our-half-wider" if theirs else "others-let-in"
    if seen.unsure:
        return "cannot-tell"
    if seen.directly or (seen.role and not seen.role_lacks):
        if seen.their_half_wider:
            return "their-half-wider"
        return "account-named" if seen.account_named and seen.directly else "passed"
    if seen.as_before:
        return "not-taken" if seen.not_taken else "untouched"
    return _lacking(seen)


def _lacking(seen: Seen) -> str:
    """Return why the first thing that the partner needs is refused, by IAM's decision record."""
    no = seen.refusal
    if no.kind == "explicit deny":
        return "denied"
    if no.kind == "boundary":
        return "fenced"
    if no.kind == "condition":
        return "condition"
    if no.invented:
        return "no-such-action"
    if seen.role:
        return "role-incomplete"
    if no.action == LOGIN_ACTION:
        return _no_login(seen)
    if seen.pulls == 1:
        return "one-missing"
    if no.kind == "resource":
        return "another-resource"
    if no.kind == "principal":
        return "another-principal"
    if seen.login_in_ours:
        return "login-in-ours"
    return "their-half-silent" if no.side == "identity-based" else "our-half-silent"


def _no_login(seen: Seen) -> str:
    """Return where the login stands, when the pull itself is allowed."""
    if seen.refusal.kind == "resource":
        return "login-scoped"
    return "login-in-ours" if seen.login_in_ours else "login-left-out"


# What the tests try -------------------------------------------------------------------------------------------------

USER = {"AWS": user_arn("partner", PARTNER)}
THEIRS = (LOGIN, allow(PULL, arn(APP)))


def ours(principal: object = USER, actions: str | Iterable[str] = PULL, **more: Any) -> Callable[[Lab], None]:
    """Return what makes our half one statement of the policy of my-web-app."""
    return lambda lab: share(lab, document({**let(principal, actions), **more}))


def at_home(*statements: Mapping[str, Any]) -> Callable[[Lab], None]:
    """Return what gives the partner a policy of its own."""
    return lambda lab: partner_may(lab, document(*statements))


def role(name: str = "releaser", principal: object = USER, rights: str = "pull") -> Callable[[Lab], None]:
    """Return what makes a role of ours that the principal may assume, and lets the partner ask for it."""

    def act(lab: Lab) -> None:
        make_role(lab, name, document(let(principal, "sts:AssumeRole")), policy_file(rights))
        partner_may(lab, document(allow("sts:AssumeRole", role_arn(name))))

    return act


NEAR = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
SOMEBODY = {"StringLike": {"aws:userid": "AIDAEXAMPLE"}}
OTHERS = {"StringEquals": {"aws:PrincipalArn": USER["AWS"]}}

TRIES = {
    "passed": {
        "the user named, both halves": (ours(), at_home(*THEIRS)),
        "a role of ours": role(),
        "a role of ours, by another name": role("for-the-map-company"),
        "everybody, if it is this user": (ours("*", Condition=OTHERS), at_home(*THEIRS)),
        "their half first, in two policies": (
            lambda lab: partner_may(lab, document(LOGIN), "login"),
            at_home(THEIRS[1]),
            ours(),
        ),
    },
    "account-named": [(ours({"AWS": PARTNER}), at_home(*THEIRS))],
    "their-half-wider": {
        "everything of ECR": (ours(), at_home(allow("ecr:*", "*"))),
        "every role": (role(), lambda lab: partner_may(lab, document(allow("sts:AssumeRole", "*")), "more")),
    },
    "others-let-in": {
        "a star as principal": (ours("*"), at_home(*THEIRS)),
        "Aiko's policy, as it lies there": lambda lab: share(lab, policy_file("let-aiko-in")),
        "a third account as well": (ours({"AWS": [USER["AWS"], "777788889999"]}), at_home(*THEIRS)),
        "a role that trusts everybody": role(principal="*"),
        "the robot as well": (ours({"AWS": [USER["AWS"], user_arn("ci")]}), at_home(*THEIRS)),
    },
    "our-half-wider": {
        "with the push": (ours(actions=(*PULL, *PUSH[:5])), at_home(LOGIN, allow((*PULL, *PUSH[:5]), arn(APP)))),
        "everything on our half": (ours(actions="ecr:*"), at_home(*THEIRS)),
        "everything on both": (ours({"AWS": PARTNER}, "ecr:*"), at_home(allow("ecr:*", "*"))),
        "a second repository": (
            ours(),
            lambda lab: share(lab, document(let(USER, PULL)), BILLING),
            at_home(*THEIRS),
        ),
        "a role that pushes": role(rights="push"),
    },
    "cannot-tell": [(ours("*", Condition=SOMEBODY), at_home(*THEIRS))],
    "denied": [
        (
            lambda lab: share(lab, document(let(USER, PULL), {**let("*", PULL[0]), "Effect": "Deny"})),
            at_home(*THEIRS),
        )
    ],
    "condition": [(ours(), at_home(LOGIN, {**THEIRS[1], "Condition": NEAR}))],
    "no-such-action": [(ours(), at_home(LOGIN, allow(("ecr:BatchGetImages", "ecr:GetDownloadUrl"), arn(APP))))],
    "fenced": [
        (
            ours(),
            at_home(*THEIRS),
            lambda lab: lab.client("iam", "partner").put_user_permissions_boundary(
                UserName="partner", PermissionsBoundary="arn:aws:iam::aws:policy/IAMFullAccess"
            ),
        )
    ],
    "role-incomplete": {
        "nobody asks for it": lambda lab: make_role(
            lab, "releaser", document(let(USER, "sts:AssumeRole")), policy_file("pull")
        ),
        "a role that only logs in": role(rights="login-only"),
    },
    "login-scoped": [(ours(), at_home({**LOGIN, "Resource": arn("*")}, THEIRS[1]))],
    "login-in-ours": {
        "and nothing at home": ours({"AWS": PARTNER}, (*PULL, "ecr:GetAuth*")),
        "and the pull at home": (ours(USER, (*PULL, "ecr:GetAuth*")), at_home(THEIRS[1])),
    },
    "login-left-out": [(ours(), at_home(THEIRS[1]))],
    "one-missing": [(ours(actions=PULL[0]), at_home(*THEIRS))],
    "another-resource": [(ours(), at_home(LOGIN, allow(PULL, arn(APP).replace(ACCOUNT, PARTNER))))],
    "another-principal": {
        "the account's own number": (ours({"AWS": ACCOUNT}), at_home(*THEIRS)),
    },
    "their-half-silent": {"only our half": ours(), "the login alone at home": (ours(), at_home(LOGIN))},
    "our-half-silent": {
        "only their half": at_home(*THEIRS),
    },
    "not-taken": [in_vain(ours({"AWS": user_arn("nobody", PARTNER)}))],
}


def reset(lab: Lab) -> None:
    """Neither half says anything: no policy on a repository, no role for the partner, its own rights bare."""
    for name in (APP, BILLING, PLAYGROUND):
        tries.forget_repository_policy(lab.client("ecr"), name)
    remove_roles_for_partner(lab)
    bare_partner(lab)
