"""Against brute force: whatever a small universe shows to be surplus is found, and what is found is surplus."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecrlab.aws.authorization.keys import condition_keys
from ecrlab.aws.authorization.targets import Target
from ecrlab.aws.authorization.targets import repository_target as repository
from ecrlab.aws.context import RequestContext
from ecrlab.aws.surplus import NOTHING, WIDER
from ecrlab.aws.what_if.callers import principal_named
from ecrlab.home import ACCOUNT, PARTNER_ACCOUNT, REGION
from ecrlab.policy import Policies, Policy, Request, evaluate, read_policy
from ecrlab.policy.wanted import Grant, Wanted

STEM = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/"
OPS = f"arn:aws:iam::{ACCOUNT}:user/ops"
ON_REPOSITORIES = ("ecr:PutImage", "ecr:BatchGetImage", "ecr:TagResource")
NAMES = ("ab", "ba", "aa", "abc", "cc", "a/b", "b/a")
# Every name at home, one of them in other Regions and accounts.
REPOSITORIES = [
    *(STEM + name for name in NAMES),
    STEM.replace(REGION, "eu-west-1") + "ab",
    STEM.replace(ACCOUNT, PARTNER_ACCOUNT) + "ba",
    STEM.replace(ACCOUNT, PARTNER_ACCOUNT).replace(REGION, "eu-west-1") + "ab",
]
PLACES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(ON_REPOSITORIES, tuple(REPOSITORIES)),
    "ecr:GetAuthorizationToken": ("*",),
    "iam:CreateUser": (f"arn:aws:iam::{ACCOUNT}:user/a", f"arn:aws:iam::{ACCOUNT}:user/b/c"),
    "s3:GetObject": ("*", "arn:aws:s3:::a", "arn:aws:s3:::b/c"),
    "s3:GetThing": ("*", "arn:aws:s3:::a"),
}
IPS, VALUES, TAGS = ("127.0.0.1", "10.1.1.1"), (None, "a", "ab", "c"), (None, "a", "b")

actions = st.lists(
    st.sampled_from(
        (
            *PLACES,
            "*",
            "ecr:*",
            "ecr:*Image",
            "ecr:?utImage",
            "ecr:Batch*",
            "s3:*",
            "s3:Get*",
            "iam:*",
            "ECR:putimage",
            "ecr:No",
        )
    ),
    min_size=1,
    max_size=3,
)
resources = st.lists(
    st.sampled_from(
        (
            "*", STEM + "*", STEM + "ab", STEM + "a*", STEM + "*b", STEM + "a?", STEM + "?/*",
            STEM + "${aws:PrincipalTag/t}*", f"arn:aws:ecr:*:{ACCOUNT}:repository/ab",
            f"arn:aws:ecr:{REGION}:*:repository/b*", "arn:aws:ecr:*", "arn:*:ecr:*:*:*/a*",
            f"arn:aws:iam::{ACCOUNT}:user/*", "arn:aws:s3:::*", "arn:aws:s3:::a",
        )
    ),
    min_size=1,
    max_size=2,
)  # fmt: skip
conditions = st.sampled_from(
    (
        {}, {}, {},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"StringLike": {"aws:n": "a*"}},
        {"StringNotEquals": {"aws:n": ["a", "c"]}},
        {"Null": {"aws:n": "true"}},
        {"StringEquals": {"aws:ResourceTag/t": "a"}},
        {"StringNotEquals": {"aws:ResourceTag/t": "${aws:PrincipalTag/t}"}},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
        {"StringEquals": {"aws:username": "ops"}, "StringLike": {"aws:n": "?b"}},
    )
)  # fmt: skip


@st.composite
def statements(draw: st.DrawFn, named: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": draw(st.sampled_from(("Allow", "Allow", "Deny")))}
    made[draw(st.sampled_from(("Action", "Action", "Action", "NotAction")))] = draw(actions)
    if named:
        made["Principal"] = draw(st.sampled_from(("*", {"AWS": OPS}, {"AWS": ACCOUNT}, {"AWS": PARTNER_ACCOUNT})))
    else:
        made[draw(st.sampled_from(("Resource", "Resource", "Resource", "NotResource")))] = draw(resources)
    made["Condition"] = draw(conditions)
    return made


grants = st.builds(Grant, actions, resources, condition=conditions)
wishes = st.builds(
    lambda may, passes: Wanted("ops", may, passes, doors=()),
    st.lists(grants, min_size=1, max_size=2),
    st.lists(grants, max_size=1),
)


class Judge:
    """Says by the documents alone what is allowed and what was asked for."""

    def __init__(self, world: Any, wanted: Wanted, tags: dict[str, str]) -> None:
        self.cloud = world.cloud
        self.tags = tags
        self.principal = principal_named(self.cloud, "ops")
        self.identity, self.boundary, _ = self.cloud.identities.policies_of(self.principal)
        self.targets = {arn: self._target(arn) for arn in REPOSITORIES}
        self.wishes = [self._wish(grant) for grant in (*wanted.may, *wanted.passes)]

    def _wish(self, grant: Grant) -> Policy:
        allow = {"Effect": "Allow", "Principal": "*", "Action": list(grant.actions), "Resource": list(grant.resources)}
        statement = {**allow, "Condition": dict(grant.condition)}
        return read_policy({"Version": "2012-10-17", "Statement": statement}, "resource")

    def _target(self, arn: str) -> Target:
        _, _, service, region, account, rest = arn.split(":", 5)
        return (
            repository(self.cloud, account, region, rest.removeprefix("repository/"))
            if service == "ecr"
            else Target(arn, ACCOUNT, self.tags if arn == OPS else {})  # a user is a resource, too, with its tags
        )

    def is_surplus(self, action: str, arn: str, own: dict[str, Any]) -> bool:
        if arn not in self.targets:
            self.targets[arn] = Target(arn, ACCOUNT, {}) if arn == "*" else self._target(arn)
        target = self.targets[arn]
        region = arn.split(":")[3] if arn.startswith("arn:aws:ecr:") else REGION
        circumstances = RequestContext(region, 0, "127.0.0.1", "x")
        given = condition_keys(self.principal.context, action, target, circumstances)
        context = {key: value for key, value in {**given, **own}.items() if value is not None}
        asked = Request(self.principal.arn, action, arn, target.account, context)
        inside = any(
            evaluate(replace(asked, principal="x.amazonaws.com"), Policies(resource=wish)).allowed
            for wish in self.wishes
        )
        policies = Policies(self.identity, target.policy, self.boundary)
        if not inside and evaluate(asked, policies).allowed:
            return True
        if inside or target.account == ACCOUNT:
            return False
        everybody = read_policy({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}, "resource")
        return evaluate(asked, replace(policies, resource=everybody)).allowed

    def requests(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for action, arns in PLACES.items():
            for arn, ip, value in itertools.product(arns, IPS, VALUES):
                own = {"aws:SourceIp": ip, "aws:n": value}
                exists = arn in (STEM + "ab", STEM + "ba")
                for tag in TAGS if action in ON_REPOSITORIES and not exists else (None,):
                    yield action, arn, {**own, "aws:ResourceTag/t": tag} if tag else own


@example(  # found at random: the user's own tag makes the user a resource that the condition fits
    own=[
        {
            "Effect": "Allow",
            "NotAction": ["ecr:PutImage"],
            "Resource": ["*"],
            "Condition": {"StringEquals": {"aws:ResourceTag/t": "a"}},
        }
    ],
    edge=None,
    shared=None,
    tags={"t": "a"},
    wanted=Wanted("ops", [Grant(["ecr:PutImage"], ["*"])], doors=()),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(statements(), min_size=1, max_size=3),
    st.none() | st.lists(statements(), min_size=1, max_size=2),
    st.none() | st.lists(statements(named=True), min_size=1, max_size=2),
    st.sampled_from(({}, {"t": "a"})),
    wishes,
)
def test_brute_force_finds_no_more_and_no_less(
    opened: Any, own: Any, edge: Any, shared: Any, tags: dict[str, str], wanted: Wanted
) -> None:
    world = opened
    boundary = world.managed("edge", *edge) if edge else None
    for name in ("ab", "ba"):
        world.repository(name, *(shared or ()))
        shared = None
    world.user("ops", *own, tags=tags, boundary=boundary)
    judge = Judge(world, wanted, tags)
    found = world.beyond(wanted)
    if found["verdict"] == WIDER:
        surplus = found["surplus"]
        assert judge.is_surplus(surplus["action"], surplus["resource"], surplus["context"])
    if found["verdict"] == NOTHING:
        for action, arn, context in judge.requests():
            assert not judge.is_surplus(action, arn, context), (action, arn, context)
