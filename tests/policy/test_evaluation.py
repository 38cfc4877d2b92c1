"""AWS's evaluation logic, rule by rule (facts/iam.md 2), with AWS's sentences (facts/iam.md 8)."""

from typing import Any

import pytest

from ecrlab.policy import (
    Attached,
    Decision,
    Policies,
    Policy,
    PolicyKind,
    Request,
    evaluate,
    explain,
    parse_policy,
    read_policy,
)

OWNER, PARTNER = "123456789012", "444455556666"
REPOSITORY = f"arn:aws:ecr:us-east-1:{OWNER}:repository/my-web-app"
USER = f"arn:aws:iam::{OWNER}:user/ci"
ROLE = f"arn:aws:iam::{OWNER}:role/deploy/builder"
SESSION = f"arn:aws:sts::{OWNER}:assumed-role/builder/run-1"
ROOT = f"arn:aws:iam::{OWNER}:root"
PARTNER_USER = f"arn:aws:iam::{PARTNER}:user/partner"
FEDERATED = f"arn:aws:sts::{OWNER}:federated-user/bob"
ALLOW = {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}
DENY = {**ALLOW, "Effect": "Deny"}
OTHER = {**ALLOW, "Action": "ecr:PutImage"}
NOT_AUTHORIZED = f"is not authorized to perform: ecr:BatchGetImage on resource: {REPOSITORY}"


def document(*statements: dict[str, Any], kind: PolicyKind = "identity") -> Policy:
    return parse_policy({"Version": "2012-10-17", "Statement": list(statements)}, kind)


def attached(*statements: dict[str, Any], name: str = "Pull", source: str = "user ci") -> Attached:
    return Attached(document(*statements), None, name, source)


def names(principal: Any, **more: Any) -> Policy:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage", **more}
    return document(statement, kind="resource")


def decide(principal: str, policies: Policies, action: str = "ecr:BatchGetImage", **context: str) -> Decision:
    keys: dict[str, str | tuple[str, ...]] = {}
    if principal == SESSION:
        keys = {"aws:PrincipalArn": ROLE, "aws:userid": "AROAEXAMPLEBUILDER1:run-1"}
    return evaluate(Request(principal, action, REPOSITORY, OWNER, {**keys, **context}), policies)


IDENTITY = (attached(ALLOW),)
BLIND = attached(OTHER, name="Edge")
LIMITS = {"boundary": {"boundary": BLIND}, "session": {"session": BLIND.policy}}


def test_nothing_allows() -> None:
    decision = decide(USER, Policies())
    assert decision.verdict == "ImplicitlyDenied"
    assert decision.policy_type == "identity-based"
    assert decision.statement is None
    assert decision.message == (
        f"User: {USER} {NOT_AUTHORIZED} because no identity-based policy allows the ecr:BatchGetImage action"
    )
    assert decision.context_text == "because no identity-based policy allows the ecr:BatchGetImage action"


def test_identity_policy_allows() -> None:
    decision = decide(USER, Policies((attached(OTHER), attached({**ALLOW, "Sid": "Pull"}, name="PullOnly"))))
    assert decision.allowed
    assert decision.verdict == "Allowed"
    assert decision.policy_type == "identity-based"
    assert decision.statement is not None
    assert (decision.statement.sid, decision.statement.policy_name) == ("Pull", "PullOnly")
    assert decision.message == decision.context_text == ""


DENIALS: list[tuple[dict[str, Any], str]] = [
    ({"identity": (attached(ALLOW, DENY),)}, "an identity-based policy"),
    ({"resource": document({**DENY, "Principal": "*"}, kind="resource")}, "a resource-based policy"),
    ({"registry": document({**DENY, "Principal": {"AWS": OWNER}}, kind="resource")}, "a resource-based policy"),
    ({"boundary": attached(ALLOW, DENY)}, "a permissions boundary"),
    ({"session": document(ALLOW, DENY)}, "a session policy"),
    ({"scps": ((document(ALLOW),), (document(ALLOW), document(DENY)))}, "a service control policy"),
]


@pytest.mark.parametrize(("policies", "named"), DENIALS, ids=[named for _, named in DENIALS])
def test_explicit_deny_wins(policies: dict[str, Any], named: str) -> None:
    decision = decide(SESSION, Policies(**{"identity": IDENTITY, **policies}))
    assert decision.verdict == "ExplicitlyDenied"
    assert decision.message == f"User: {SESSION} {NOT_AUTHORIZED} with an explicit deny in {named}"
    assert decision.statement is not None
    assert decision.statement.effect == "Deny"


def test_deny_beats_administrator() -> None:
    admin = attached({"Effect": "Allow", "Action": "*", "Resource": "*"}, name="AdministratorAccess")
    assert not decide(USER, Policies((admin, attached(DENY)))).allowed
    assert not decide(ROOT, Policies(resource=document({**DENY, "Principal": "*"}, kind="resource"))).allowed


MISSING: list[tuple[dict[str, Any], str]] = [
    ({"boundary": BLIND}, "permissions boundary"),
    ({"session": BLIND.policy}, "session policy"),
    ({"scps": ((BLIND.policy,),)}, "service control policy"),
    ({"scps": ((document(ALLOW),), ())}, "service control policy"),
]


@pytest.mark.parametrize(("policies", "named"), MISSING)
def test_limit_must_allow_too(policies: dict[str, Any], named: str) -> None:
    decision = decide(SESSION, Policies(identity=IDENTITY, **policies))
    assert decision.verdict == "ImplicitlyDenied"
    assert decision.message == (
        f"User: {SESSION} {NOT_AUTHORIZED} because no {named} allows the ecr:BatchGetImage action"
    )


def test_limits_grant_nothing() -> None:
    edge = attached(ALLOW)
    assert not decide(USER, Policies(boundary=edge, session=edge.policy, scps=((edge.policy,),))).allowed


def test_scps_need_an_allow_at_every_level() -> None:
    allow, other = document(ALLOW), BLIND.policy
    for levels, expected in (
        (((allow,), (allow,)), True),
        (((allow, other), (other, allow)), True),
        (((allow,), (other,)), False),
        (((other,), (allow,)), False),
    ):
        assert decide(USER, Policies(IDENTITY, scps=levels)).allowed is expected


# Facts/iam.md 2.2: what one account's resource policy is worth alone, inside a boundary, inside a session policy.
@pytest.mark.parametrize(
    ("principal", "caller", "alone", "in_boundary", "in_session"),
    [
        ({"AWS": USER}, USER, True, True, None),
        ({"AWS": ROLE}, SESSION, True, False, False),
        ({"AWS": SESSION}, SESSION, True, True, True),
        ({"AWS": FEDERATED}, FEDERATED, True, True, True),
        ("*", SESSION, True, True, True),
        ({"AWS": "*"}, USER, True, True, None),
        ({"AWS": OWNER}, USER, False, False, None),
        ({"AWS": ROOT}, SESSION, False, False, False),
        ({"AWS": "AROAEXAMPLEBUILDER1"}, SESSION, True, False, False),
        ({"AWS": f"arn:aws:iam::{OWNER}:role/builder"}, SESSION, False, False, False),
        ({"AWS": f"arn:aws:sts::{OWNER}:assumed-role/builder/run-2"}, SESSION, False, False, False),
        ({"AWS": f"arn:aws:iam::{OWNER}:user/other"}, USER, False, False, None),
        ({"Service": "lambda.amazonaws.com"}, USER, False, False, None),
    ],
)
def test_whom_a_resource_policy_names(
    principal: Any, caller: str, alone: bool, in_boundary: bool, in_session: bool | None
) -> None:
    policy = names(principal)
    assert decide(caller, Policies(resource=policy)).allowed is alone
    assert decide(caller, Policies(registry=policy)).allowed is alone
    assert decide(caller, Policies(resource=policy, boundary=BLIND)).allowed is in_boundary
    if in_session is not None:
        assert decide(caller, Policies(resource=policy, session=BLIND.policy)).allowed is in_session
    # With the identity policy's own Allow the account's naming is enough, and no naming is needed.
    assert decide(caller, Policies(IDENTITY, policy)).allowed


def test_role_named_without_its_path_in_the_context() -> None:
    request = Request(SESSION, "ecr:BatchGetImage", REPOSITORY, OWNER)
    assert evaluate(request, Policies(resource=names({"AWS": ROLE}))).allowed
    assert not evaluate(request, Policies(resource=names({"AWS": f"arn:aws:iam::{OWNER}:role/other"}))).allowed


def test_same_account_names_the_identity_side() -> None:
    decision = decide(USER, Policies(resource=names({"AWS": PARTNER})))
    assert decision.policy_type == "identity-based"
    assert decide(USER, Policies(resource=names({"AWS": OWNER}))).policy_type == "identity-based"


@pytest.mark.parametrize("principal", [{"AWS": PARTNER}, {"AWS": PARTNER_USER}, "*"])
def test_cross_account_needs_both(principal: Any) -> None:
    policy = names(principal)
    both = decide(PARTNER_USER, Policies(IDENTITY, policy))
    assert both.allowed
    assert both.cross_account
    without_identity = decide(PARTNER_USER, Policies(resource=policy))
    assert without_identity.policy_type == "identity-based"
    assert "the caller's own account must allow it too" in explain(without_identity)
    without_resource = decide(PARTNER_USER, Policies(IDENTITY))
    assert without_resource.message == (
        f"User: {PARTNER_USER} {NOT_AUTHORIZED} because no resource-based policy allows the ecr:BatchGetImage action"
    )
    assert not decide(PARTNER_USER, Policies(IDENTITY, policy, boundary=BLIND)).allowed
    assert not decide(PARTNER_USER, Policies(IDENTITY, names({"AWS": OWNER}))).allowed


def test_root_user() -> None:
    assert decide(ROOT, Policies()).allowed
    assert decide(ROOT, Policies()).statement is None
    assert not decide(ROOT, Policies(scps=((BLIND.policy,),))).allowed
    partner_root = f"arn:aws:iam::{PARTNER}:root"
    assert not decide(partner_root, Policies()).allowed
    assert decide(partner_root, Policies(resource=names({"AWS": PARTNER}))).allowed


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        ("*", "*"),
        ("lambda.amazonaws.com", {"Service": "lambda.amazonaws.com"}),
        (
            f"arn:aws:iam::{OWNER}:oidc-provider/token.actions.githubusercontent.com",
            {"Federated": f"arn:aws:iam::{OWNER}:oidc-provider/token.actions.githubusercontent.com"},
        ),
    ],
)
def test_callers_without_identity(caller: str, principal: Any) -> None:
    assert decide(caller, Policies(resource=names(principal), scps=((BLIND.policy,),))).allowed
    assert decide(caller, Policies(resource=names({"AWS": OWNER}))).policy_type == "resource-based"
    assert not decide(caller, Policies(IDENTITY)).allowed


def test_anonymous_message() -> None:
    assert decide("*", Policies()).message.startswith("User: anonymous is not authorized to perform:")


# I027: a Deny with NotPrincipal spares a caller only when every form of it is listed.
@pytest.mark.parametrize(
    ("listed", "caller", "spared"),
    [
        ([USER, OWNER], USER, True),
        ([USER, ROOT], USER, True),
        ([USER], USER, False),
        ([OWNER], USER, False),
        ([OWNER], ROOT, True),
        ([SESSION, ROLE, OWNER], SESSION, True),
        ([ROLE, OWNER], SESSION, False),
        ([SESSION, OWNER], SESSION, False),
        ([USER, OWNER], SESSION, False),
        (["*"], USER, True),
    ],
)
def test_not_principal(listed: list[str], caller: str, spared: bool) -> None:
    policy = document({"Effect": "Deny", "NotPrincipal": {"AWS": listed}, "Action": "ecr:*"}, kind="resource")
    assert decide(caller, Policies(IDENTITY, policy)).allowed is spared


def trust(principal: Any, effect: str = "Allow", **more: Any) -> Policy:
    statement = {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", **more}
    return document(statement, kind="trust")


def assume(principal: str, policies: Policies, **context: str) -> Decision:
    return evaluate(Request(principal, "sts:AssumeRole", ROLE, OWNER, context), policies)


ASSUME = (attached({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}),)


def test_trust_policy_same_account() -> None:
    assert assume(USER, Policies(resource=trust({"AWS": USER}))).allowed
    assert not assume(USER, Policies(resource=trust({"AWS": OWNER}))).allowed
    assert assume(USER, Policies(ASSUME, trust({"AWS": OWNER}))).allowed
    assert assume(USER, Policies(resource=trust({"AWS": OWNER}))).policy_type == "identity-based"


def test_trust_policy_is_always_needed() -> None:
    for policy in (trust({"AWS": PARTNER}), None):
        decision = assume(USER, Policies(ASSUME, policy))
        assert decision.message == (
            f"User: {USER} is not authorized to perform: sts:AssumeRole on resource: {ROLE} "
            "because no role trust policy allows the sts:AssumeRole action"
        )
    denied = assume(USER, Policies(ASSUME, trust({"AWS": OWNER}, "Deny")))
    assert denied.context_text == "with an explicit deny in the role trust policy"


def test_trust_policy_cross_account_with_external_id() -> None:
    policy = trust({"AWS": PARTNER}, Condition={"StringEquals": {"sts:ExternalId": "e-1"}})
    assert assume(PARTNER_USER, Policies(ASSUME, policy), **{"sts:ExternalId": "e-1"}).allowed
    assert not assume(PARTNER_USER, Policies(ASSUME, policy), **{"sts:ExternalId": "e-2"}).allowed
    assert not assume(PARTNER_USER, Policies(resource=policy), **{"sts:ExternalId": "e-1"}).allowed


def test_key_policy_is_always_needed() -> None:
    key = f"arn:aws:kms:us-east-1:{OWNER}:key/1"
    identity = (attached({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}),)
    request = Request(USER, "kms:Decrypt", key, OWNER)
    delegates = document({"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*"}, kind="resource")
    assert not evaluate(request, Policies(identity)).allowed
    assert evaluate(request, Policies(identity, delegates)).allowed
    assert not evaluate(request, Policies(resource=delegates)).allowed


def test_actions_ignore_case_and_not_action() -> None:
    for actions, expected in (
        ({"Action": "ECR:batchgetimage"}, True),
        ({"Action": ["ecr:PutImage", "ecr:Batch*"]}, True),
        ({"Action": "ecr:?atchGetImage"}, True),
        ({"Action": "ecr-public:*"}, False),
        ({"NotAction": "ecr:BatchGet*"}, False),
        ({"NotAction": ["iam:*", "ecr:PutImage"]}, True),
    ):
        statement = {"Effect": "Allow", "Resource": "*", **actions}
        assert decide(USER, Policies((attached(statement),))).allowed is expected


def test_trace_has_the_first_mismatch_of_every_statement() -> None:
    statements: list[dict[str, Any]] = [
        OTHER,
        {**ALLOW, "Resource": REPOSITORY + "/sub"},
        {**ALLOW, "Condition": {"StringEquals": {"aws:username": "ci"}, "Bool": {"aws:SecureTransport": "true"}}},
        {**ALLOW, "Sid": "Yes"},
    ]
    decision = decide(USER, Policies((attached(*statements),), names({"AWS": PARTNER})), **{"aws:username": "ci"})
    elements = [row.mismatch and row.mismatch.element for row in decision.trace]
    assert elements == ["principal", "action", "resource", "condition", None]
    mismatch = decision.trace[3].mismatch
    assert mismatch is not None
    assert mismatch.condition is not None
    assert (mismatch.condition.operator, mismatch.condition.key) == ("Bool", "aws:SecureTransport")
    assert decision.statement is decision.trace[4]


def test_explanations() -> None:
    allowed = decide(USER, Policies((attached({**ALLOW, "Sid": "Pull"}, name="PullOnly"),), boundary=attached(ALLOW)))
    assert explain(allowed) == (
        'Allowed: statement "Pull" of the identity-based policy PullOnly of user ci allows ecr:BatchGetImage on '
        f"{REPOSITORY}, and no statement denies it. The permissions boundary allows it as well."
    )
    denied = decide(USER, Policies((attached(ALLOW, {**DENY, "Sid": "Never"}, name="Mixed"),)))
    assert explain(denied) == (
        'Denied: statement "Never" of the identity-based policy Mixed of user ci explicitly denies ecr:BatchGetImage '
        f"on {REPOSITORY}. A Deny beats every Allow, here that of statement number 1 of the identity-based policy "
        "Mixed of user ci."
    )
    near = {**ALLOW, "Sid": "Office", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    missing = decide(USER, Policies((attached(near),)), **{"aws:SourceIp": "127.0.0.1"})
    assert explain(missing) == (
        f"Denied: no identity-based policy allows ecr:BatchGetImage on {REPOSITORY}. What nothing allows is denied. "
        'Statement "Office" of the identity-based policy Pull of user ci covers the action but does not apply: its '
        "condition IpAddress asks aws:SourceIp for 10.0.0.0/8 and the request has 127.0.0.1."
    )
    assert explain(decide(USER, Policies())).endswith("There is no identity-based policy at all.")
    assert "none denies it" in explain(decide(ROOT, Policies()))
    cross = decide(PARTNER_USER, Policies(IDENTITY, names({"AWS": PARTNER})))
    assert "of another account" in explain(cross)
    neither = decide(PARTNER_USER, Policies())
    assert "No identity-based policy of the caller allows it either." in explain(neither)
    delegated = decide(USER, Policies(resource=names({"AWS": OWNER})))
    assert "leaves it to the account's own policies" in explain(delegated)
    absent = decide(USER, Policies((attached(near),)))
    assert "the request has no such key" in explain(absent)
    listed = decide(USER, Policies((attached({**ALLOW, "Resource": "arn:aws:ecr:*"}, name="A"), attached(OTHER))))
    assert listed.allowed
    other = decide(USER, Policies((attached(OTHER, name="Push"),)))
    assert "None of the Allow statements" in explain(other)


def test_pull_only_policy_of_the_topic_summary() -> None:
    """Facts/iam.md 9: the repository actions on one ARN allow the pull, but not the login, nor a push."""
    pull = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]
    seed = Policies((attached({"Effect": "Allow", "Action": pull, "Resource": REPOSITORY}),))
    assert decide(USER, seed).allowed
    login = evaluate(Request(USER, "ecr:GetAuthorizationToken", "*", OWNER), seed)
    assert login.message == (
        f"User: {USER} is not authorized to perform: ecr:GetAuthorizationToken on resource: * "
        "because no identity-based policy allows the ecr:GetAuthorizationToken action"
    )
    assert not decide(USER, seed, "ecr:InitiateLayerUpload").allowed
    narrow = attached({"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": REPOSITORY})
    assert not evaluate(Request(USER, "ecr:GetAuthorizationToken", "*", OWNER), Policies((narrow,))).allowed


def test_read_policy_takes_what_only_validation_refuses() -> None:
    document = {"Version": "2012-10-17", "Statement": {**ALLOW, "Resource": "arn:aws:iam:us-east-1:1:role/a"}}
    assert read_policy(document).statements[0].resources is not None


def test_a_root_user_never_assumes_a_role() -> None:
    role = f"arn:aws:iam::{OWNER}:role/deployer"
    trust = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "sts:*"}
    policies = Policies(resource=document(trust, kind="trust"))
    decision = evaluate(Request(ROOT, "sts:AssumeRole", role, OWNER, {}), policies)
    assert (decision.verdict, decision.policy_type) == ("ImplicitlyDenied", None)
    assert decision.message == "Roles may not be assumed by root accounts."
    assert "whatever policies say" in explain(decision)
    assert not evaluate(Request(f"arn:aws:iam::{PARTNER}:root", "sts:AssumeRole", role, OWNER, {}), policies).allowed
