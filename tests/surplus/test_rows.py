"""What somebody may do beyond what was asked for: attempts that passed and must not, and verdicts that were false."""

from __future__ import annotations

from typing import Any

import pytest

from ecrlab.aws.surplus import NOTHING, WIDER
from ecrlab.home import ACCOUNT, PARTNER_ACCOUNT, REGION
from ecrlab.policy.wanted import Grant, Wanted

STEM = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/"
APP = STEM + "my-web-app"
LOGIN, CHECK = "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability"
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH = (CHECK, "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
OPS = f"arn:aws:iam::{ACCOUNT}:user/ops"
PARTNER = f"arn:aws:iam::{PARTNER_ACCOUNT}:user/partner"
THIRD = "777788889999"
RELEASER = f"arn:aws:iam::{ACCOUNT}:role/releaser"

E3 = Wanted("ops", (Grant(PULL, APP), Grant(LOGIN)), passes=Grant(CHECK, APP))
E5 = Wanted("developer", (Grant((*PUSH, *PULL), STEM + "dev/*"), Grant(PULL, APP), Grant(LOGIN)))
E6 = Wanted("partner", (Grant(PULL, APP), Grant(LOGIN)), passes=Grant("iam:*"))
E8 = Wanted((), Grant("sts:AssumeRole", RELEASER, who="ci"), doors="role/releaser")


def allow(actions: object, resources: object = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions: object, resources: object = "*", **more: Any) -> dict[str, Any]:
    return {**allow(actions, resources, **more), "Effect": "Deny"}


def let(who: object, actions: object, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": who, "Action": actions, **more}


PULLS = [allow(LOGIN), allow(list(PULL), APP)]


def test_what_was_asked_for_is_nothing_wider(world: Any) -> None:
    world.user("ops", *PULLS)
    found = world.beyond(E3)
    assert (found["verdict"], found["surplus"], found["missing"], found["remarks"]) == (NOTHING, None, [], [])
    world.user("ops", allow(LOGIN), allow([*PULL, CHECK], APP))
    assert world.beyond(E3)["verdict"] == NOTHING
    assert world.beyond(Wanted("ops", E3.may))["surplus"]["action"] == CHECK


@pytest.mark.parametrize(
    ("statement", "action", "resource", "differs"),
    [
        (allow("s3:*"), "s3:DeleteBucket", "*", "service"),
        (allow("ec2:*"), "ec2:TerminateInstances", "*", "service"),
        (allow("iam:*"), "iam:AttachUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/admin", "service"),
        (allow("sts:AssumeRole"), "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/any", "service"),
        (allow("ecr:CreateRepository"), "ecr:CreateRepository", STEM + "any", "action"),
        (allow("ecr:PutRegistryPolicy"), "ecr:PutRegistryPolicy", "*", "action"),
        (allow(list(PULL), APP.replace(REGION, "*")), PULL[0], APP.replace(REGION, "eu-west-1"), "region"),
        (allow(list(PULL), APP.replace(ACCOUNT, "*")), PULL[0], APP.replace(ACCOUNT, PARTNER_ACCOUNT), "account"),
        (allow(list(PULL), APP + "*"), PULL[0], APP + "-any", "resource"),
        (allow(list(PULL), STEM + "*"), PULL[0], STEM + "billing", "resource"),
        (allow(list(PULL), STEM + "my-*-app"), PULL[0], STEM + "my-any-app", "resource"),
        (allow(list(PULL), STEM + "my-web-ap?"), PULL[0], STEM + "my-web-apa", "resource"),
        (allow("ecr:Batch*", APP), "ecr:BatchDeleteImage", APP, "action"),
        (allow("*", "*"), "iam:AttachUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/admin", "service"),
        (allow("ecr:*", "*"), "ecr:SetRepositoryPolicy", STEM + "billing", "action"),
        (allow("ecr:*", APP), "ecr:SetRepositoryPolicy", APP, "action"),
    ],
)
def test_06_e3_wider_than_a_pull(world: Any, statement: Any, action: str, resource: str, differs: str) -> None:
    world.user("ops", *PULLS, {**statement, "Sid": "More"})
    found = world.beyond(E3)
    surplus = found["surplus"]
    assert found["verdict"] == WIDER
    assert (surplus["action"], surplus["resource"], surplus["differs"]) == (action, resource, differs)
    assert surplus["statement"]["label"] == '"More"'
    assert surplus["statement"]["index"] == 2
    assert (surplus["statement"]["policy"], surplus["statement"]["source"]) == ("own", "user ops")
    assert surplus["written"]["action"] in ([statement["Action"]] if isinstance(statement["Action"], str) else PULL)


@pytest.mark.parametrize(
    ("actions", "resource", "action", "on"),
    [
        (["ecr:BatchCheck*", "ecr:BatchGet*", "ecr:Get*", "ecr:List*", "ecr:Describe*"], "*", PULL[0], "`billing`"),
        ([CHECK, "ecr:GetDownloadUrlForLayer"], "*", PULL[1], "`billing`"),
        (["ecr:Describe*", "ecr:List*"], "*", "ecr:DescribeImages", "`billing`"),
        (["ecr:DescribePull*", "ecr:DescribeRep*"], "*", "ecr:DescribeRepositories", "`billing`"),
        (
            "ecr:DescribeRepositories",
            STEM.replace(REGION, "eu-west-1") + "*",
            "ecr:DescribeRepositories",
            "all repositories in eu-west-1",
        ),
        ([CHECK, "ecr:GetLifecyclePolicy"], STEM + "billing", "ecr:GetLifecyclePolicy", "`billing`"),
        (CHECK, STEM + "billing", CHECK, "`billing`"),
        ("ecr:PutImage", STEM + "dev/*", "ecr:PutImage", "a repository such as `dev/any`"),
        (
            ["ecr:DescribePull*", "ecr:GetAccountSetting"],
            "*",
            "ecr:DescribePullThroughCacheRules",
            "no single resource (`*`)",
        ),
    ],
)
def test_the_witness_is_the_one_that_everybody_understands(
    world: Any, actions: object, resource: str, action: str, on: str
) -> None:
    world.user("ops", *PULLS, allow(actions, resource))
    surplus = world.beyond(E3)["surplus"]
    assert surplus["text"].startswith(f"`user/ops` may do `{action}` on {on}: statement ")


def test_a_misspelt_action_and_a_partition_open_nothing(world: Any) -> None:
    world.user("ops", *PULLS, allow("ecr:GetAuthToken"), allow(list(PULL), APP.replace("arn:aws:", "arn:*:")))
    found = world.beyond(E3)
    assert found["verdict"] == NOTHING
    assert [each["kind"] for each in found["remarks"]] == ["partition"]


def test_iam_star_is_surplus_for_every_wish(world: Any) -> None:
    everything = allow("iam:*")
    world.user("ops", *PULLS, everything)
    world.user("developer", *PULLS, everything)
    world.role("runner", let({"Service": "ecs-tasks.amazonaws.com"}, "sts:AssumeRole"), *PULLS, everything)
    for wanted in (E3, E5, Wanted("role/runner", E3.may), Wanted("ops", Grant("ecr:*"))):
        assert world.beyond(wanted)["surplus"]["action"] == "iam:AttachUserPolicy"


def test_06_e3_the_repository_lets_everybody_in(world: Any) -> None:
    world.user("ops", *PULLS)
    world.repository("my-web-app", let("*", list(PULL)))
    surplus = world.beyond(E3)["surplus"]
    assert (surplus["principal"], surplus["half"]) == ("arn:aws:iam::111122223333:user/anybody", "resource")
    assert surplus["who"] == "anybody in an account that nobody named (such as 111122223333)"
    assert surplus["text"].startswith("Anybody in an account that nobody named (such as 111122223333) may do `ecr:")
    assert surplus["statement"]["in"] == "the repository policy of my-web-app"
    assert surplus["written"] == {"action": PULL[0], "principal": "*"}
    world.repository("my-web-app", let({"AWS": OPS}, list(PULL)))
    assert world.beyond(E3)["verdict"] == NOTHING
    # The account is named: its own policies decide, and nobody is let in.
    world.repository("my-web-app", let({"AWS": ACCOUNT}, "ecr:*"))
    assert world.beyond(E3)["verdict"] == NOTHING
    world.repository("my-web-app", let({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ci"}, PULL[0]))
    assert world.beyond(E3)["surplus"]["who"] == "user/ci"
    world.repository("my-web-app", let({"Service": "lambda.amazonaws.com"}, list(PULL)))
    assert world.beyond(E3)["surplus"]["who"] == "lambda.amazonaws.com"
    world.repository("my-web-app", let({"AWS": OPS}, [*PULL, "ecr:DeleteRepository"]))
    surplus = world.beyond(E3)["surplus"]
    assert (surplus["who"], surplus["action"], surplus["half"]) == ("user/ops", "ecr:DeleteRepository", "")


def test_06_e3_a_repository_s_policy_gives_him_another_one(world: Any) -> None:
    world.user("ops", *PULLS)
    world.repository("zoo", let({"AWS": OPS}, PULL[0]))
    surplus = world.beyond(E3)["surplus"]
    assert (surplus["resource"], surplus["statement"]["policy_type"]) == (STEM + "zoo", "resource-based")
    assert surplus["statement"]["in"] == "the repository policy of zoo"


def test_06_e3_a_condition_that_narrows_is_not_wider(world: Any) -> None:
    near = {"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
    world.user("ops", allow(LOGIN), allow(list(PULL), APP, **near))
    found = world.beyond(E3)
    assert found["verdict"] == NOTHING
    assert [each["action"] for each in found["missing"]] == list(PULL)
    assert "aws:SourceIp" in found["missing"][0]["explanation"]
    # A witness satisfies the condition, and is surplus where the wish has no such resource or no such address.
    world.user("ops", *PULLS, allow("ecr:PutImage", "*", **near))
    surplus = world.beyond(E3)["surplus"]
    assert (surplus["action"], surplus["context"]) == ("ecr:PutImage", {"aws:SourceIp": "203.0.113.0"})
    assert "with aws:SourceIp 203.0.113.0" in surplus["text"]
    world.user("ops", *PULLS)
    only_near = Wanted("ops", (Grant(PULL, APP, condition=near["Condition"]), Grant(LOGIN)))
    assert world.beyond(only_near)["surplus"]["differs"] == "condition"
    world.user("ops", allow(LOGIN), allow(list(PULL), APP, **near))
    assert world.beyond(only_near)["verdict"] == NOTHING
    assert world.beyond(only_near)["missing"] == []


def test_each_repository_that_was_asked_for_is_looked_at(world: Any) -> None:
    both = Wanted("ops", (Grant(PULL, [STEM + "billing", APP]), Grant(LOGIN)))
    for allowed in ("billing", "my-web-app"):
        world.user("ops", allow(LOGIN), allow(list(PULL), STEM + allowed))
        closed = {each["resource"] for each in world.beyond(both)["missing"]}
        assert closed == {STEM + name for name in ("billing", "my-web-app") if name != allowed}
    world.user("ops", allow(LOGIN), allow(list(PULL), [STEM + "billing", APP]))
    assert world.beyond(both)["missing"] == []


def test_06_e3_a_boundary_cuts_surplus_away(world: Any) -> None:
    edge = world.managed("edge", allow(LOGIN), allow(list(PULL), APP))
    world.user("ops", allow("*"), boundary=edge)
    found = world.beyond(E3)
    assert (found["verdict"], found["missing"]) == (NOTHING, [])
    remark = found["remarks"][0]
    assert (remark["kind"], remark["action"]) == ("boundary", "iam:AttachUserPolicy")
    assert "held back only by the permissions boundary edge" in remark["text"]
    world.user("ops", allow("*"), boundary=world.managed("edge", allow("ecr:*", APP), allow(LOGIN)))
    assert world.beyond(E3)["surplus"]["action"] == "ecr:SetRepositoryPolicy"


def test_groups_count_for_their_members_only(world: Any) -> None:
    world.group("operators", allow("ecr:DeleteRepository"))
    world.user("ops", *PULLS)
    assert world.beyond(E3)["verdict"] == NOTHING
    world.user("ops", *PULLS, groups=["operators"])
    surplus = world.beyond(E3)["surplus"]
    assert (surplus["statement"]["policy"], surplus["statement"]["source"]) == ("shared", "group operators")


def test_managed_policies_name_what_they_open_beside(world: Any) -> None:
    ready = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    world.user("ops", attached=[ready])
    surplus = world.beyond(E3)["surplus"]
    assert surplus["statement"]["arn"] == ready
    assert (surplus["action"], surplus["resource"]) == (PULL[0], STEM + "billing")
    world.user("ops", *PULLS, allow(["logs:PutLogEvents", PULL[0]]))
    assert world.beyond(E3)["surplus"]["action"] == PULL[0]
    world.user("ops", *PULLS, allow("ecr:BatchImportUpstreamImage"))
    assert world.beyond(E3)["surplus"]["action"] == "ecr:BatchImportUpstreamImage"
    world.user("ops", *PULLS, allow(PULL[0]), allow("ecr:PutImage", APP))
    assert world.beyond(E3)["surplus"]["action"] == "ecr:PutImage"


def test_06_e5_more_than_a_folder(world: Any) -> None:
    good = [allow(LOGIN), allow([*PUSH, *PULL], STEM + "dev/*"), allow(list(PULL), APP)]
    world.user("developer", *good)
    assert world.beyond(E5)["verdict"] == NOTHING
    for statement, action, resource in (
        (allow("ecr:DescribeRepositories"), "ecr:DescribeRepositories", STEM + "billing"),
        (allow("ecr:DescribeRepositories", STEM + "dev/*"), "ecr:DescribeRepositories", STEM + "dev/any"),
        (allow("ecr:TagResource", STEM + "dev/*"), "ecr:TagResource", STEM + "dev/any"),
        (allow(list(PUSH), STEM + "dev*"), "ecr:PutImage", STEM + "dev-any"),
        (allow(list(PUSH), APP), "ecr:PutImage", APP),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "ecr:SetRepositoryPolicy", STEM + "billing"),
        ({"Effect": "Allow", "Action": list(PULL), "NotResource": STEM + "billing"}, "ecr:BatchGetImage", STEM + "any"),
    ):
        world.user("developer", *good, statement)
        surplus = world.beyond(E5)["surplus"]
        assert (surplus["action"], surplus["resource"]) == (action, resource)
    # Denies take it away again, whichever way they are written.
    for fence in (
        deny("ecr:*", STEM + "billing"),
        {"Effect": "Deny", "NotAction": [LOGIN, *PUSH, *PULL], "Resource": "*"},
    ):
        world.user("developer", *good, allow("ecr:DeleteRepository", STEM + "billing"), fence)
        assert world.beyond(E5)["verdict"] == NOTHING
    world.user(
        "developer",
        *good,
        allow(list(PULL)),
        {"Effect": "Deny", "Action": "*", "NotResource": [STEM + "dev/*", APP, "*"]},
    )
    assert world.beyond(E5)["surplus"]["resource"] == STEM + "billing"
    fence = {"Effect": "Deny", "Action": "ecr:Batch*", "NotResource": [STEM + "dev/*", APP]}
    world.user("developer", *good, allow(PULL[0]), fence)
    assert world.beyond(E5)["verdict"] == NOTHING


def test_06_e6_both_halves_alone(world: Any) -> None:
    home = [allow("iam:*"), allow(LOGIN)]
    ours = let({"AWS": PARTNER}, list(PULL))
    world.user("partner", *home, allow(list(PULL), APP), account=PARTNER_ACCOUNT)
    world.repository("my-web-app", ours)
    assert world.beyond(E6)["verdict"] == NOTHING
    world.repository("my-web-app", let({"AWS": [PARTNER, THIRD]}, list(PULL)))
    surplus = world.beyond(E6)["surplus"]
    assert (surplus["who"], surplus["differs"]) == (f"anybody in account {THIRD}", "principal")
    world.repository("my-web-app", let({"AWS": PARTNER}, "ecr:*"))
    surplus = world.beyond(E6)["surplus"]
    assert (surplus["action"], surplus["half"]) == ("ecr:SetRepositoryPolicy", "resource")
    assert surplus["who"] == f"user/partner of account {PARTNER_ACCOUNT}"
    world.repository("my-web-app", let({"AWS": PARTNER_ACCOUNT}, list(PULL)))
    assert world.beyond(E6)["surplus"]["who"] == f"anybody in account {PARTNER_ACCOUNT}"
    everybody_there = Wanted("partner", (Grant(PULL, APP, who=PARTNER_ACCOUNT), Grant(LOGIN)), Grant("iam:*"))
    assert world.beyond(everybody_there)["verdict"] == NOTHING
    world.repository("my-web-app", ours)
    world.user("partner", *home, allow("ecr:*", STEM + "*"), account=PARTNER_ACCOUNT)
    surplus = world.beyond(E6)["surplus"]
    assert (surplus["half"], surplus["action"]) == ("identity", "ecr:SetRepositoryPolicy")
    # What the partner may do with repositories at home is its own affair, if the exercise says so.
    world.user(
        "partner",
        *home,
        allow(list(PULL), APP),
        allow("ecr:*", STEM.replace(ACCOUNT, PARTNER_ACCOUNT) + "*"),
        account=PARTNER_ACCOUNT,
    )
    assert world.beyond(E6)["surplus"]["half"] == ""
    assert world.beyond(Wanted("partner", E6.may, within=ACCOUNT))["verdict"] == NOTHING


def test_06_e6_an_organisation_does_not_lock_out_a_third_account(world: Any) -> None:
    world.user("partner", allow(LOGIN), allow(list(PULL), APP), account=PARTNER_ACCOUNT)
    world.repository("my-web-app", let("*", list(PULL), Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a1"}}))
    surplus = world.beyond(E6)["surplus"]
    assert surplus["context"] == {"aws:PrincipalOrgID": "o-a1"}
    world.repository("my-web-app", let("*", list(PULL), Condition={"ArnEquals": {"aws:PrincipalArn": PARTNER}}))
    assert world.beyond(E6)["verdict"] == NOTHING
    like = f"arn:aws:iam::{PARTNER_ACCOUNT}:user/part*"
    world.repository("my-web-app", let("*", list(PULL), Condition={"ArnLike": {"aws:PrincipalArn": like}}))
    assert world.beyond(E6)["surplus"]["principal"] == f"arn:aws:iam::{PARTNER_ACCOUNT}:user/part-any"


def test_06_e8_who_else_may_assume_the_role(world: Any) -> None:
    ci = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ci"}
    world.role("releaser", let(ci, "sts:AssumeRole"))
    assert world.beyond(E8)["verdict"] == NOTHING
    no = [
        {"Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}"}, "Action": "sts:AssumeRole"}
        for name in ("ops", "developer")
    ]
    world.role("releaser", [let("*", "sts:AssumeRole"), *no])
    surplus = world.beyond(E8)["surplus"]
    assert surplus["who"] == "anybody in an account that nobody named (such as 111122223333)"
    assert surplus["text"].startswith("Anybody in an account that nobody named (such as 111122223333) may do `sts:")
    assert surplus["statement"]["in"] == "the trust policy of role releaser"
    third = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
    }
    third["Action"] = "sts:AssumeRole"
    world.role("releaser", [let("*", "sts:AssumeRole"), *no, third])
    assert world.beyond(E8)["surplus"]["who"] == f"anybody in account {ACCOUNT}"
    only = let("*", "sts:AssumeRole", Condition={"ArnEquals": {"aws:PrincipalArn": ci["AWS"]}})
    world.role("releaser", only)
    assert world.beyond(E8)["verdict"] == NOTHING
    others = {"Effect": "Deny", "NotPrincipal": {"AWS": [ci["AWS"], ACCOUNT]}, "Action": "sts:AssumeRole"}
    world.role("releaser", [let("*", "sts:AssumeRole"), others])
    assert world.beyond(E8)["verdict"] == NOTHING
    world.role("releaser", let({"AWS": ACCOUNT}, "sts:AssumeRole"))
    found = world.beyond(E8)
    assert found["verdict"] == NOTHING
    assert [(each["who"], each["action"]) for each in found["missing"]] == [("user/ci", "sts:AssumeRole")]
    world.role(
        "releaser", let({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/x"}, "sts:AssumeRoleWithWebIdentity")
    )
    assert world.beyond(E8)["surplus"]["action"] == "sts:AssumeRoleWithWebIdentity"


def test_d05_wanted_actions_are_not_surplus(world: Any) -> None:
    """Drill d05: both accounts say yes to one pull; and to more than that."""
    y = {"AWS": f"arn:aws:iam::{PARTNER_ACCOUNT}:user/y"}
    wanted = Wanted(f"{PARTNER_ACCOUNT}:user/y", (Grant(PULL, APP), Grant(LOGIN)))
    world.repository("my-web-app", let(y, list(PULL)))
    world.user("y", *PULLS, account=PARTNER_ACCOUNT)
    assert world.beyond(wanted)["verdict"] == NOTHING
    world.user("y", allow(LOGIN), allow("ecr:*", APP), account=PARTNER_ACCOUNT)
    surplus = world.beyond(wanted)["surplus"]
    assert surplus["action"] not in (*PULL, LOGIN)
    world.user("y", allow(LOGIN), allow(list(PULL), STEM + "*"), account=PARTNER_ACCOUNT)
    surplus = world.beyond(wanted)["surplus"]
    assert (surplus["differs"], surplus["resource"]) == ("resource", STEM + "billing")
    more = allow("ecr:ListImages", APP)
    world.user("y", allow(LOGIN), more, allow(list(PULL), STEM + "*"), account=PARTNER_ACCOUNT)
    assert world.beyond(wanted)["surplus"]["action"] == PULL[0]


def test_a_registry_s_policy_counts(world: Any) -> None:
    world.user("ops", *PULLS)
    world.registry({**let({"AWS": THIRD}, "ecr:CreateRepository"), "Resource": STEM + "*"})
    surplus = world.beyond(E3)["surplus"]
    assert (surplus["who"], surplus["resource"]) == (f"anybody in account {THIRD}", STEM + "any")
    assert surplus["statement"]["in"] == "the registry policy (resource-based policy)"
    world.registry({**let({"AWS": OPS}, "ecr:CreateRepository"), "Resource": STEM + "*"})
    assert world.beyond(E3)["surplus"]["who"] == "user/ops"


def test_variables_and_tags_tell_repositories_apart(world: Any) -> None:
    own = allow(["ecr:PutImage"], STEM + "${aws:PrincipalTag/team}/*")
    wanted = Wanted("ops", Grant("ecr:PutImage", STEM + "blue/*"))
    world.user("ops", own, tags={"team": "blue"})
    assert world.beyond(wanted)["verdict"] == NOTHING
    world.user("ops", own, tags={"team": "red"})
    assert world.beyond(wanted)["surplus"]["resource"] == STEM + "red/any"
    world.user("ops", own)
    assert world.beyond(wanted)["verdict"] == NOTHING
    tagged = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}}
    world.user("ops", allow("ecr:PutImage", "*", **tagged), tags={"team": "blue"})
    surplus = world.beyond(wanted)["surplus"]
    assert (surplus["known"], surplus["context"]) == (False, {"aws:ResourceTag/team": "blue"})


def test_what_it_cannot_tell_it_says(world: Any) -> None:
    world.user("ops", *PULLS, allow("ecr:PutImage", STEM + "${aws:ResourceTag/team}"))
    found = world.beyond(E3)
    assert (found["verdict"], found["surplus"]) == ("cannot tell", None)
    assert "aws:ResourceTag/team" in found["why"] or "aws:resourcetag/team" in found["why"]


def test_a_wish_that_cannot_be_read_is_refused_in_words(world: Any) -> None:
    from ecrlab.aws.surplus import beyond
    from ecrlab.aws.what_if.errors import Unanswerable

    for given, words in (
        (None, "wanted is an object with may"),
        ({"may": [{"resources": "*"}], "who": "ops"}, "has actions"),
        ({"may": [{"actions": "ecr:PutImage"}]}, "needs its own who"),
        ({"may": [], "who": "nobody"}, "There is no principal 'nobody'"),
        ({"may": [], "who": "root"}, "root user"),
        ({"may": [], "who": 7}, "who is a text"),
        ({"may": [{"actions": "ecr:PutImage", "condition": {"Nope": {"a:b": "c"}}}], "who": "ops"}, "cannot be read"),
    ):
        with pytest.raises(Unanswerable, match=words):
            beyond(world.cloud, {"wanted": given})


def test_a_service_that_only_a_resource_names_is_looked_at(world: Any) -> None:
    buckets = {"Effect": "Allow", "NotAction": ["ecr:PutImage", "iam:*"], "Resource": "arn:aws:s3:::*"}
    world.user("ops", *PULLS, buckets)
    assert world.beyond(E3)["surplus"]["action"].startswith("s3:")


def test_what_exists_hides_nothing_that_may_be_made(world: Any) -> None:
    """The repository has no tag; one of its name in another Region may have it."""
    tagged = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}}
    world.user("ops", allow("ecr:PutImage", APP.replace(REGION, "*"), **tagged))
    from_home = Grant("ecr:PutImage", condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    surplus = world.beyond(Wanted("ops", from_home))["surplus"]
    assert (surplus["known"], surplus["resource"]) == (False, APP.replace(REGION, "eu-west-1"))


def test_a_role_is_looked_at_beside_its_player(world: Any) -> None:
    plays = Grant("sts:AssumeRole", RELEASER, who="partner")
    pulls = (Grant(PULL, APP, who="role/releaser"), Grant(LOGIN, who="role/releaser"))
    wanted = Wanted(("partner", "role/releaser"), (plays, *pulls), doors=RELEASER)
    world.user("partner", allow("sts:AssumeRole", RELEASER), account=PARTNER_ACCOUNT)
    world.role("releaser", let({"AWS": PARTNER}, "sts:AssumeRole"), *PULLS)
    found = world.beyond(wanted)
    assert (found["verdict"], found["missing"]) == (NOTHING, [])
    world.role("releaser", let({"AWS": [PARTNER, THIRD]}, "sts:AssumeRole"), *PULLS)
    assert world.beyond(wanted)["surplus"]["who"] == f"anybody in account {THIRD}"
    world.role("releaser", let({"AWS": PARTNER}, "sts:AssumeRole"), *PULLS, allow("ecr:PutImage", APP))
    surplus = world.beyond(wanted)["surplus"]
    assert (surplus["who"], surplus["action"]) == ("role/releaser", "ecr:PutImage")
    # An external id is asked of the partner: with the right one it is the wish's, and nobody else has it.
    locked = let({"AWS": PARTNER}, "sts:AssumeRole", Condition={"StringEquals": {"sts:ExternalId": "x-1"}})
    world.role("releaser", locked, *PULLS)
    assert world.beyond(wanted)["verdict"] == NOTHING


def test_a_condition_on_ids_cannot_be_told(world: Any) -> None:
    world.user("ops", *PULLS)
    ids = {"Condition": {"StringLike": {"aws:userid": "AROAXYZ:*"}}}
    world.repository("my-web-app", let("*", list(PULL), **ids))
    found = world.beyond(E3)
    assert found["verdict"] == "cannot tell"
    assert "aws:userid" in found["why"]


def test_conditions_on_region_and_account_find_their_witness(world: Any) -> None:
    far = {"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}}
    world.user("ops", *PULLS, allow("ecr:PutImage", "*", **far))
    surplus = world.beyond(E3)["surplus"]
    assert surplus["resource"] == f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/any"
    theirs = {"Condition": {"StringEquals": {"aws:ResourceAccount": THIRD}}}
    world.user("ops", *PULLS, allow("ecr:PutImage", "*", **theirs))
    surplus = world.beyond(E3)["surplus"]
    assert (surplus["resource"], surplus["half"]) == (STEM.replace(ACCOUNT, THIRD) + "any", "identity")
    login_far = allow(LOGIN, "*", **far)
    world.user("ops", allow(list(PULL), APP), login_far)
    assert world.beyond(E3)["verdict"] == NOTHING
